"""`gridwatch edge`: run a detector beside a camera, publish what it finds."""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridwatch.cli.stopping import until_stopped
from gridwatch.errors import SettingsError
from gridwatch.model import check_time
from gridwatch.settings import read_settings

if TYPE_CHECKING:
    pass


def edge_command(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(help="TOML file of several cameras: see docs/connect/edge.md.", dir_okay=False),
    ] = None,
    scene: Annotated[str | None, typer.Option(help="throwing, fire or elevator")] = None,
    source: Annotated[str | None, typer.Option(help="rtsp://host/…, a file of video, or /dev/video0")] = None,
    device: Annotated[str | None, typer.Option(help="the camera's id; unset: of scene and source")] = None,
    view: Annotated[Path | None, typer.Option(help="the façade before it, as `calibrate` writes it")] = None,
    login_file: Annotated[Path | None, typer.Option(help="file that holds user:password")] = None,
    login_env: Annotated[str | None, typer.Option(help="variable that holds user:password")] = None,
    originals: Annotated[
        bool, typer.Option("--originals", help="send unmasked pictures and clips too")
    ] = False,
    start: Annotated[str | None, typer.Option(help="when a file begins; unset: it ends now")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="judge a file at its own pace")] = False,
) -> None:
    """Judge one camera, or those of FILE; publish findings with their evidence over MQTT."""
    from ingest.edge.cameras import CameraEntry, Kind, camera_of, read_cameras
    from ingest.edge.running import run_edge

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = read_settings()
    if file is not None:
        if given := [name for name, value in (("--scene", scene), ("--source", source)) if value]:
            raise SettingsError(f"{' and '.join(given)}: they stand in {file}")
        cameras, gateway = read_cameras(file)
    else:
        if scene is None or source is None:
            raise SettingsError("give --scene and --source, or a file of cameras")
        entry = CameraEntry(
            scene=scene,
            source=source,
            device=device,
            view=None if view is None else str(view),
            login_file=None if login_file is None else str(login_file),
            login_env=login_env,
            originals=originals,
        )
        camera = camera_of(entry)
        if camera.source.kind is not Kind.FILE and (start or realtime):
            raise SettingsError("--start and --realtime are for a file of video")
        camera = replace(camera, start=None if start is None else _moment(start), realtime=realtime)
        cameras, gateway = [camera], camera.device
    asyncio.run(until_stopped(run_edge(settings, cameras, gateway)))


def _moment(text: str) -> datetime:
    try:
        return check_time(datetime.fromisoformat(text))
    except ValueError as error:
        raise SettingsError(f"--start {text}: {error}; write 2026-11-23T08:00:00+08:00") from error
