"""Files of the ways to people: what each line says, and what is wrong in it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from gridwatch.lines import WrongLine, WrongLines, table_rows
from gridwatch.store.channels import ChannelLine

COLUMNS = ("person", "name", "position", "service", "address", "quiet_from", "quiet_to")
"""Of a file; `name` is only for who reads it."""
NEEDED = ("person", "position", "service", "address")

MOST_POSITION = 100


def read_lines(text: str) -> Sequence[ChannelLine]:
    """Return the lines of a file of channels. Raises WrongLines that names all that is wrong."""
    rows, wrong = table_rows(text, COLUMNS, needed=NEEDED)
    lines = [_line(line, row, wrong) for line, row in rows]
    if wrong:
        raise WrongLines(wrong)
    return [one for one in lines if one is not None]


def _line(line: int, row: Mapping[str, str], wrong: list[WrongLine]) -> ChannelLine | None:
    before = len(wrong)

    def refuse(field: str, why: str) -> None:
        wrong.append(WrongLine(line=line, field=field, why=why))

    position = row["position"]
    if not (position.isascii() and position.isdigit() and 1 <= int(position) <= MOST_POSITION):
        refuse("position", f"a number from 1 to {MOST_POSITION}: 1 is tried first")
    for field in ("person", "service"):
        if not row.get(field):
            refuse(field, "is missing")
    begins, ends = (_time(row.get(name, ""), name, refuse) for name in ("quiet_from", "quiet_to"))
    if (begins is None) != (ends is None):
        refuse("quiet_to", "quiet hours have a beginning and an end, or neither")
    if len(wrong) > before:
        return None
    return ChannelLine(
        line=line,
        person=row["person"],
        position=int(position),
        service=row["service"],
        address=row.get("address", ""),
        quiet=None if begins is None or ends is None else (begins, ends),
    )


def _time(text: str, field: str, refuse: Any) -> time | None:
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        refuse(field, f"{text!r}: write hours and minutes, as 22:00")
        return None


def write_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return ways to people, as the store lists them, as a file that can be imported again."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
