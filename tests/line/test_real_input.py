"""The main job on real pictures and clips: `gridwatch up` and nothing but documented commands."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gridwatch.cli.up.broker import find_mosquitto
from tests.line.installation import PASSWORD, Installation, Watcher
from tests.servers import wait_until
from tests.up.running_up import RunningUp


@pytest.fixture(scope="module")
def installation(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return an installation with the YOLOX weights set and a camera or sensor for each scene."""
    if find_mosquitto() is None:
        pytest.skip("needs Mosquitto, which is not installed: make setup says how")
    data = tmp_path_factory.mktemp("installation")
    settings = {
        "GRIDWATCH_ADMIN_PASSWORD": PASSWORD,
        "GRIDWATCH_ELEVATOR_ONNX": str(shared_data / "weights" / "yolox_nano.onnx"),
    }
    with RunningUp(data, arguments=("--no-simulate",), settings=settings) as up:
        up.until_ready()
        installation = Installation(data, up)
        for device, scene in (
            ("facade", "throwing"),
            ("road", "throwing"),
            ("house", "fire"),
            ("look-alikes", "fire"),
            ("lift", "elevator"),
        ):
            installation.run("devices", "add", device, "--scene", scene, "--kind", "camera")
        installation.run(
            *("devices", "add", "ridge-1", "--scene", "fire", "--kind", "sensor"),
            *("--name", "林区烟感", "--lon", "103.92", "--lat", "30.57"),
        )
        yield installation


@pytest.fixture
def watcher(installation: Installation) -> Iterator[Watcher]:
    """Return an operator's program."""
    with Watcher(installation.up.port) as listening:
        yield listening


@pytest.mark.timeout(300)
def test_an_object_thrown_from_a_roof_raises_exactly_one_alert_with_its_track(
    installation: Installation, watcher: Watcher, shared_data: Path
) -> None:
    clip = shared_data / "throwing" / "bharath_office1" / "office1.mp4"
    installation.run("replay", clip, "--device", "facade", "--speed", "max")
    wait_until(lambda: bool(watcher.ids("facade")), timeout_s=120)
    wait_until(lambda: installation.books("facade")["received"] == 1)
    assert len(watcher.ids("facade")) == 1
    alert = watcher.newest("facade")
    assert (alert["scene"], alert["label"], alert["events"]) == ("throwing", "falling_object", 1)
    (event,) = watcher.get("/events?device=facade")
    assert len(event["track"]) > 10
    kinds = {shown["media_type"]: watcher.evidence(shown["url"]).content for shown in alert["evidence"]}
    assert kinds["image/jpeg"][:3] == b"\xff\xd8\xff"
    assert kinds["video/mp4"][4:8] == b"ftyp"


@pytest.mark.timeout(300)
def test_a_burning_house_raises_a_fire_alert_and_a_road_raises_nothing(
    installation: Installation, watcher: Watcher, shared_data: Path
) -> None:
    installation.run(
        "replay", shared_data / "fire" / "furg" / "house6.mp4", "--device", "house", "--speed", "max"
    )
    installation.run(
        "replay",
        shared_data / "throwing" / "bgslibrary" / "video02.avi",
        "--device",
        "road",
        "--speed",
        "max",
    )
    wait_until(lambda: installation.books("road")["received"] >= 1, timeout_s=120)
    wait_until(lambda: bool(watcher.ids("house")), timeout_s=120)
    assert watcher.newest("house")["scene"] == "fire"
    assert watcher.newest("house")["label"] == "flame"
    books = installation.books("road")
    assert books["stored"] == books["received"]
    assert watcher.get("/alerts?scene=throwing") == [
        alert for alert in watcher.get("/alerts") if alert["device"] == "facade"
    ]


@pytest.mark.timeout(300)
def test_pictures_of_a_lift_raise_e_bike_alerts_for_all_that_the_weights_can_see(
    installation: Installation, watcher: Watcher, shared_data: Path
) -> None:
    folder = shared_data / "elevator" / "etoilesha" / "images"
    seen = installation.run(
        "detect",
        *("--scene", "elevator", "--onnx", shared_data / "weights" / "yolox_nano.onnx"),
        *sorted(folder.iterdir()),
    )
    expected = sum(bool(json.loads(line)["findings"]) for line in seen.splitlines())
    assert expected >= 10
    installation.run("replay", folder, "--device", "lift", "--interval", "10", "--speed", "20")
    wait_until(lambda: installation.books("lift")["received"] == 28, timeout_s=120)
    events = watcher.get("/events?device=lift&label=ebike&limit=100")
    assert len(events) >= expected
    assert all(event["alert"] is not None for event in events)
    wait_until(lambda: sum(a["events"] for a in _latest(watcher, "lift")) == len(events))


@pytest.mark.timeout(300)
def test_every_fire_and_look_alike_passes_without_an_error(
    installation: Installation, shared_data: Path
) -> None:
    folder = shared_data / "fire" / "cair"
    pictures = [path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
    installation.run(
        *("replay", folder / "fire_images", folder / "normal_images"),
        *("--device", "look-alikes", "--interval", "10", "--speed", "150"),
    )
    wait_until(lambda: installation.books("look-alikes")["received"] == len(pictures), timeout_s=120)
    books = installation.books("look-alikes")
    assert books.get("quarantined") == books.get("duplicate") == 0
    assert books["stored"] + books["skipped"] == len(pictures)


def test_readings_from_mosquitto_pub_raise_a_fire_alert_with_the_devices_place(
    installation: Installation, watcher: Watcher
) -> None:
    now = time.time()
    for second in range(4):
        values = {"temperature_c": 58, "humidity_pct": 12, "smoke_pct_m": 9, "co_ppm": 60}
        subprocess.run(
            [
                *("mosquitto_pub", "-h", "127.0.0.1", "-p", str(installation.up.mqtt_port), "-q", "1"),
                *("-t", "gw/v1/ridge-1/readings", "-m", json.dumps({"t": now + second, "values": values})),
            ],
            check=True,
            timeout=20,
        )
    wait_until(lambda: bool(watcher.ids("ridge-1")))
    alert = watcher.newest("ridge-1")
    assert (alert["scene"], alert["location"]) == ("fire", {"lon": 103.92, "lat": 30.57})
    assert alert["device_name"] == "林区烟感"


def _latest(watcher: Watcher, device: str) -> list[dict[str, Any]]:
    """Return a device's alerts, each as the stream told it last."""
    return list({alert["id"]: alert for alert in watcher.alerts if alert["device"] == device}.values())
