"""`gridwatch replay`: real pictures and videos, published as a device would."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.stopping import until_stopped
from gridwatch.errors import GridwatchError, SettingsError, StoreError
from gridwatch.model import check_device_id, check_time
from gridwatch.settings import Settings, read_settings
from gridwatch.store.connection import Store
from gridwatch.store.devices import find_devices
from simulators.publishing import Publisher
from simulators.recordings import Recording, find_recordings
from simulators.replay import Manner, Outcome, Pace, Told, replay

UNREADABLE, USAGE_ERROR, INTERRUPTED = 1, 2, 130

ASK_REGISTRY_WITHIN_S = 3.0
"""The registry only gives advice here."""


def replay_command(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders of them.")],
    *,
    device: Annotated[str, typer.Option(help="Whose messages they become.")],
    speed: Annotated[str, typer.Option(help="Times their own speed; 0 or max: as fast as possible.")] = "1",
    interval: Annotated[float, typer.Option(min=0.001, help="Seconds between two pictures.")] = 1.0,
    start: Annotated[
        str | None, typer.Option(help="When they were taken: RFC 3339 or Unix seconds; default: now.")
    ] = None,
    fps: Annotated[
        float, typer.Option(min=0.01, max=240, help="Frames per second of content, with --as frames.")
    ] = 5.0,
    videos_as: Annotated[
        Literal["clip", "frames"],
        typer.Option("--as", help="Videos become clips (long ones are cut) or single frames."),
    ] = "clip",
    raw: Annotated[
        bool, typer.Option("--raw", help="Publish also what can't be read, byte for byte.")
    ] = False,
) -> None:
    """Publish real pictures or videos as a device would, at their own speed or faster."""
    try:
        pace = Pace(speed=0 if speed == "max" else float(speed))
        manner = Manner(device=check_device_id(device), pace=pace, fps=fps, raw=raw)
        begin = None if start is None else _moment(start)
    except ValueError as error:
        _complain(str(error))
        raise typer.Exit(USAGE_ERROR) from error
    outcomes: list[Outcome] = []
    try:
        settings = read_settings()
        recordings = find_recordings(paths, interval=timedelta(seconds=interval), videos_as=videos_as)
        work = _replay(settings, recordings, manner, begin, outcomes.append)
        finished = asyncio.run(until_stopped(work))
    except GridwatchError as error:
        _complain(str(error))
        raise typer.Exit(USAGE_ERROR) from error
    total = sum(outcome.messages for outcome in outcomes)
    typer.echo(f"{total} message{'' if total == 1 else 's'} published as {device}")
    if not finished:
        raise typer.Exit(INTERRUPTED)
    if any(outcome.trouble for outcome in outcomes):
        raise typer.Exit(UNREADABLE)


async def _replay(
    settings: Settings, recordings: Sequence[Recording], manner: Manner, begin: datetime | None, note: Told
) -> None:
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


def _moment(text: str) -> datetime:
    try:
        return check_time(datetime.fromtimestamp(float(text), UTC))
    except ValueError:
        return check_time(datetime.fromisoformat(text))


def _complain(sentence: str) -> None:
    Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)
