"""Cameras are judged in one process: what falls is told at once, then shown, whatever breaks meanwhile."""

import base64
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gridwatch.media import encode_mp4, read_picture, read_video
from gridwatch.model import Picture
from ingest.bridges.spool import Spool
from ingest.edge.cameras import CameraEntry, EdgeCamera, camera_of
from ingest.edge.running import run_edge
from simulators.network_camera import Film, NetworkCamera, encode_film
from tests.collectors import ask, register, running_collector, totals
from tests.ingest.bridges.bridging import findings, running, settings_of, statuses
from tests.ingest.edge.films import FPS, START, bar_film, dark_film, throw_pictures
from tests.servers import Mosquitto, wait_until
from tests.simulators.listening import Heard, listening

LOGIN = "admin:geheim-77"


@pytest.fixture(scope="module")
def throw() -> Sequence[Picture]:
    """Return a film of something that falls."""
    return throw_pictures()


@pytest.fixture(scope="module")
def film(throw: Sequence[Picture]) -> Film:
    """Return it as a network camera sends it."""
    return encode_film(throw, fps=FPS, mbit_s=3)


@pytest.fixture(scope="module")
def file(throw: Sequence[Picture], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return it as a file."""
    path = tmp_path_factory.mktemp("films") / "wall-1.mp4"
    path.write_bytes(encode_mp4(throw))
    return path


def camera_at(
    source: str, monkeypatch: pytest.MonkeyPatch | None = None, *, device: str = "wall-1", login: str = ""
) -> EdgeCamera:
    """Return a camera that watches a façade."""
    entry = CameraEntry(scene="throwing", source=source, device=device)
    if monkeypatch is not None:
        monkeypatch.setenv("LOGIN", login)
        entry.login_env = "LOGIN"
    return camera_of(entry)


def clip_of(finding: dict[str, Any]) -> list[Picture]:
    """Return the pictures of a finding's clip, as if it began at START."""
    video = next(item for item in finding["evidence"] if item["type"] == "video/mp4")
    return list(read_video(base64.b64decode(video["base64"]), start=START))


def clips_in(heard: Heard) -> list[dict[str, Any]]:
    """Return the findings that came with their clip."""
    return [finding for finding in findings(heard, "wall-1") if "clip_s" in finding["criteria"]]


@pytest.mark.anyio
async def test_what_falls_before_a_network_camera_is_told_at_once_and_then_shown(
    tmp_path: Path,
    mosquitto: Mosquitto,
    film: Film,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    network_camera = NetworkCamera(film, login=LOGIN)
    network_camera.start()
    camera = camera_at(network_camera.url, monkeypatch, login=LOGIN)
    work = run_edge(settings_of(tmp_path, mosquitto), [camera], "wall-1")
    began = datetime.now(UTC)
    async with listening(mosquitto) as heard, running(work):
        await heard.until(lambda: clips_in(heard) != [], within_s=120)
        first, shown = findings(heard, "wall-1")[0], clips_in(heard)[0]
        assert statuses(heard, "wall-1")[-1] == b"online"
    network_camera.stop()
    assert first["id"] == shown["id"]
    assert (first["label"], first["detector"].split("/")[0]) == ("falling_object", "throwing")
    assert timedelta(seconds=2) < datetime.fromtimestamp(first["t"], UTC) - began < timedelta(seconds=30)
    (picture,) = first["evidence"]
    assert picture["masked"]
    assert read_picture(base64.b64decode(picture["base64"])).shape == (360, 480, 3)
    assert [(item["type"], item["masked"]) for item in shown["evidence"]] == [
        ("image/jpeg", True),
        ("video/mp4", True),
    ]
    assert clip_of(shown)
    spooled = (tmp_path / "edge" / "wall-1.sqlite").read_bytes()
    assert "geheim" not in caplog.text
    assert b"geheim" not in spooled


@pytest.mark.anyio
async def test_a_clip_runs_from_three_seconds_before_until_three_after(
    tmp_path: Path, mosquitto: Mosquitto, file: Path
) -> None:
    camera = replace(camera_at(str(file)), originals=True, start=START)
    async with listening(mosquitto) as heard:
        await run_edge(settings_of(tmp_path, mosquitto), [camera], "wall-1")
        await heard.until(lambda: clips_in(heard) != [])
    first, (shown,) = findings(heard, "wall-1")[0], clips_in(heard)
    assert {finding["id"] for finding in findings(heard, "wall-1")} == {shown["id"]}
    assert [item.get("masked", False) for item in first["evidence"]] == [True, False]
    kinds = [(item["type"], item.get("masked", False)) for item in shown["evidence"]]
    assert kinds == [
        ("image/jpeg", True),
        ("video/mp4", True),
        ("image/jpeg", False),
        ("video/mp4", False),
    ]
    until = min(shown["t_end"] + 3, (START + timedelta(seconds=8)).timestamp() - 1 / FPS)
    pictures = clip_of(shown)
    length_s = (pictures[-1].at - pictures[0].at).total_seconds()
    assert length_s == pytest.approx(until - (shown["t_start"] - 3), abs=2 / FPS)
    assert shown["criteria"]["clip_s"] == pytest.approx(length_s, abs=0.1)
    assert shown["t_start"] - 3 > START.timestamp()


@pytest.mark.anyio
async def test_a_camera_that_goes_away_is_a_fault_until_it_is_back(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    network_camera = NetworkCamera(bar_film())
    network_camera.start()
    work = run_edge(
        settings_of(tmp_path, mosquitto), [camera_at(network_camera.url)], "wall-1", away_after_s=1.5
    )
    async with listening(mosquitto) as heard, running(work):
        await heard.until(lambda: b"online" in statuses(heard, "wall-1"))
        network_camera.stop()
        await heard.until(lambda: statuses(heard, "wall-1")[-1] == b"offline")
        await heard.until(lambda: len(findings(heard, "wall-1")) >= 1)
        network_camera.start()
        await heard.until(lambda: statuses(heard, "wall-1")[-1] == b"online")
        await heard.until(lambda: len(findings(heard, "wall-1")) >= 2)
        network_camera.stop()
    fault, over = findings(heard, "wall-1")[:2]
    assert fault["id"] == over["id"]
    assert {fault["label"], over["label"]} == {"device_fault"}
    assert "t_end" not in fault
    assert over["t_end"] > over["t_start"] + 1


@pytest.mark.anyio
async def test_when_the_process_is_killed_the_broker_says_that_its_camera_is_offline(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    network_camera = NetworkCamera(bar_film())
    network_camera.start()
    async with listening(mosquitto) as heard:
        process = edge(tmp_path, mosquitto, "--source", network_camera.url)
        await heard.until(lambda: b"online" in statuses(heard, "wall-1"))
        process.kill()
        await heard.until(lambda: statuses(heard, "wall-1")[-1] == b"offline")
    network_camera.stop()
    process.wait()


def test_what_was_found_while_the_broker_was_away_outlives_a_kill_and_is_one_event(
    database_url: str, tmp_path: Path, mosquitto: Mosquitto, file: Path
) -> None:
    register(database_url, "wall-1", "throwing", "camera")
    mosquitto.stop()
    arguments = ("--source", str(file), "--start", START.isoformat())
    process = edge(tmp_path, mosquitto, *arguments)
    wait_until((tmp_path / "edge").exists, what="the spool is there")
    wait_until(lambda: is_spooled(tmp_path, '"clip_s"'), what="the clip is on the disk")
    process.send_signal(signal.SIGKILL)
    process.wait()
    spool = Spool(tmp_path / "edge" / "wall-1.sqlite")
    assert len(spool) >= 2
    spool.close()
    mosquitto.start()
    with running_collector(database_url, mosquitto, tmp_path):
        assert edge(tmp_path, mosquitto, *arguments).wait(150) == 0
        wait_until(lambda: shown_in(database_url) == ["image/jpeg", "video/mp4"], what="the clip is kept")
    (event,) = ask(database_url, "SELECT label, observed_at, alert_id FROM gw.events")
    assert (event["label"], event["alert_id"] is None) == ("falling_object", False)
    assert START + timedelta(seconds=3) < event["observed_at"] < START + timedelta(seconds=4)
    assert len(ask(database_url, "SELECT id FROM gw.alerts")) == 1
    assert {row["masked"] for row in ask(database_url, "SELECT masked FROM evidence")} == {True}
    assert totals(database_url)["quarantined"] == 0


def shown_in(database_url: str) -> list[str]:
    """Return the kinds of the evidence that is kept."""
    return [
        row["media_type"] for row in ask(database_url, "SELECT media_type FROM evidence ORDER BY position")
    ]


def edge(folder: Path, broker: Mosquitto, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `gridwatch edge` for the camera wall-1."""
    environment = os.environ | {"GRIDWATCH_MQTT_URL": broker.url, "GRIDWATCH_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "gridwatch", "edge", "--scene", "throwing", "--device", "wall-1"]
    with (folder / "edge.log").open("ab") as log:
        return subprocess.Popen([*command, *arguments], env=environment, stdout=log, stderr=log)


def is_spooled(folder: Path, text: str) -> bool:
    """Say whether a message with this text would be there after a power cut: the file itself is locked."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "edge", copy)
    if not (copy / "wall-1.sqlite").exists():
        return False
    with closing(sqlite3.connect(copy / "wall-1.sqlite")) as base:
        tables = base.execute("SELECT name FROM sqlite_master").fetchall()
        payloads = base.execute("SELECT payload FROM waiting").fetchall() if tables else []
    return any(text.encode() in payload for (payload,) in payloads)


@pytest.mark.slow
@pytest.mark.anyio
async def test_what_is_wrong_with_a_network_camera_is_told_and_is_over_without_a_restart(
    tmp_path: Path, mosquitto: Mosquitto, film: Film
) -> None:
    network_camera = NetworkCamera(film)
    network_camera.start()
    work = run_edge(settings_of(tmp_path, mosquitto), [camera_at(network_camera.url)], "wall-1")
    async with listening(mosquitto) as heard, running(work):

        async def told(label: str, **criteria: float) -> None:
            def is_told(one: dict[str, Any]) -> bool:
                said: dict[str, float] = one.get("criteria", {})
                return bool(one["label"] == label and criteria.items() <= said.items())

            await heard.until(lambda: any(map(is_told, findings(heard, "wall-1"))), within_s=120)

        await heard.until(lambda: b"online" in statuses(heard, "wall-1"))
        network_camera.leaves_out = 2
        await told("camera_drops")
        network_camera.leaves_out = 0
        network_camera.film = bar_film((640, 480), 50)
        await told("camera_changed", width=640)
        # The picture that tells of the jump must be whole: after losses the next ones are damaged.
        network_camera.jump_s = 3600.0
        await told("camera_clock")
        network_camera.film = dark_film()
        await told("camera_black")
        before = len(falls_in(heard))
        network_camera.film = film
        await heard.until(lambda: len(falls_in(heard)) > before, within_s=120)
    network_camera.stop()
    assert not {"device_fault", "camera_frozen"} & {one["label"] for one in findings(heard, "wall-1")}


def falls_in(heard: Heard) -> list[dict[str, Any]]:
    """Return what was told of falls."""
    return [one for one in findings(heard, "wall-1") if one["label"] == "falling_object"]
