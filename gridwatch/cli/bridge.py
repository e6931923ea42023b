"""`gridwatch bridge`: what speaks a protocol of its own becomes our MQTT messages."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from gridwatch.cli.stopping import until_stopped
from gridwatch.settings import read_settings

bridge_app = typer.Typer(
    no_args_is_help=True, help="Connect cameras, pushing platforms and gateways that speak something else."
)

File = Annotated[Path, typer.Argument(help="TOML file: see docs/connect/.", exists=True, dir_okay=False)]


@bridge_app.command("hikvision")
def hikvision_command(file: File) -> None:
    """Pass on what Hikvision cameras judge: ISAPI's stream of events, or pushed by the camera."""
    from ingest.bridges.hikvision import Hikvision
    from ingest.bridges.running import bridge_cameras

    _run(bridge_cameras(read_settings(), Hikvision(), file))


@bridge_app.command("dahua")
def dahua_command(file: File) -> None:
    """Pass on what Dahua cameras judge: the stream of events of eventManager."""
    from ingest.bridges.dahua import Dahua
    from ingest.bridges.running import bridge_cameras

    _run(bridge_cameras(read_settings(), Dahua(), file))


@bridge_app.command("http")
def http_command(file: File) -> None:
    """Take what a platform pushes over HTTP, as those of carriers do for NB-IoT."""
    from ingest.bridges.platforms import bridge_http

    _run(bridge_http(read_settings(), file))


@bridge_app.command("thingsboard")
def thingsboard_command(file: File) -> None:
    """Serve devices and gateways that speak ThingsBoard's API: they only change the host name."""
    from ingest.bridges.gateways import bridge_thingsboard

    _run(bridge_thingsboard(read_settings(), file))


def _run(work: Coroutine[Any, Any, None]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Its lines of each request name addresses, and keys in them.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(until_stopped(work))
