"""What `gridwatch replay` does: warn about an unknown device, publish, say what was published."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import Progress

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.errors import SettingsError, StoreError
from gridwatch.model import check_device_id, check_time
from gridwatch.settings import Settings
from gridwatch.store.connection import Store
from gridwatch.store.devices import find_devices
from simulators.publishing import Publisher
from simulators.recordings import Recording
from simulators.replay import Manner, Outcome, Pace, Told, replay

ASK_REGISTRY_WITHIN_S = 3.0
"""The registry only gives advice here."""


def manner_of(device: str, speed: str, *, fps: float, raw: bool) -> Manner:
    """Return how to publish; raise SettingsError for a device id or a speed that is none."""
    try:
        pace = Pace(speed=0 if speed == "max" else float(speed))
        return Manner(device=check_device_id(device), pace=pace, fps=fps, raw=raw)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def moment_of(text: str) -> datetime:
    """Read RFC 3339 or Unix seconds; raise SettingsError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = None
    try:
        moment = datetime.fromisoformat(text) if seconds is None else datetime.fromtimestamp(seconds, UTC)
        return check_time(moment)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(f"--start {text}: {error}") from error


async def publish_recordings(
    settings: Settings, recordings: Sequence[Recording], manner: Manner, begin: datetime | None, note: Told
) -> None:
    """Publish recordings from `begin` on (None: now), print and note what became of each."""
    address = BrokerAddress.parse(running.mqtt_url(settings))
    if await _is_unknown(settings, manner.device):
        _complain(f"no device {manner.device!r} is registered: its messages will go to quarantine")
    publisher = Publisher(address, [manner.device], statuses=False)
    out = Console(highlight=False)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as progress:
        bar = progress.add_task(f"replaying as {manner.device}", total=len(recordings))

        def tell(outcome: Outcome) -> None:
            note(outcome)
            progress.advance(bar)
            out.print(_line(outcome), markup=False, soft_wrap=True)

        async with publisher.connected():
            start = begin or manner.pace.start(recordings, datetime.now(UTC))
            await replay(recordings, publisher, manner, start=start, tell=tell)


async def _is_unknown(settings: Settings, device: str) -> bool:
    """Say whether the registry does not know the device; a registry that can't be asked says nothing."""
    try:
        async with (
            asyncio.timeout(ASK_REGISTRY_WITHIN_S),
            Store.open(running.database_url(settings), connections=1) as store,
        ):
            return device not in await find_devices(store, [device])
    except (SettingsError, StoreError, TimeoutError):
        return False


def _line(outcome: Outcome) -> str:
    name, count = outcome.recording.path, outcome.messages
    kind = "clip" if outcome.recording.kind == "clip" else "frame"
    published = f"{name}: {count} {kind}{'' if count == 1 else 's'}"
    if outcome.trouble is None:
        return published
    return f"{published}; can't be read: {outcome.trouble}"


def _complain(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)
