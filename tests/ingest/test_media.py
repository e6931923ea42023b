"""Frames and clips: seen, refused or skipped, and the worker lives."""

import base64
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from paho.mqtt import publish

from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.model import Evidence, Finding
from ingest.examine import show_sent
from simulators.facade import draw_throw_take, film
from simulators.facade.take import Take
from simulators.faults import FAULTS
from tests.collectors import Collector, ask, register, running_collector, totals
from tests.detectors.onnx_files import constant_model
from tests.detectors.test_own_model import INPUT, yolov8
from tests.servers import Mosquitto, wait_until

START_MS = int(time.time() * 1000)
MOST_GROWTH_BYTES = 250 * 1024 * 1024
"""The largest fault, 48 MiB, passes through a few hands; a decoded one would take gigabytes."""

START = datetime.fromtimestamp(START_MS / 1000, UTC)


@pytest.fixture
def collector(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Collector]:
    """Return a running collector beside cameras `throw`, `lift` and `ridge`."""
    for camera, scene in (("throw", "throwing"), ("lift", "elevator"), ("ridge", "fire")):
        register(database_url, camera, scene, "camera")
    originals = {"GRIDWATCH_ORIGINALS": "fire elevator throwing"}
    with running_collector(database_url, mosquitto, tmp_path, **originals) as running:
        yield running


def send(mosquitto: Mosquitto, *messages: tuple[str, bytes]) -> None:
    """Publish media with QoS 1."""
    publish.multiple(
        [{"topic": f"gw/v1/{topic}", "payload": body, "qos": 1} for topic, body in messages],
        hostname="127.0.0.1",
        port=mosquitto.port,
    )


def fall() -> Take:
    """Return a take of a façade from which a box falls."""
    return draw_throw_take(
        np.random.default_rng(5), duration_s=5, fps=25, size_wh=(640, 480), throws=True, thing="box"
    )


def falling() -> bytes:
    """Return the clip of it."""
    return encode_mp4(film(fall(), start=START).pictures)


def grey(level: int) -> bytes:
    """Return a plain picture."""
    return encode_jpeg(np.full((180, 320, 3), level, dtype=np.uint8))


def test_a_clip_of_a_fall_raises_an_alert_with_masked_evidence_and_the_original(
    database_url: str, mosquitto: Mosquitto, collector: Collector
) -> None:
    clip = falling()
    send(mosquitto, (f"throw/clip/{START_MS}", clip), (f"throw/clip/{START_MS}", clip))
    wait_until(lambda: totals(database_url)["received"] == 2, timeout_s=60)
    assert totals(database_url) | {"stored": 1, "duplicate": 1} == totals(database_url)
    (alert,) = ask(database_url, "SELECT label, severity, events FROM alert")
    assert alert == {"label": "falling_object", "severity": "critical", "events": 1}
    shown = ask(database_url, "SELECT media_type, masked, sha256 FROM evidence ORDER BY position")
    assert [(row["media_type"], row["masked"]) for row in shown] == [
        ("image/jpeg", True),
        ("video/mp4", True),
        ("image/jpeg", False),
        ("video/mp4", False),
    ]
    files = {path.stem for path in (collector.folder / "evidence").rglob("*") if path.is_file()}
    assert {row["sha256"] for row in shown} == files


