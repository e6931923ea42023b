"""Tables of devices, in CSV and in Excel's format: bytes to rows of text by column, and back."""

import csv
import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias
from xml.etree.ElementTree import ParseError

from gridwatch.lines import EXCEL_MARK, WrongLine, WrongLines, check_heading, table_rows, text_of

Row: TypeAlias = tuple[int, Mapping[str, str]]
"""A line (the heading is 1) and what it says by column."""

COLUMNS = (
    *("id", "scene", "kind", "name", "model", "source", "area", "lon", "lat", "crs", "channels", "labels"),
    *("address", "telephone", "gateway", "lift", "cameras", "playback_url", "state", "state_until"),
    *("state_by", "simulated"),
)
NEEDED = ("id",)

MOST_ROWS = 100_000
MOST_COLUMNS = 40
MOST_UNPACKED = 256 * 2**20
"""Bytes that an Excel file may unpack to; 100,000 devices take a tenth of it."""

FORMULA = "=+-@\t\r"
"""What a cell begins with that Excel would compute: an apostrophe before it makes it text."""

NO_WORKBOOK = (
    *(zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError, AttributeError),
    *(IndexError, OverflowError, EOFError, NotImplementedError, RuntimeError, OSError),
)
"""What openpyxl raises over a file that is none, or is damaged."""

# openpyxl warns of what a workbook holds beside its cells, and would parse with defusedxml, in pure Python:
# what that guards against is refused before.
warnings.filterwarnings("ignore", module="openpyxl")
os.environ.setdefault("OPENPYXL_DEFUSEDXML", "False")


def read_csv(content: bytes) -> tuple[list[Row], list[WrongLine]]:
    """Return the rows of a CSV in UTF-8, with or without a mark, or GB18030, and what is wrong.

    Raises WrongLines where the file as a whole is no such table.
    """
    rows, wrong = table_rows(text_of(content), COLUMNS, needed=NEEDED)
    return [(line, {name: _bare(cell) for name, cell in row.items()}) for line, row in rows], wrong


def read_xlsx(content: bytes) -> tuple[list[Row], list[WrongLine]]:
    """Return the rows of a workbook's first sheet; raise WrongLines where the file is no such table."""
    try:
        cells = list(_cells(content))
    except NO_WORKBOOK as error:
        raise _no_table(f"is no Excel workbook (.xlsx), or is damaged: {error}") from error
    heading = [cell.lower() for cell in cells[0]] if cells else []
    while heading and not heading[-1]:
        heading.pop()
    check_heading(heading, COLUMNS, NEEDED)
    rows: list[Row] = []
    wrong: list[WrongLine] = []
    for line, row in enumerate(cells[1:], start=2):
        if any(row[len(heading) :]):
            wrong.append(WrongLine(line=line, field="line", why="has a cell to the right of the heading"))
        elif any(row):
            rows.append((line, dict(zip(heading, row, strict=False))))
    return rows, wrong


def _cells(content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    _check_packed(content)
    workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        sheet: Any = workbook.worksheets[0]
        # What the file says of its size need not be so.
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)):
            if number > MOST_ROWS:
                raise _no_table(f"has more than {MOST_ROWS} rows")
            yield [_text(cell).strip() for cell in row]
    finally:
        workbook.close()


def _check_packed(content: bytes) -> None:
    """Raise WrongLines for a workbook that would unpack to too much, or whose XML defines anything."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(part.file_size for part in packed.infolist()) > MOST_UNPACKED:
            raise _no_table(f"unpacks to more than {MOST_UNPACKED // 2**20} MiB")
        for part in packed.infolist():
            # Without the zeros that UTF-16 puts between letters.
            if b"<!DOCTYPE" in packed.read(part).replace(b"\0", b""):
                raise _no_table("has XML with a document type: no spreadsheet program writes that")


def _no_table(why: str) -> WrongLines:
    return WrongLines([WrongLine(line=1, field="file", why=why)])


def _text(cell: Any) -> str:
    """Return a cell as a person reads it: Excel keeps a telephone number as a number."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime():
            return cell.isoformat()
        case _:
            return str(cell)


def write_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a CSV in UTF-8 with the mark that Excel needs."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    table.writerows({name: _guarded(name, cell) for name, cell in row.items()} for row in rows)
    return (EXCEL_MARK + text.getvalue()).encode()


def write_xlsx(rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a workbook whose cells are all text, so that Excel changes none of them."""
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell, WriteOnlyCell
    from openpyxl.utils import get_column_letter

    table = [COLUMNS, *([row[name] for name in COLUMNS] for row in rows)]
    workbook = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet("devices")
    sheet.freeze_panes = "B2"
    # Without its size in it, a workbook is parsed twice when it is read.
    sheet.calculate_dimension = lambda: f"A1:{get_column_letter(len(COLUMNS))}{len(table)}"

    def text(cell: str) -> Cell | None:
        if not cell:
            return None
        written = WriteOnlyCell(sheet, cell)
        written.data_type = "s"
        return written

    for line in table:
        sheet.append([text(cell) for cell in line])
    content = io.BytesIO()
    workbook.save(content)
    return content.getvalue()


NUMBERS = frozenset({"lon", "lat"})


def _guarded(name: str, cell: str) -> str:
    return f"'{cell}" if name not in NUMBERS and cell[:1] and cell[0] in f"'{FORMULA}" else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] and cell[1] in f"'{FORMULA}" else cell
