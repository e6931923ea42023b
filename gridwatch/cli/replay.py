"""`gridwatch replay`: real pictures and videos, published as a device would."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gridwatch.cli.stopping import until_stopped
from gridwatch.settings import read_settings

if TYPE_CHECKING:
    from simulators.replay import Outcome

UNREADABLE, INTERRUPTED = 1, 130


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
    from gridwatch.cli.replaying import manner_of, moment_of, publish_recordings
    from simulators.recordings import find_recordings

    manner = manner_of(device, speed, fps=fps, raw=raw)
    begin = None if start is None else moment_of(start)
    recordings = find_recordings(paths, interval=timedelta(seconds=interval), videos_as=videos_as)
    outcomes: list[Outcome] = []
    work = publish_recordings(read_settings(), recordings, manner, begin, outcomes.append)
    finished = asyncio.run(until_stopped(work))
    total = sum(outcome.messages for outcome in outcomes)
    typer.echo(f"{total} message{'' if total == 1 else 's'} published as {device}")
    if not finished:
        raise typer.Exit(INTERRUPTED)
    if any(outcome.trouble for outcome in outcomes):
        raise typer.Exit(UNREADABLE)
