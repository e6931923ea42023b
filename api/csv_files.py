"""Answers for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Response

from gridwatch.lines import EXCEL_MARK

CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "one line for each", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


def csv_answer(columns: Iterable[str], rows: Iterable[Mapping[str, object]], *, name: str) -> Response:
    """Return rows as a file that spreadsheets open, named `name`.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns))
    writer.writeheader()
    writer.writerows({column: _safe(value) for column, value in row.items()} for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(EXCEL_MARK + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _safe(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
