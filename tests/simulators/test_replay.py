"""`gridwatch replay` against a real broker and a real registry."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from gridwatch.cli.replay import replay_command
from gridwatch.errors import SettingsError
from gridwatch.media import encode_jpeg
from gridwatch.model import Device, DeviceKind
from gridwatch.store.connection import Store
from gridwatch.store.devices import add_devices
from tests.servers import Mosquitto
from tests.simulators.listening import Heard, listening, payload_of
from tests.simulators.test_recordings import video


def replay(mosquitto: Mosquitto, arguments: Sequence[object], *, database_url: str = "") -> Result:
    """Run the command; its data folder is the broker's, where no `up` runs."""
    app = typer.Typer()
    app.command()(replay_command)
    environment = {
        "GRIDWATCH_MQTT_URL": mosquitto.url,
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_DATA_DIR": str(mosquitto.folder),
    }
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


def heard_from(mosquitto: Mosquitto, arguments: Sequence[object], count: int, *, code: int = 0) -> Heard:
    """Run the command in a process of its own and return what a subscriber heard."""

    async def scene() -> Heard:
        async with listening(mosquitto) as heard:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gridwatch",
                "replay",
                *map(str, arguments),
                env={"GRIDWATCH_MQTT_URL": mosquitto.url, "GRIDWATCH_DATA_DIR": str(mosquitto.folder)},
                stdout=subprocess.DEVNULL,
            )
            assert await asyncio.wait_for(process.wait(), 60) == code
            await heard.until(lambda: len(heard.messages) >= count)
            return heard

    return asyncio.run(scene())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(20):
        (folder / f"{index:02}.jpg").write_bytes(encode_jpeg(np.full((48, 64, 3), 10 * index, np.uint8)))
    return folder


def test_pictures_arrive_as_they_are_in_order_and_an_interval_apart(
    mosquitto: Mosquitto, pictures: Path
) -> None:
    heard = heard_from(
        mosquitto,
        [pictures, "--device", "cam", "--speed", "max", "--interval", "2", "--start", "1760000000"],
        20,
    )
    files = [path.read_bytes() for path in sorted(pictures.iterdir())]
    assert [payload_of(message) for message in heard.messages] == files
    assert heard.topics == [f"gw/v1/cam/frame/{1_760_000_000_000 + 2000 * index}" for index in range(20)]


def test_at_their_own_speed_pictures_take_their_time(mosquitto: Mosquitto, pictures: Path) -> None:
    began = time.monotonic()
    outcome = replay(mosquitto, [pictures, "--device", "cam", "--interval", "0.1", "--speed", "2"])
    assert outcome.exit_code == 0, outcome.output
    assert 0.95 <= time.monotonic() - began < 5


def test_the_office_video_is_one_clip_byte_for_byte(mosquitto: Mosquitto, shared_data: Path) -> None:
    path = shared_data / "throwing" / "bharath_office1" / "office1.mp4"
    heard = heard_from(mosquitto, [path, "--device", "cam", "--speed", "0"], 1)
    assert [payload_of(message) for message in heard.messages] == [path.read_bytes()]
    assert heard.topics[0].startswith("gw/v1/cam/clip/")


def test_a_file_that_can_t_be_read_is_named_and_the_rest_is_published(
    mosquitto: Mosquitto, pictures: Path
) -> None:
    (pictures / "05.jpg").write_bytes(b"not a picture")
    outcome = replay(mosquitto, [pictures, "--device", "cam", "--speed", "max"])
    assert outcome.exit_code == 1
    assert "05.jpg: 0 frames; can't be read: neither JPEG nor PNG" in outcome.output
    assert "19 messages published as cam" in outcome.output


def test_raw_publishes_also_what_can_t_be_read(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(video(2)[:500])

    heard = heard_from(mosquitto, [path, "--device", "cam", "--raw"], 1, code=1)
    assert [payload_of(message) for message in heard.messages] == [path.read_bytes()]


def test_a_device_that_nobody_registered_is_warned_about(
    mosquitto: Mosquitto, database_url: str, pictures: Path
) -> None:
    async def register() -> None:
        async with Store.open(database_url) as store:
            await add_devices(store, [Device(id="cam", scene="fire", kind=DeviceKind.CAMERA)])

    asyncio.run(register())
    arguments = [pictures, "--speed", "max", "--device"]
    known = replay(mosquitto, [*arguments, "cam"], database_url=database_url)
    unknown = replay(mosquitto, [*arguments, "other"], database_url=database_url)
    assert (known.exit_code, unknown.exit_code) == (0, 0)
    assert "quarantine" not in known.output
    assert "'other' is registered: its messages will go to quarantine" in unknown.output.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.mp4", "--device", "cam"], "no such file"),
        (["x.mp4", "--device", "two words"], "device id"),
        (["x.mp4", "--device", "cam", "--speed", "fast"], "fast"),
        (["x.mp4", "--device", "cam", "--start", "2026-05-01 12:00"], "offset from UTC"),
    ],
)
def test_wrong_arguments_are_said_in_a_sentence(
    arguments: list[str], sentence: str, mosquitto: Mosquitto
) -> None:
    outcome = replay(mosquitto, arguments)
    assert isinstance(outcome.exception, SettingsError)
    assert sentence in str(outcome.exception)
