"""Files that people write, line by line: read in their encodings, refused with every line that is wrong."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gridwatch.errors import GridwatchError

LARGEST_FIELD = 2**24
"""Letters: a polygon may be long."""

EXCEL_MARK = "\ufeff"
"""Without it at the beginning Excel takes UTF-8 for the local encoding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongLine:
    """One thing that is wrong: in which line (1 is the first), in which field, and why."""

    line: int
    field: str
    why: str
    unit: str = "line"
    """What `line` counts: a JSON file has no lines to speak of but features or items."""

    @property
    def where(self) -> str:
        """Return the line and the field, as in `line 12.parent`."""
        return f"{self.unit} {self.line}.{self.field}"

    def __str__(self) -> str:
        return f"{self.unit} {self.line}, {self.field}: {self.why}"


class WrongLines(GridwatchError):
    """A file can't be used, and nothing of it was; `lines` and the text hold all that is wrong.

    `done`: what nothing was, to whoever reads the text.
    """

    def __init__(self, lines: Sequence[WrongLine], *, done: str = "imported") -> None:
        self.lines = sorted(lines, key=lambda one: one.line)
        self.summary = f"nothing was {done}, {len(lines)} things are wrong"
        super().__init__("\n".join([f"{self.summary}:", *map(str, self.lines)]))


def text_of(content: bytes) -> str:
    """Return the text of a file: UTF-8 with or without a mark, else GB18030; raise WrongLines."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise WrongLines([WrongLine(line=1, field="encoding", why="use UTF-8 or GB18030")])


def table_rows(
    text: str, columns: Sequence[str], *, needed: Sequence[str]
) -> tuple[list[tuple[int, Mapping[str, str]]], list[WrongLine]]:
    """Return the rows of a CSV, each as its line and its fields, and what is wrong.

    Empty lines are no rows. Raises WrongLines for a heading that lacks one of `needed` or has what is not in
    `columns`.
    """
    csv.field_size_limit(LARGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    heading = [name.strip().lower() for name in next(reader, [])]
    check_heading(heading, columns, needed)
    rows: list[tuple[int, Mapping[str, str]]] = []
    wrong: list[WrongLine] = []
    line = reader.line_num + 1
    try:
        for row in reader:
            if len(row) > len(heading):
                why = f"has {len(row)} fields, the heading {len(heading)}: put quotes around a comma"
                wrong.append(WrongLine(line=line, field="line", why=why))
            elif any(field.strip() for field in row):
                given = (field.strip() for field in row)
                rows.append((line, dict(zip(heading, given, strict=False))))
            line = reader.line_num + 1
    except csv.Error as error:
        wrong.append(WrongLine(line=line, field="line", why=f"the table breaks off here: {error}"))
    return rows, wrong


def check_heading(heading: Sequence[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    """Raise WrongLines for a heading that lacks one of `needed` or has what is not in `columns`."""
    wrong = [f"lacks {name}" for name in needed if name not in heading]
    wrong += [f"has {name!r} more than once" for name in dict.fromkeys(heading) if heading.count(name) > 1]
    known = ", ".join(columns)
    wrong += [f"has {name!r}, which is none of {known}" for name in heading if name not in columns]
    if wrong:
        raise WrongLines([WrongLine(line=1, field="heading", why=why) for why in wrong])
