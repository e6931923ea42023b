"""A whole simulation against a real broker and a real registry."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError
from gridwatch.media import read_video
from gridwatch.model import Device, DeviceKind
from gridwatch.store.areas import list_areas
from gridwatch.store.connection import Store
from gridwatch.store.devices import Wanted, add_devices, get_device, list_devices
from gridwatch.store.facades import view_changes
from simulators.district import build_district
from simulators.films import SIZE_WH
from simulators.footage import FACADE_CAMERA
from simulators.publishing import Publisher
from simulators.registering import calibrate, register, remove
from simulators.simulation import Simulation, run
from simulators.truth import TruthFile
from tests.servers import Mosquitto, wait_until
from tests.simulators.listening import Heard, listening, payload_of


def lines(path: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in path.read_text(encoding="utf-8").splitlines()]


def heard_by_device(heard: Heard) -> Mapping[str, int]:
    return Counter(topic.split("/")[2] for topic in heard.topics)


def test_the_truth_s_books_agree_with_what_a_subscriber_heard(mosquitto: Mosquitto, tmp_path: Path) -> None:
    district = build_district(12, seed=4)
    publisher = Publisher(
        BrokerAddress.parse(mosquitto.url), [device.id for device in district.devices], statuses=True
    )

    async def scene(truth: TruthFile) -> tuple[Mapping[str, int], bytes]:
        async with listening(mosquitto) as heard:
            async with publisher.connected():
                simulation = Simulation(
                    scenario="throw",
                    district=district,
                    seed=4,
                    rate=200,
                    start=datetime.now(UTC),
                    duration=timedelta(seconds=8),
                )
                await run(simulation, publisher, truth)
            truth.end(publisher.counts, datetime.now(UTC))
            await heard.until(lambda: len(heard.messages) >= publisher.total)
            clip = next(payload_of(m) for m in heard.messages if "/clip/" in str(m.topic))
            return heard_by_device(heard), clip

    with TruthFile.open(tmp_path / "truth.jsonl") as truth:
        by_device, clip = asyncio.run(scene(truth))
    told = lines(tmp_path / "truth.jsonl")
    assert {t["device"]: t["published"] for t in told if t["type"] == "messages"} == by_device
    assert sum(publisher.counts[sensor.device.id]["readings"] for sensor in district.sensors) == 1600
    event = next(t for t in told if t["type"] == "event")
    assert (event["device"], event["label"]) == (FACADE_CAMERA, "falling_object")
    boxes = event["boxes"]
    assert isinstance(boxes, list)
    assert len(boxes) == len(list(read_video(clip, start=datetime.now(UTC))))
    assert any(boxes)


def test_registering_twice_changes_nothing_and_removing_leaves_nothing_simulated(
    mosquitto: Mosquitto, database_url: str
) -> None:
    district = build_district(30, seed=1)
    address = BrokerAddress.parse(mosquitto.url)
    real = Device(id="hall-1", scene="fire", kind=DeviceKind.SENSOR)

    async def scene() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [real])
            assert await register(store, district) == 30
            assert await register(store, build_district(40, seed=1)) == 10
            assert len(await list_areas(store)) == len(district.areas)
            assert len(await list_devices(store, Wanted(simulated=True))) == 40
            assert (await remove(store, address)).devices == 40
            assert await list_areas(store) == []
            assert [known.device.id for known in await list_devices(store)] == ["hall-1"]

    asyncio.run(scene())


def test_the_camera_before_the_facade_is_calibrated_once(database_url: str) -> None:
    async def scene() -> None:
        async with Store.open(database_url) as store:
            await register(store, build_district(30, seed=1))
            await calibrate(store, seed=1)
            view = (await get_device(store, FACADE_CAMERA)).view
            assert view is not None
            assert view.calibration is not None
            assert view.size_wh == SIZE_WH
            await calibrate(store, seed=2)
            assert len(await view_changes(store, FACADE_CAMERA)) == 1

    asyncio.run(scene())


def test_a_real_device_is_never_taken_for_a_simulated_one(database_url: str) -> None:
    async def scene() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [Device(id="sim-sensor-00001", scene="fire", kind=DeviceKind.SENSOR)])
            await register(store, build_district(1, seed=1))

    with pytest.raises(SettingsError, match="sim-sensor-00001"):
        asyncio.run(scene())


def simulate(
    arguments: list[str], *, mosquitto: Mosquitto, database_url: str, folder: Path
) -> "subprocess.Popen[str]":
    environment = os.environ | {
        "GRIDWATCH_MQTT_URL": mosquitto.url,
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_DATA_DIR": str(folder),
    }
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gridwatch", "simulate", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sigterm_ends_the_command_in_order_and_soon(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    truth = tmp_path / "simulate" / "truth-9.jsonl"
    process = simulate(["--seed", "9"], mosquitto=mosquitto, database_url=database_url, folder=tmp_path)
    try:
        wait_until(lambda: truth.exists() and '"event"' in truth.read_text(), what="the first event")
        status = Path(f"/proc/{process.pid}/status").read_text() if sys.platform == "linux" else "VmRSS: 0"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert int(status.split("VmRSS:")[1].split()[0]) < 200_000
    told = lines(truth)
    assert [told[0]["type"], told[-1]["type"]] == ["simulation", "end"]
    by_device = [t["published"] for t in told if t["type"] == "messages"]
    assert all(isinstance(count, int) and count >= 2 for count in by_device)


def test_a_simulator_that_is_killed_leaves_its_devices_offline(
    mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with listening(mosquitto, "gw/v1/+/status") as heard:

            def said(status: bytes) -> int:
                return sum(payload_of(message) == status for message in heard.messages)

            process = simulate(
                ["--devices", "8"], mosquitto=mosquitto, database_url=database_url, folder=tmp_path
            )
            try:
                await heard.until(lambda: said(b"online") == 8)
            finally:
                process.kill()
                process.communicate(timeout=60)
            await heard.until(lambda: said(b"offline") == 8)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scenario", "mixed", "--devices", "3"], "needs at least 4 devices"),
        (["--truth", "/proc/no/truth.jsonl"], "the truth can't be written"),
    ],
)
def test_what_can_t_be_simulated_is_said_in_a_sentence(
    arguments: list[str], sentence: str, mosquitto: Mosquitto, database_url: str, tmp_path: Path
) -> None:
    process = simulate(arguments, mosquitto=mosquitto, database_url=database_url, folder=tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert sentence in said
