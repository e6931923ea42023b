"""What `gridwatch doctor` finds, on real servers, each ill once."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from gridwatch.cli.doctor import broker as doctor_of_the_broker
from gridwatch.cli.doctor import folder
from gridwatch.cli.doctor.channels import check_outside
from gridwatch.cli.doctor.check import State
from gridwatch.cli.every import app
from gridwatch.cli.up.broker import (
    amqtt_command,
    find_mosquitto,
    mosquitto_command,
    write_amqtt_configuration,
)
from gridwatch.private_ca import PrivateCa
from gridwatch.services import DingTalk
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.channels import put_service
from gridwatch.store.webhooks import Address, Webhook, put_webhook
from gridwatch.strongbox import KEY_FILE, Strongbox
from tests.api.serving import at_store, shut_out
from tests.collectors import ask, register, write_book
from tests.servers import Mosquitto, accepts, free_port, run_sql, wait_until, with_database

COLLECTOR = """
    INSERT INTO collector (client_id, slot, pid, subscribed, heartbeat_at)
    VALUES ('gridwatch-0', 0, 1, true, now() + interval '1 hour')"""


@pytest.fixture
def healthy(database_url: str, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the database of an installation in which all is well."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDWATCH_MQTT_URL", mosquitto.url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(data))
    monkeypatch.setattr(folder, "ENOUGH_BYTES", 0)
    monkeypatch.setattr(folder, "SCARCE_BYTES", 0)
    ask(database_url, COLLECTOR)
    return database_url


def examine() -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit status, and of each subject how it is and what was found and advised."""
    said = CliRunner().invoke(app, ["doctor", "--json"])
    checks = json.loads(said.stdout)
    return said.exit_code, {c["subject"]: (c["state"], f"{c['found']} → {c['todo']}") for c in checks}


@contextmanager
def amqtt(folder: Path) -> Iterator[int]:
    """Run the stand-in broker; yield its port."""
    port = free_port()
    process = subprocess.Popen(
        amqtt_command(write_amqtt_configuration(folder, port=port)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: accepts(port), what="amqtt accepts")
        yield port
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.usefixtures("healthy")
def test_nothing_is_wrong_with_a_healthy_installation() -> None:
    status, found = examine()
    unsafe = found.pop("commits")
    assert unsafe[0] in {"ok", "fail"}, "the tests' own server may write without fsync"
    assert {subject for subject, (state, _) in found.items() if state == "fail"} == set()
    assert status == (1 if unsafe[0] == "fail" else 0)
    assert found["broker"][1].startswith("MQTT 5 at 127.0.0.1")
    assert "mosquitto version 2" in found["broker's $SYS"][1]
    text = CliRunner().invoke(app, ["doctor"]).stdout
    assert "collectors" in text


@pytest.mark.usefixtures("healthy")
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWATCH_HTTP_PORT", "0")
    status, found = examine()
    assert (status, found["settings"][0]) == (1, "fail")
    assert "GRIDWATCH_HTTP_PORT" in found["settings"][1]


def test_without_any_server_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path / "nothing"))
    status, found = examine()
    assert status == 1
    assert found["data directory"][0] == "warn"
    assert found["database"][0] == found["broker"][0] == "fail"
    assert "gridwatch up" in found["database"][1]


def test_a_database_that_is_away_is_a_failure(healthy: str, postgres_url: str) -> None:
    with shut_out(postgres_url, healthy):
        status, found = examine()
    assert (status, found["database"][0]) == (1, "fail")
    assert "can't be reached" in found["database"][1]
    assert found["broker"][0] == "ok"