@pytest.mark.usefixtures("collector")
def test_a_broken_medium_is_quarantined_and_the_next_is_looked_at(
    database_url: str, mosquitto: Mosquitto
) -> None:
    good = grey(120)
    lying = bytearray(good)
    place = lying.index(b"\xff\xc0") + 5
    lying[place : place + 4] = b"\xff\xf0\xff\xf0"
    send(
        mosquitto,
        (f"lift/frame/{START_MS}", b"not a picture"),
        (f"lift/frame/{START_MS + 1}", good[: len(good) // 2]),
        (f"lift/frame/{START_MS + 2}", bytes(lying)),
        (f"ridge/clip/{START_MS}", falling()[:2000]),
    )
    wait_until(lambda: totals(database_url)["received"] == 4, timeout_s=60)
    send(mosquitto, (f"lift/frame/{START_MS + 3}", good))
    wait_until(lambda: totals(database_url)["received"] == 5)
    assert totals(database_url) | {"quarantined": 4, "stored": 1} == totals(database_url)


def test_every_fault_of_a_device_is_quarantined_and_no_worker_dies_or_grows(
    database_url: str, mosquitto: Mosquitto, collector: Collector
) -> None:
    workers = collector.workers()
    send(mosquitto, ("lift/frame/1700000000000", grey(120)))
    wait_until(lambda: totals(database_url)["stored"] == 1)
    before = sum(worker.memory_info().rss for worker in workers)
    # Nobody subscribes to a topic of no contract. One after another: of pictures at once some are skipped.
    faults = [fault for name, fault in FAULTS.items() if name != "unknown topic"]
    for count, fault in enumerate(faults, start=1):
        send(mosquitto, (f"lift/{fault.topic_end}", fault.payload()))
        wait_until(lambda count=count: totals(database_url)["quarantined"] == count)  # type: ignore[misc]
    assert totals(database_url)["received"] == len(faults) + 1
    assert collector.workers() == workers
    assert sum(worker.memory_info().rss for worker in workers) - before < MOST_GROWTH_BYTES


@pytest.mark.usefixtures("collector")
def test_frames_that_come_too_fast_are_skipped_and_counted_and_clips_are_not(
    database_url: str, mosquitto: Mosquitto
) -> None:
    clip = falling()
    frames = [(f"throw/frame/{START_MS + n}", grey(100 + n % 3)) for n in range(60)]
    send(mosquitto, (f"throw/clip/{START_MS}", clip), *frames, (f"throw/clip/{START_MS + 60_000}", clip))
    wait_until(lambda: totals(database_url)["received"] == 62, timeout_s=90)
    books = totals(database_url)
    assert books["skipped"] > 0
    assert books["stored"] + books["skipped"] == 62
    assert ask(database_url, "SELECT 1 FROM medium WHERE kind = 'clip'") == [{"?column?": 1}] * 2


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(
    database_url: str, mosquitto: Mosquitto, collector: Collector
) -> None:
    workers = collector.workers()
    send(mosquitto, (f"throw/clip/{START_MS}", falling()))
    for worker in workers:
        worker.kill()
    wait_until(lambda: totals(database_url)["stored"] == 1, timeout_s=60)
    assert len(ask(database_url, "SELECT 1 FROM alert")) == 1


def test_a_medium_that_kills_its_worker_twice_is_quarantined_and_the_other_cameras_never_notice(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    # Cameras go to workers by the checksum of their names.
    deadly, other = (
        next(f"cam{n}" for n in range(9) if zlib.crc32(b"cam%d" % n) % 2 == lane) for lane in (0, 1)
    )
    for camera in (deadly, other):
        register(database_url, camera, "throwing", "camera")
    with running_collector(database_url, mosquitto, tmp_path, GRIDWATCH_DETECTOR_WORKERS="2") as collector:
        # In the order in which they were started, which is that of the lanes.
        first, second = sorted(collector.workers(), key=lambda worker: worker.create_time())
        send(mosquitto, (f"{deadly}/clip/{START_MS}", falling()))
        killed: set[int] = set()

        def quarantined() -> bool:
            for worker in collector.workers():
                if worker.pid not in {second.pid, *killed} and len(killed) < 2:
                    worker.kill()
                    killed.add(worker.pid)
            return totals(database_url)["quarantined"] == 1

        send(mosquitto, *[(f"{other}/frame/{START_MS + n}", grey(100 + n)) for n in range(20)])
        wait_until(quarantined, timeout_s=60)
        assert first.pid in killed
        send(mosquitto, (f"{deadly}/frame/{START_MS}", grey(120)))
        wait_until(lambda: totals(database_url)["received"] == 22, timeout_s=60)
        assert second.is_running()
        assert second.pid in {worker.pid for worker in collector.workers()}
    assert totals(database_url) | {"stored": 21, "quarantined": 1, "skipped": 0} == totals(database_url)
    (kept,) = ask(database_url, "SELECT topic, reason FROM quarantine")
    assert kept["topic"] == f"gw/v1/{deadly}/clip/{START_MS}"
    assert "detector process" in kept["reason"]


@pytest.mark.usefixtures("collector")
def test_a_picture_sent_with_a_finding_is_shown_masked(database_url: str, mosquitto: Mosquitto) -> None:
    body = {
        "t": START_MS / 1000,
        "label": "ebike",
        "confidence": 0.9,
        "box_xyxy": [40, 40, 200, 160],
        "evidence": [
            {"type": "image/jpeg", "base64": base64.b64encode(grey(90)).decode()},
            {"type": "image/jpeg", "base64": base64.b64encode(b"broken").decode()},
        ],
    }
    send(mosquitto, ("lift/finding", json.dumps(body).encode()))
    wait_until(lambda: totals(database_url)["stored"] == 1)
    assert [row["masked"] for row in ask(database_url, "SELECT masked FROM evidence ORDER BY position")] == [
        True,
        False,
    ]
    assert ask(database_url, "SELECT criteria FROM event") == [{"criteria": {"evidence_unreadable": 1.0}}]


def test_a_picture_that_the_device_masked_is_kept_as_it_is() -> None:
    sent = Evidence(media_type="image/jpeg", content=grey(90), masked=True)
    broken = Evidence(media_type="image/jpeg", content=b"broken", masked=True)
    finding = Finding(label="ebike", confidence=0.9, observed_at=START, evidence=(sent, broken))
    assert show_sent(finding) == replace(finding, evidence=(sent,), criteria={"evidence_unreadable": 1.0})


def test_a_calibrated_camera_names_windows_and_keeps_only_masked_evidence(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "throw", "throwing", "camera")
    take = fall()
    rendered = film(take, start=START)
    with running_collector(database_url, mosquitto, tmp_path):
        send(mosquitto, (f"throw/frame/{START_MS - 60_000}", grey(90)))
        wait_until(lambda: totals(database_url)["stored"] == 1)
        # The collector knows the camera by now: it hears of the change.
        ask(
            database_url,
            "UPDATE device SET view = %s::jsonb",
            [json.dumps(take.view().as_json())],
        )
        send(mosquitto, (f"throw/clip/{START_MS}", encode_mp4(rendered.pictures)))
        wait_until(lambda: totals(database_url)["stored"] == 2, timeout_s=60)
    (alert,) = ask(database_url, "SELECT a.id, e.origins FROM alert a JOIN event e ON e.alert_id = a.id")
    assert abs(alert["origins"][0]["floor"] - float(rendered.truth[0].detail["floor"])) <= 1
    assert sum(origin["p"] for origin in alert["origins"]) == pytest.approx(1, abs=1e-6)
    kept = ask(database_url, "SELECT media_type, masked FROM evidence ORDER BY position")
    assert kept == [{"media_type": "image/jpeg", "masked": True}, {"media_type": "video/mp4", "masked": True}]


def test_a_chimney_that_a_camera_has_learnt_is_known_after_a_restart(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    boxes = yolov8()
    boxes[2:4] *= 0.3
    (tmp_path / "smoke.onnx").write_bytes(constant_model(INPUT, boxes[None]))
    own = {"GRIDWATCH_FIRE_ONNX": str(tmp_path / "smoke.onnx"), "GRIDWATCH_FIRE_CLASSES": "1=smoke"}
    register(database_url, "ridge", "fire", "camera")
    quarter_ms = 15 * 60 * 1000
    moments = [START_MS - n * quarter_ms for n in range(28, 0, -1)]

    def fires() -> int:
        return len(ask(database_url, "SELECT 1 FROM event WHERE label = 'smoke'"))

    with running_collector(database_url, mosquitto, tmp_path, **own):
        send(mosquitto, *[(f"ridge/frame/{moment}", grey(120)) for moment in moments[:18]])
        wait_until(lambda: totals(database_url)["received"] == 18, timeout_s=60)
    assert totals(database_url)["stored"] == 18
    assert fires() == 1
    with running_collector(database_url, mosquitto, tmp_path, **own):
        send(mosquitto, *[(f"ridge/frame/{moment}", grey(120)) for moment in moments[18:]])
        wait_until(lambda: totals(database_url)["received"] == 28, timeout_s=60)
    assert fires() == 1
