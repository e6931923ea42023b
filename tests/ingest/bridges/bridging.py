"""A bridge that runs in a test, and what a broker delivers of its messages."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from gridwatch.settings import Settings, read_settings
from ingest.bridges.cameras import Vendor
from ingest.bridges.running import bridge_cameras
from tests.servers import Mosquitto
from tests.simulators.listening import Heard, payload_of


def settings_of(folder: Path, broker: Mosquitto) -> Settings:
    """Return a bridge's settings."""
    return read_settings(mqtt_url=broker.url, data_dir=folder)


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a bridge for the length of the block; a failure of its own is the test's."""
    task = asyncio.create_task(work)
    try:
        yield task
        if task.done():
            await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def cameras_bridge(folder: Path, broker: Mosquitto, vendor: Vendor, text: str) -> Coroutine[Any, Any, None]:
    """Return a bridge for cameras with a file of settings."""
    path = folder / "cameras.toml"
    path.write_text(text)
    return bridge_cameras(settings_of(folder, broker), vendor, path)


def payloads(heard: Heard, topic: str) -> list[bytes]:
    """Return what came on a topic, in order."""
    return [payload_of(message) for message in heard.messages if str(message.topic) == topic]


def findings(heard: Heard, device: str) -> list[dict[str, Any]]:
    """Return the findings of a device, in order."""
    return [json.loads(payload) for payload in payloads(heard, f"gw/v1/{device}/finding")]


def statuses(heard: Heard, device: str) -> list[bytes]:
    """Return what was said of a device's status, in order."""
    return payloads(heard, f"gw/v1/{device}/status")
