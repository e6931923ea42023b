"""compose.yaml is valid, and everything that it names exists."""

import re
import subprocess
import sys
from ipaddress import ip_address

import pytest
import typer

from gridwatch.broker_address import BrokerAddress
from gridwatch.cli import app
from gridwatch.settings import Settings, read_settings
from tests.deploy.compose import COMPOSE, DEPLOY, filled, ours, services, variables

SCHEMA = "vendor.compose-spec"
SECRETS = {"DATABASE_PASSWORD", "MQTT_PASSWORD", "ADMIN_PASSWORD"}


def _example() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def test_compose_file_follows_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMA, str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_of_a_service_exists_with_its_options() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    given = [service["command"] for service in ours().values()]
    assert {name for name, *_ in given} == {"migrate", "ingest", "api", "dispatch", "simulate"}
    for name, *options in given:
        assert commands[name].make_context(name, options).args == []


def test_every_compose_command_of_the_readme_names_a_service_and_a_command_of_ours() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    runs = [line.split() for line in re.findall(r"docker compose run ([^`\n]+)", text)]
    assert len(runs) >= 4
    for words in runs:
        service, command = [word for word in words if not word.startswith("--")][:2]
        assert service in services()
        if service in ours():
            assert command in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = re.findall(r"docker compose (?:exec|restart|--profile simulate stop) (\w+)", text)
    assert set(named) == {"broker", "simulate"} <= services().keys()


def test_every_variable_of_a_service_of_ours_is_a_setting() -> None:
    known = {f"GRIDWATCH_{name.upper()}" for name in Settings.model_fields}
    for name, service in ours().items():
        assert set(service["environment"]) <= known, name


def test_settings_of_each_service_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = _example() | dict.fromkeys(SECRETS, "c0ffee")
    for service in ours().values():
        with monkeypatch.context() as environment:
            for variable, value in service["environment"].items():
                environment.setenv(variable, filled(value, values))
            settings = read_settings()
        assert "@database:5432/" in (settings.database_url or "")
        if settings.mqtt_url is not None:
            assert BrokerAddress.parse(settings.mqtt_url).host == "broker"


def test_every_host_in_an_address_is_a_service() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert "@database:5432" in text
    assert "@broker:1883" in text
    assert {"database", "broker"} <= services().keys()


def test_files_that_are_mounted_exist() -> None:
    mounted = [volume for service in services().values() for volume in service.get("volumes", [])]
    files = [volume.split(":")[0] for volume in mounted if volume.startswith(".")]
    assert files == ["./mosquitto/mosquitto.conf"]
    for name in files:
        assert (DEPLOY / name).is_file()


def test_broker_reads_the_password_file_from_a_folder_that_is_mounted() -> None:
    conf = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    places = [volume.split(":")[1] for volume in services()["broker"]["volumes"]]
    assert "password_file /mosquitto/config/passwords" in conf
    assert "/mosquitto/config" in places
    assert "persistence_location /mosquitto/data/" in conf
    assert "/mosquitto/data" in places


def test_there_are_no_default_passwords() -> None:
    example = _example()
    for name, rule, default in variables():
        if name in SECRETS:
            assert rule == ":?", f"{name} must be refused when it is not set, not become {default!r}"
            assert example[name] == ""
    assert {name for name, rule, _ in variables() if rule == ":?"} == SECRETS


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    assert {name for name, _, _ in variables()} == _example().keys()


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    for port in published:
        for values in ({}, _example()):
            address, _, _ = filled(port, values).rsplit(":", 2)
            assert ip_address(address).is_loopback


def test_services_of_ours_wait_for_tables_and_servers() -> None:
    for name, service in ours().items():
        if name == "migrate":
            continue
        waits = service["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert waits["database"]["condition"] == waits["broker"]["condition"] == "service_healthy"
        assert service["environment"]["GRIDWATCH_MIGRATE"] == "0"


def test_collector_and_api_share_the_evidence() -> None:
    where = {name: service["volumes"] for name, service in ours().items() if "volumes" in service}
    assert where == {"ingest": ["data:/data", "backups:/backups"], "api": ["data:/data"]}


def test_images_of_others_are_pinned() -> None:
    for service in services().values():
        if service["image"] != "gridwatch":
            assert service["image"].split(":")[1][0].isdigit()
