"""Tables for people: nothing is cut off, so that ids and topics can be copied."""

from rich.table import Table


def wide_table(*columns: str) -> Table:
    """Return a table that folds what does not fit."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
