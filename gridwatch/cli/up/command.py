"""The command `gridwatch up`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gridwatch.errors import GridwatchError, SettingsError

WRONG_SETTING = 2
FAILED = 1


def up_command(
    simulate: Annotated[
        bool | None,
        typer.Option(
            "--simulate/--no-simulate",
            help="Add a living, simulated district. Default: while no real device is registered.",
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Where everything is kept.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port of the API and the console.")] = None,
) -> None:
    """Run everything on this machine: broker, database, collector, detectors, API and console."""
    from gridwatch.cli.up.installation import Installation
    from gridwatch.cli.up.say import Say
    from gridwatch.formats import read_formats
    from gridwatch.settings import read_settings

    say = Say()
    try:
        settings = read_settings(data_dir=data, http_port=port)
        settings = settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})
        read_formats(settings.formats)
        asyncio.run(Installation(settings, simulate=simulate, say=say).run())
    except GridwatchError as error:
        say.problem(str(error))
        raise typer.Exit(WRONG_SETTING if isinstance(error, SettingsError) else FAILED) from error
