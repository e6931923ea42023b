"""`gridwatch books`: what became of every message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.books import read_books
from gridwatch.store.broker import Incident, broker_incidents
from gridwatch.store.connection import Row
from gridwatch.store.gaps import Gap, gap_totals, open_gaps

COLUMNS = ("received", "stored", "duplicate", "quarantined", "skipped")
STRANGERS = "(not registered)"
INCIDENTS_SHOWN = timedelta(days=7)

NOT_BALANCED = 1
"""Exit status of `gridwatch books` where messages are not accounted for."""


def books_command(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for programs")] = False,
) -> None:
    """Print what became of all messages, per device and in total; exit status 1 where they don't balance."""

    async def read(store: Store) -> tuple[list[Row], tuple[int, int], list[Incident]]:
        incidents = await broker_incidents(store, INCIDENTS_SHOWN)
        return await read_books(store), await gap_totals(store), incidents

    books, (gaps, missing), incidents = with_store(read_settings(), read)
    total = {column: sum(book[column] for book in books) for column in COLUMNS}
    unbalanced = [book["device"] or STRANGERS for book in books if not _balances(book)]
    if as_json:
        said = {
            "total": total,
            "balanced": not unbalanced,
            "unbalanced": unbalanced,
            "gaps": {"open": gaps, "missing": missing},
            "broker": [asdict(incident) for incident in incidents],
            "devices": books,
        }
        typer.echo(json.dumps(said, default=str))
    else:
        Console().print(_table(books, total))
        typer.echo("balanced" if not unbalanced else f"NOT balanced: {', '.join(unbalanced)}")
        if gaps:
            typer.echo(f"{missing} messages are missing in {gaps} gaps: gridwatch gaps lists them")
        for incident in incidents:
            typer.echo(incident.sentence)
    if unbalanced:
        raise typer.Exit(NOT_BALANCED)


def gaps_command(
    device: Annotated[str | None, typer.Option(help="only of this device")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """List the numbers (`seq`) of messages that devices sent and that have not come."""

    async def read(store: Store) -> list[Gap]:
        return await open_gaps(store, device=device)

    gaps = with_store(read_settings(), read)
    if as_json:
        typer.echo(json.dumps([asdict(gap) for gap in gaps], default=str))
        return
    table = wide_table("device", "first", "last", "missing", "after", "before", "found")
    for gap in gaps:
        times = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (gap.after_at, gap.before_at, gap.found_at))
        table.add_row(gap.device, str(gap.first), str(gap.last), str(gap.missing), *times)
    Console().print(table)


def _balances(book: Row) -> bool:
    return bool(book["received"] == sum(book[column] for column in COLUMNS[1:]))


def _table(books: Sequence[Row], total: Mapping[str, int]) -> Table:
    table = wide_table("device", *COLUMNS)
    for book in books:
        table.add_row(book["device"] or STRANGERS, *(str(book[column]) for column in COLUMNS))
    table.add_section()
    table.add_row("total", *(str(total[column]) for column in COLUMNS))
    return table
