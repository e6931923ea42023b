"""Tables for people: nothing is cut off, so that ids and topics can be copied."""

from rich.table import Table


def wide_table(*columns: str, whole: str | None = None) -> Table:
    """Return a table that folds what does not fit, except in the column that is to stay `whole`."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == whole)
    return table
