"""compose.yaml is valid, and everything that it names exists."""

import re
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gridwatch.broker_address import BrokerAddress
from gridwatch.broker_config import find_plugin
from gridwatch.cli.every import app
from gridwatch.cli.up.broker import find_mosquitto
from gridwatch.settings import Settings, read_settings
from tests.access.guarded import Guest
from tests.deploy.compose import COMPOSE, DEPLOY, filled, ours, services, variables
from tests.servers import accepts, free_port, wait_until

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
    assert {name for name, *_ in given} == {
        "migrate",
        "ingest",
        "api",
        "dispatch",
        "simulate",
        "broker-config",
    }
    for name, *options in given:
        assert commands[name].make_context(name, options).args == []


def test_every_compose_command_of_the_readme_names_a_service_and_a_command_of_ours() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    runs = [line.split() for line in re.findall(r"docker compose run ([^`\n]+)", text)]
    assert len(runs) >= 6
    for words in runs:
        service, command = [word for word in words if not word.startswith("--")][:2]
        assert service in services()
        if service in ours():
            assert command in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    named = re.findall(r"docker compose (?:cp (?=\w+:)|--profile simulate stop )(\w+)", text)
    assert set(named) == {"doorkeeper", "ingest", "simulate"} <= services().keys()


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
        if settings.database_url is not None:
            assert "@database:5432/" in settings.database_url
        if settings.mqtt_url is not None:
            assert BrokerAddress.parse(settings.mqtt_url).host == "broker"


def test_every_host_in_an_address_is_a_service() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert "@database:5432" in text
    assert "@broker:1883" in text
    assert {"database", "broker"} <= services().keys()


def test_broker_and_doorkeeper_share_files_account_and_processes() -> None:
    broker, doorkeeper, writer = (services()[name] for name in ("broker", "doorkeeper", "broker-config"))
    assert doorkeeper["pid"] == "service:broker"
    uid = re.search(r"useradd .*--uid (\d+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert uid is not None
    assert broker["user"] == f"{uid[1]}:{uid[1]}"
    folder = writer["command"][1]
    assert doorkeeper["command"][1] == folder
    assert broker["command"] == ["mosquitto", "-c", f"{folder}/mosquitto.conf"]
    assert all(f"broker:{folder}" in service["volumes"] for service in (broker, doorkeeper, writer))
    assert broker["depends_on"]["broker-config"]["condition"] == "service_completed_successfully"


def test_what_compose_writes_starts_a_broker_that_lets_our_processes_in_and_no_stranger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin, program = find_plugin(), find_mosquitto()
    if plugin is None or program is None:
        pytest.skip("needs Mosquitto with its dynamic security plugin: make setup says how")
    secret, inner = "c0ffee", free_port()
    here = {"/broker": str(tmp_path / "broker"), "/usr/lib/mosquitto_dynamic_security.so": str(plugin)}
    command = [filled(word, {}) for word in services()["broker-config"]["command"]]
    for there, place in here.items():
        command = [word.replace(there, place) for word in command]
    command[command.index("--inner=0.0.0.0")] = "--inner=127.0.0.1"
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GRIDWATCH_MQTT_URL", f"mqtt://~collector:{secret}@broker:1883")
    for name, port in (("MQTT", inner), ("MQTTS", free_port()), ("MQTT_CERTIFICATE", free_port())):
        monkeypatch.setenv(f"GRIDWATCH_{name}_PORT", str(port))
    # Here nobody outside may reach it, even for a moment.
    result = CliRunner().invoke(app, [*command, "--host", "127.0.0.1"])
    assert result.exit_code == 0, result.output
    process = subprocess.Popen([str(program), "-c", str(tmp_path / "broker" / "mosquitto.conf")])
    try:
        wait_until(lambda: accepts(inner), what="the broker accepts")
        with Guest(inner, "~collector", secret) as ours:
            assert ours.is_in
        assert not Guest(inner, "~collector", "a guess").is_in
        assert not Guest(inner).is_in
    finally:
        process.terminate()
        process.wait(60)


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
        if name in ("migrate", "broker-config"):
            continue
        waits = service["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        assert waits["database"]["condition"] == waits["broker"]["condition"] == "service_healthy"
        assert service["environment"]["GRIDWATCH_MIGRATE"] == "0"


def test_collector_and_api_share_the_evidence_and_the_dispatcher_the_key_of_the_channels() -> None:
    where = {name: service["volumes"] for name, service in ours().items() if "volumes" in service}
    keeps_the_door = ["data:/data", "broker:/broker"]
    assert where == {
        "ingest": ["data:/data", "backups:/backups"],
        "api": ["data:/data"],
        "dispatch": ["data:/data"],
        "broker-config": keeps_the_door,
        "doorkeeper": keeps_the_door,
    }


def test_images_of_others_are_pinned() -> None:
    for service in services().values():
        if service["image"] != "gridwatch":
            assert service["image"].split(":")[1][0].isdigit()
