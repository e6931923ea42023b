"""`gridwatch workers`: people with their areas, shifts and leave from the command line."""

import json
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import at_the_command_line, with_store
from gridwatch.duty.calendar import unknown_year, unknown_years
from gridwatch.duty.files import COLUMNS, Table, fit_in, read_table, write_table
from gridwatch.duty.gaps import Gap
from gridwatch.errors import SettingsError
from gridwatch.policy import CHINA
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.people import (
    areas_without_anybody,
    change_people,
    clear_table,
    list_table,
    roster_gaps,
)

workers_app = typer.Typer(no_args_is_help=True, help="Grid workers: their areas, shifts, leave and gaps.")

What = Annotated[Table, typer.Option("--what", help="which of the three tables")]
Area = Annotated[str | None, typer.Option(metavar="CODE", help="only this area and all below it")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON list, for programs")]

SHOWN = 20


@workers_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="a CSV; gridwatch workers export writes one")],
    what: What = Table.PEOPLE,
) -> None:
    """Import people, shifts or leave, all or none; every line that is wrong is told.

    It takes the place of all that was known of the people that it names; others stay as they are.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    reading = read_table(content, what)

    async def change(store: Store) -> tuple[int, list[str]]:
        count = await change_people(store, what, partial(fit_in, reading), by=at_the_command_line())
        return count, await _warnings(store)

    count, warnings = with_store(read_settings(), change)
    typer.echo(f"imported {what}: {count} people")
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


@workers_app.command("list")
def list_command(what: What = Table.PEOPLE, area: Area = None, as_json: AsJson = False) -> None:
    """List people, shifts or leave."""
    rows = with_store(read_settings(), partial(list_table, table=what, area=area))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, default=_as_text))
        return
    table = wide_table(*COLUMNS[what])
    for row in rows:
        table.add_row(*("" if row[name] is None else _as_text(row[name]) for name in COLUMNS[what]))
    Console().print(table)


@workers_app.command("export")
def export_command(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="none: here")] = None,
    what: What = Table.PEOPLE,
    area: Area = None,
) -> None:
    """Write people, shifts or leave as a file that can be imported again; it holds telephones."""
    rows = with_store(read_settings(), partial(list_table, table=what, area=area))
    text = write_table(rows, what)
    if file is None:
        typer.echo(text, nl=False)
        return
    write_private(file, text)
    typer.echo(f"wrote {len(rows)} lines to {file}")


@workers_app.command("delete")
def delete_command(code: Annotated[str, typer.Argument(metavar="CODE", help="the number at work")]) -> None:
    """Delete a person with all areas, shifts and leave."""

    async def delete(store: Store) -> None:
        await clear_table(store, Table.PEOPLE, code, by=at_the_command_line())

    with_store(read_settings(), delete)
    typer.echo(f"deleted: {code}")


@workers_app.command("gaps")
def gaps_command(as_json: AsJson = False) -> None:
    """Say when in the next 7 days nobody of an area has a shift, and which areas nobody answers for.

    Somebody is called all the same then: the responsible, whether on shift or not.
    """

    async def look(store: Store) -> tuple[list[Gap], list[str]]:
        return await roster_gaps(store, datetime.now(UTC)), await areas_without_anybody(store)

    found, nobody = with_store(read_settings(), look)
    if as_json:
        rows = [{"area": gap.area, "begins": gap.begins, "ends": gap.ends} for gap in found]
        rows += [{"area": area, "begins": None, "ends": None} for area in nobody]
        typer.echo(json.dumps(rows, ensure_ascii=False, default=_as_text))
        return
    for area in nobody:
        typer.echo(f"{area}: nobody answers for it or an area above it")
    for gap in found:
        typer.echo(gap_sentence(gap))
    if not found and not nobody:
        typer.echo("no gaps")


def gap_sentence(gap: Gap) -> str:
    """Return a gap in words, by local time."""
    begins, ends = gap.begins.astimezone(CHINA), gap.ends.astimezone(CHINA)
    return f"{gap.area}: nobody has a shift from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"


async def _warnings(store: Store) -> list[str]:
    """Return what is to be mended in the roster as it is now: the first of it, and how much more."""
    now = datetime.now(UTC)
    told = [f"nobody answers for {area} or an area above it" for area in await areas_without_anybody(store)]
    told += [gap_sentence(gap) for gap in await roster_gaps(store, now)]
    more = [f"and {len(told) - SHOWN} more: gridwatch workers gaps"] if len(told) > SHOWN else []
    return [*told[:SHOWN], *more, *map(unknown_year, unknown_years(now))]


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone can read."""
    try:
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error


def _as_text(value: Any) -> str:
    match value:
        case datetime():
            return value.astimezone(CHINA).isoformat(timespec="minutes")
        case time():
            return value.isoformat("minutes")
        case date():
            return value.isoformat()
        case list():
            return ";".join(map(str, value))
        case _:
            return str(value)
