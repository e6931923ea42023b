"""`gridwatch books`: what became of every message."""

import json
from typing import Annotated

import typer
from rich.console import Console

from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.settings import read_settings
from gridwatch.store.quarantine import read_books

COLUMNS = ("received", "stored", "duplicate", "quarantined", "skipped")
STRANGERS = "(not registered)"


def books_command(
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for programs")] = False,
) -> None:
    """Print received, stored, duplicate, quarantined and skipped messages, per device and in total."""
    books = with_store(read_settings(), read_books)
    total = {column: sum(book[column] for book in books) for column in COLUMNS}
    if as_json:
        typer.echo(json.dumps({"total": total, "devices": books}))
        return
    table = wide_table("device", *COLUMNS)
    for book in books:
        table.add_row(book["device"] or STRANGERS, *(str(book[column]) for column in COLUMNS))
    table.add_section()
    table.add_row("total", *(str(total[column]) for column in COLUMNS))
    Console().print(table)