@pytest.mark.usefixtures("healthy")
def test_tables_that_are_missing_or_newer_are_a_failure(
    healthy: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(healthy, "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999-later')")
    assert "newer Gridwatch" in examine()[1]["database"][1]
    empty = f"test_{uuid4().hex[:12]}"
    run_sql(postgres_url, f'CREATE DATABASE "{empty}"')
    try:
        monkeypatch.setenv("GRIDWATCH_DATABASE_URL", with_database(postgres_url, empty))
        status, found = examine()
    finally:
        run_sql(postgres_url, f'DROP DATABASE "{empty}" WITH (FORCE)')
    assert (status, found["tables"][0]) == (1, "fail")
    assert "gridwatch migrate" in found["tables"][1]


def test_commits_that_may_be_lost_are_a_failure(healthy: str, postgres_url: str) -> None:
    name = urlsplit(healthy).path.removeprefix("/")
    run_sql(postgres_url, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    status, found = examine()
    assert (status, found["commits"][0]) == (1, "fail")
    assert "synchronous_commit" in found["commits"][1]


def test_what_went_wrong_in_the_work_is_named(healthy: str) -> None:
    register(healthy, "s1", "fire", "sensor")
    write_book(healthy, "s1", 5, 4)
    ask(healthy, "DELETE FROM collector")
    ask(healthy, "INSERT INTO chore (name, error) VALUES ('sweep', 'no room')")
    ask(
        healthy,
        """INSERT INTO gap (device_key, first_seq, last_seq, after_at, before_at, missing)
           SELECT key, 5, 9, now(), now(), 4 FROM device""",
    )
    ask(healthy, "INSERT INTO device_clock (device_key, skew_s, sure) SELECT key, -90, true FROM device")
    ask(healthy, "INSERT INTO fill (name, count, bytes, share) VALUES ('quarantine', 9, 900, 0.9)")
    ask(healthy, "INSERT INTO broker_incident (at, what, detail) VALUES (now(), 'restarted', 'at noon')")
    status, found = examine()
    assert status == 1
    assert found["collectors"][0] == found["books"][0] == "fail"
    warned = {subject for subject, (state, _) in found.items() if state == "warn"}
    assert {"quarantine", "sequence", "periodic work", "devices' clocks"} <= warned
    assert "4 messages" in found["sequence"][1]
    assert "sweep: no room" in found["periodic work"][1]


@pytest.mark.usefixtures("healthy")
def test_a_broker_that_is_away_is_a_failure(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    status, found = examine()
    assert (status, found["broker"][0]) == (1, "fail")
    assert str(mosquitto.port) in found["broker"][1]


@pytest.mark.usefixtures("healthy")
def test_the_stand_in_broker_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with amqtt(tmp_path / "amqtt") as port:
        monkeypatch.setenv("GRIDWATCH_MQTT_URL", f"mqtt://127.0.0.1:{port}")
        _, found = examine()
    assert found["broker"][0] == "warn"
    assert "amqtt" in found["broker"][1]


@pytest.mark.usefixtures("healthy")
def test_a_broker_that_lets_strangers_in_is_a_failure_where_strangers_reach_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert examine()[1]["strangers"][0] == "ok"
    monkeypatch.setattr(doctor_of_the_broker, "LOOPBACK", ())
    status, found = examine()
    assert (status, found["strangers"][0]) == (1, "fail")
    assert "gridwatch broker-config" in found["strangers"][1]


def test_a_device_that_misuses_the_broker_is_named(healthy: str) -> None:
    ask(
        healthy,
        "INSERT INTO broker_incident (at, what, count, detail) VALUES (now(), 'flooded', 3, 'smoke-1')",
    )
    state, said = examine()[1]["misuse"]
    assert state == "warn"
    assert "smoke-1 flooded" in said
    assert "devices credential revoke" in said


def test_a_certificate_of_the_broker_that_ends_soon_is_told_in_time(healthy: str, tmp_path: Path) -> None:
    ca, broker = PrivateCa(tmp_path / "ca"), tmp_path / "data" / "broker"
    ca.make("a test")
    broker.mkdir()
    for days, state in ((400, "ok"), (20, "warn")):
        (broker / "server.pem").write_bytes(ca.issue_server(["localhost"], days=days).certificate)
        assert examine()[1]["broker's certificate"][0] == state, days


@pytest.mark.usefixtures("healthy")
def test_a_broker_that_keeps_too_few_messages_is_a_failure(mosquitto: Mosquitto, tmp_path: Path) -> None:
    assert examine()[1]["broker's queues"][0] == "ok"
    mosquitto.stop()
    small = tmp_path / "mosquitto.conf"
    small.write_text(f"listener {mosquitto.port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n")
    program = find_mosquitto()
    assert program is not None
    process = subprocess.Popen(mosquitto_command(program, small), stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: accepts(mosquitto.port), what="the other Mosquitto accepts")
        status, found = examine()
    finally:
        process.terminate()
        process.wait(60)
    assert (status, found["broker's queues"][0]) == (1, "fail")
    assert "max_queued_messages 0" in found["broker's queues"][1]


def test_a_configuration_that_loses_queues_is_a_failure(
    healthy: str, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "running.json").write_text(json.dumps({"database_url": healthy, "mqtt_url": mosquitto.url}))
    monkeypatch.delenv("GRIDWATCH_MQTT_URL")
    (data / "broker").mkdir()
    configuration = data / "broker" / "mosquitto.conf"
    configuration.write_text((mosquitto.folder / "mosquitto.conf").read_text())
    assert examine()[1]["broker's configuration"][0] == "ok"
    configuration.write_text("persistence true\nmax_queued_messages 1000\n")
    status, found = examine()
    assert (status, found["broker's configuration"][0]) == (1, "fail")
    assert "max_queued_messages 0" in found["broker's configuration"][1]


@pytest.mark.usefixtures("healthy")
def test_a_data_directory_that_others_may_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "data").chmod(0o755)
    status, found = examine()
    assert (status, found["data directory"][0]) == (1, "fail")
    assert "chmod 700" in found["data directory"][1]


@pytest.mark.usefixtures("healthy")
def test_a_disk_that_is_nearly_full_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "SCARCE_BYTES", 1 << 60)
    assert examine()[1]["disk"][0] == "warn"
    monkeypatch.setattr(folder, "ENOUGH_BYTES", 1 << 60)
    assert examine()[1]["disk"][0] == "fail"


def test_channels_are_looked_at_and_a_key_that_is_another_is_found(healthy: str, tmp_path: Path) -> None:
    """A service whose server is away, a receiver that gets nothing, and then a key that was not restored."""
    gone = DingTalk(access_token="a", secret="b", base=f"http://127.0.0.1:{free_port()}")
    address = Address(url="https://city.example/in", secret="whsec_x")

    async def settle(store: Store) -> None:
        box = Strongbox(tmp_path / "data")
        await put_service(store, box, "group", gone, by="a test")
        await put_webhook(store, box, Webhook(name="city", address=address), by="a test")
        await store.execute("UPDATE webhook SET failing_since = now(), last_error = 'it answered 503'")

    at_store(healthy, settle)
    found = examine()[1]
    assert found["channel group"][0] == "warn"
    assert "can't be reached" in found["channel group"][1]
    assert found["webhook city"][0] == "warn"
    assert "it answered 503" in found["webhook city"][1]
    (tmp_path / "data" / KEY_FILE).write_bytes(Fernet.generate_key())
    status, found = examine()
    assert (status, found["channel group"][0]) == (1, "fail")
    assert f"the same {KEY_FILE}" in found["channel group"][1]


def test_a_proxy_that_nobody_trusts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWATCH_PUBLIC_URL", "https://watch.example.org")
    checks = check_outside(read_settings())
    assert [(one.subject, one.state) for one in checks] == [("proxy", State.WARN)]
    monkeypatch.setenv("GRIDWATCH_TRUSTED_PROXIES", "127.0.0.1")
    assert [one.state for one in check_outside(read_settings())] == [State.OK]
