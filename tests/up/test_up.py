"""The whole of `gridwatch up`, as a person runs it."""

import json
import signal
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers import Mosquitto, accepts, free_port, wait_until
from tests.up.running_up import STOP_WITHIN_S, RunningUp, clean_environment, living

MENDED_WITHIN_S = 45.0

STILL_AT_WORK = "is still at work"
"""What is said of a part that a loaded machine does not let stop in time."""

PARTS = [
    pytest.param(("gridwatch", "ingest"), id="collector"),
    pytest.param(("gridwatch", "api"), id="api"),
    pytest.param(("gridwatch", "dispatch"), id="dispatch"),
    pytest.param(("mosquitto.conf",), id="broker"),
    pytest.param(("postgres", "-D"), id="database"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory that is not there yet."""
    return tmp_path_factory.mktemp("home") / "data"


@pytest.fixture(scope="module")
def up(home: Path) -> Iterator[RunningUp]:
    """Return an installation that has just been set up and is ready."""
    with RunningUp(home, arguments=("--no-simulate",)) as running:
        yield running.until_ready()


def sign_in(up: RunningUp, password: str) -> int:
    form = urllib.parse.urlencode({"username": "admin", "password": password}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{up.port}/api/v1/token", data=form)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        assert json.load(answer)["access_token"]
        return int(answer.status)


def test_the_password_that_is_shown_once_signs_in(up: RunningUp) -> None:
    password = next(line.split("admin / ")[1].split()[0] for line in up.lines if "admin / " in line)
    assert sign_in(up, password) == 200


def test_it_prints_the_addresses_and_where_the_data_is(up: RunningUp) -> None:
    assert f"http://127.0.0.1:{up.port}/" in up.said
    assert f"mqtt://127.0.0.1:{up.mqtt_port}" in up.said
    assert str(up.data) in up.said


def test_it_listens_on_loopback_only(up: RunningUp) -> None:
    addresses = {
        connection.laddr[0]
        for process in up.family()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_its_folders_are_its_owners_alone(up: RunningUp) -> None:
    folders = [up.database_folder(), up.data / "broker", up.data / "logs"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3


def test_the_broker_would_know_the_collector_again_after_a_crash(up: RunningUp) -> None:
    saved = up.data / "broker" / "mosquitto.db"
    wait_until(lambda: saved.exists() and b"-0-readings" in saved.read_bytes(), what="its session is saved")


def test_a_second_one_on_the_same_data_is_refused_with_a_sentence(up: RunningUp) -> None:
    with RunningUp(up.data) as second:
        assert second.wait() == 2
        assert "gridwatch up: another gridwatch up (process" in second.said
        assert str(up.data) in second.said
    assert up.is_well()


def test_a_port_that_is_taken_is_refused_with_a_sentence(up: RunningUp, tmp_path: Path) -> None:
    with RunningUp(tmp_path / "data", port=up.port) as second:
        assert second.wait() == 2
    assert f"port {up.port} for the API and the console is already in use by" in second.said
    with RunningUp(tmp_path / "data", mqtt_port=up.mqtt_port) as second:
        assert second.wait() == 2
    assert f"port {up.mqtt_port} for the MQTT broker is already in use by mosquitto" in second.said


@pytest.mark.parametrize("words", PARTS)
def test_a_part_that_was_killed_is_mended_and_the_others_find_it_again(
    up: RunningUp, words: tuple[str, ...]
) -> None:
    wait_until(up.is_well, timeout_s=MENDED_WITHIN_S, what="all is well before")
    killed = up.child(*words)
    assert killed is not None
    said = len(up.lines)
    killed.kill()
    wait_until(
        lambda: any("was ended by SIGKILL; it is started again" in line for line in up.lines[said:]),
        what="the death is said",
    )

    def mended() -> bool:
        successor = up.child(*words)
        return successor is not None and successor.pid != killed.pid and up.is_well()

    wait_until(mended, timeout_s=MENDED_WITHIN_S, what="another life")


def test_what_the_readme_types_beside_it_finds_its_servers(up: RunningUp) -> None:
    wait_until(up.is_well, timeout_s=MENDED_WITHIN_S, what="all is well before")
    books = subprocess.run(
        [sys.executable, "-m", "gridwatch", "books", "--json"],
        env=clean_environment() | {"GRIDWATCH_DATA_DIR": str(up.data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(books.stdout)


def test_ctrl_c_stops_everything_and_leaves_no_process(up: RunningUp) -> None:
    wait_until(up.is_well, timeout_s=MENDED_WITHIN_S, what="all is well before")
    family = up.family()
    assert len(family) >= 5
    up.signal(signal.SIGINT)  # an impatient person presses twice
    assert up.stop() < STOP_WITHIN_S or STILL_AT_WORK in up.said
    assert living(family) == []
    assert up.lines[-1] == "stopped"


def test_a_killed_one_leaves_no_process_and_the_next_keeps_all_data(home: Path, up: RunningUp) -> None:
    """Comes after Ctrl-C: the data directory is free again."""
    with RunningUp(home, port=up.port, mqtt_port=up.mqtt_port, arguments=("--no-simulate",)) as again:
        again.until_ready()
        assert "admin / " not in again.said
        family = again.family()
        again.signal(signal.SIGKILL)
        assert again.wait() == -signal.SIGKILL
    with RunningUp(home, port=up.port, mqtt_port=up.mqtt_port, arguments=("--no-simulate",)) as recovered:
        recovered.until_ready()
        assert living(family) == []
        assert "admin / " not in recovered.said
        assert recovered.is_well()


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        pytest.param("Preparing the database …", id="database"),
        pytest.param("Looking into the database …", id="migration"),
    ],
)
def test_ctrl_c_during_the_first_start_leaves_no_process_and_the_next_start_works(
    tmp_path: Path, said: str
) -> None:
    data = tmp_path / "data"
    with RunningUp(data, arguments=("--no-simulate",)) as given_up:
        wait_until(lambda: said in given_up.lines, what=said)
        family = given_up.family()
        assert given_up.stop() < STOP_WITHIN_S or STILL_AT_WORK in given_up.said
        assert living(family) == []
    with RunningUp(data, arguments=("--no-simulate",)) as again:
        again.until_ready()
        assert "admin / " in again.said


def test_servers_that_the_settings_name_are_used_and_none_is_started(
    tmp_path: Path, database_url: str, mosquitto: Mosquitto
) -> None:
    servers = {"GRIDWATCH_DATABASE_URL": database_url, "GRIDWATCH_MQTT_URL": mosquitto.url}
    with RunningUp(tmp_path / "data", arguments=("--no-simulate",), settings=servers) as up:
        up.until_ready()
        assert up.is_well()
        assert {process.name() for process in up.family()} & {"postgres", "mosquitto"} == set()
        assert mosquitto.url in up.said
    assert accepts(mosquitto.port)


def test_a_database_that_is_named_and_away_is_said_and_the_exit_is_not_zero(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    servers = {"GRIDWATCH_DATABASE_URL": away, "GRIDWATCH_MQTT_URL": mosquitto.url}
    with RunningUp(tmp_path / "data", settings=servers) as up:
        assert up.wait() == 1
    assert "the database can't be reached: start it, or correct GRIDWATCH_DATABASE_URL" in up.said
    assert "Traceback" not in up.said


def test_a_broker_that_is_named_and_away_is_said_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    with RunningUp(tmp_path / "data", settings={"GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{port}"}) as up:
        assert up.wait() == 1
    assert f"no MQTT broker answers at 127.0.0.1 port {port}" in up.said
