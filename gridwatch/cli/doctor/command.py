"""Looks at everything in order, prints a line for each, and says with its exit status whether all is well."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from gridwatch.cli.doctor.broker import check_broker
from gridwatch.cli.doctor.channels import check_outside
from gridwatch.cli.doctor.check import Check, State, fail, ok
from gridwatch.cli.doctor.database import check_database
from gridwatch.cli.doctor.folder import check_folder
from gridwatch.errors import SettingsError
from gridwatch.formats import read_formats
from gridwatch.settings import Settings, read_settings

ILL = 1
"""Exit status where anything failed."""

COLOURS = {State.OK: typer.colors.GREEN, State.WARN: typer.colors.YELLOW, State.FAIL: typer.colors.RED}


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """Say what is wrong with this installation, and what to do; exit status 1 where anything failed."""
    checks = asyncio.run(_look())
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks]))
    else:
        _print(checks)
    if any(check.state is State.FAIL for check in checks):
        raise typer.Exit(ILL)


async def _look() -> list[Check]:
    try:
        settings = read_settings()
    except SettingsError as error:
        return [fail("settings", str(error), "correct it in the environment or in the settings file")]
    return [
        ok("settings", "all can be read"),
        *_foreign(settings),
        *check_folder(settings),
        *check_outside(settings),
        *await check_database(settings),
        *await check_broker(settings),
    ]


def _foreign(settings: Settings) -> list[Check]:
    """Return how the file of foreign formats is; nothing where there is none."""
    if settings.formats is None:
        return []
    try:
        formats = read_formats(settings.formats)
    except SettingsError as error:
        return [fail("foreign formats", str(error), "correct the file: docs/mqtt.md says what stands in it")]
    named = [
        *(["ChirpStack"] if formats.chirpstack else []),
        *(f"Frigate {one.prefix}" for one in formats.frigate),
    ]
    return [ok("foreign formats", ", ".join(named) or "none")]


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.subject) for check in checks)
    for check in checks:
        mark = typer.style(f"{check.state:<4}", fg=COLOURS[check.state])
        typer.echo(f"{mark}  {check.subject:<{width}}  {check.found}")
        if check.todo:
            typer.echo(f"{'':<{width + 6}}  → {check.todo}")
