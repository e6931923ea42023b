"""Files of people, shifts and leave: what each line says, what is wrong in it, and how they are written.

Three tables, all keyed by the number at work. People: one line for each person and area; who has several
areas has several lines, and telephone and the rest need stand in the first of them only. A file says all
about the people that it names, and nothing of others.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, TypeVar

from gridwatch.areas.area import AREA_CODE
from gridwatch.duty.roster import EVERY_DAY, ShiftKind
from gridwatch.lines import EXCEL_MARK, WrongLine, WrongLines, table_rows, text_of
from gridwatch.model import LABEL
from gridwatch.policy import CHINA

LANGUAGES = ("zh-CN", "en")
LONGEST_TEXT = 200
HIGHEST_RANK = 99

WORK_CODE = re.compile(r"[^\s\x00-\x1f/\\,;]{1,64}")
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{2,30}")
DAYS = re.compile(r"([1-7])(?:-([1-7]))?")

Value = TypeVar("Value")


class Table(StrEnum):
    """Which of the three tables a file is."""

    PEOPLE = "people"
    SHIFTS = "shifts"
    LEAVE = "leave"


COLUMNS: Mapping[Table, Sequence[str]] = {
    Table.PEOPLE: ("code", "name", "phone", "language", "duties", "username", "area", "rank", "scenes"),
    Table.SHIFTS: ("code", "area", "days", "kind", "starts", "ends", "valid_from", "valid_to"),
    Table.LEAVE: ("code", "starts", "ends", "stand_in", "reason"),
}
NEEDED: Mapping[Table, Sequence[str]] = {
    Table.PEOPLE: ("code", "name"),
    Table.SHIFTS: ("code", "starts", "ends"),
    Table.LEAVE: ("code", "starts", "ends"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of a file, by column as the database has it; `given` are the columns that are not empty."""

    line: int
    fields: Mapping[str, Any]
    given: frozenset[str] = frozenset()


@dataclass(slots=True)
class Reading:
    """What a file says, and what of it can't be read."""

    table: Table
    lines: list[Line] = field(default_factory=list)
    wrong: list[WrongLine] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What a file must fit: the numbers at work, areas and accounts that there are."""

    codes: frozenset[str]
    areas: frozenset[str]
    usernames: frozenset[str]
    owners: Mapping[str, str]
    """Whose an account is already, by number at work."""


def read_table(content: bytes, table: Table) -> Reading:
    """Read a file; raise WrongLines where it as a whole is no such file."""
    rows, wrong = table_rows(text_of(content), COLUMNS[table], needed=NEEDED[table])
    reading = Reading(table=table, wrong=list(wrong))
    for number, cells in rows:
        _take(reading, number, cells)
    return reading


def _take(reading: Reading, number: int, cells: Mapping[str, str]) -> None:
    wrong: list[WrongLine] = []
    fields: dict[str, Any] = {}
    for name, parse in PARSERS[reading.table].items():
        try:
            fields[name] = parse(cells.get(name, ""))
        except ValueError as error:
            wrong.append(WrongLine(line=number, field=name, why=str(error)))
    if not wrong:
        try:
            ORDER[reading.table](fields)
        except ValueError as error:
            wrong.append(WrongLine(line=number, field="ends", why=str(error)))
    if wrong:
        reading.wrong += wrong
        return
    given = frozenset(name for name, cell in cells.items() if cell)
    reading.lines.append(Line(line=number, fields=fields, given=given))


def _optional(parse: Callable[[str], Value]) -> Callable[[str], Value | None]:
    return lambda text: parse(text) if text else None


def _or(parse: Callable[[str], Value], otherwise: Value) -> Callable[[str], Value]:
    return lambda text: parse(text) if text else otherwise


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text:
            raise ValueError("is missing")
        if pattern.fullmatch(text) is None:
            raise ValueError(f"{text[:LONGEST_TEXT]!r} is no {what}")
        return text

    return parse


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"has {len(text)} letters, at most {LONGEST_TEXT}")
    if not text.isprintable():
        raise ValueError("holds a character that can't be shown")
    return text


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text[:LONGEST_TEXT]!r}: use {', '.join(words)}")
        return text

    return parse


def _rank(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:3]) <= HIGHEST_RANK or len(text) > 2:
        raise ValueError(f"{text[:LONGEST_TEXT]!r}: 1 is responsible, 2 to {HIGHEST_RANK} stand in")
    return int(text)


def _scenes(text: str) -> list[str]:
    scenes = [scene.strip() for scene in text.split(";")]
    for scene in scenes:
        if LABEL.fullmatch(scene) is None:
            raise ValueError(f"{scene[:LONGEST_TEXT]!r} is no scene; put ; between several")
    return scenes


def _days(text: str) -> list[int]:
    days: set[int] = set()
    for part in text.split(";"):
        match = DAYS.fullmatch(part.strip())
        if match is None or (match[2] and match[2] < match[1]):
            raise ValueError(f"{text[:LONGEST_TEXT]!r}: 1 is Monday, 7 Sunday, as in 1-5 or 1;3;6-7")
        days |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    return sorted(days)


def _time(text: str) -> time:
    try:
        moment = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - a time of day
    except ValueError:
        raise ValueError(f"{text[:LONGEST_TEXT]!r}: write 08:30; midnight is 00:00") from None
    return moment.time()


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:LONGEST_TEXT]!r}: write 2026-11-23") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:LONGEST_TEXT]!r}: write 2026-11-23 or 2026-11-23 08:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=CHINA)


_CODE = _matching(WORK_CODE, "number at work: 1-64 letters without blanks, slashes and commas")
_AREA = _matching(AREA_CODE, "code of an area")

PARSERS: Mapping[Table, Mapping[str, Callable[[str], Any]]] = {
    Table.PEOPLE: {
        "code": _CODE,
        "name": _text,
        "phone": _optional(_matching(PHONE, "telephone")),
        "language": _or(_one_of(*LANGUAGES), LANGUAGES[0]),
        "duties": _text,
        "username": _optional(_text),
        "area": _optional(_AREA),
        "rank": _or(_rank, 1),
        "scenes": _optional(_scenes),
    },
    Table.SHIFTS: {
        "code": _CODE,
        "area": _optional(_AREA),
        "days": _or(_days, sorted(EVERY_DAY)),
        "kind": _or(_one_of(*ShiftKind), ShiftKind.EVERY.value),
        "starts": _time,
        "ends": _time,
        "valid_from": _optional(_date),
        "valid_to": _optional(_date),
    },
    Table.LEAVE: {
        "code": _CODE,
        "starts": _moment,
        "ends": _moment,
        "stand_in": _optional(_CODE),
        "reason": _text,
    },
}


def _shift_order(fields: Mapping[str, Any]) -> None:
    first, last = fields["valid_from"], fields["valid_to"]
    if first is not None and last is not None and last < first:
        raise ValueError("valid_to is before valid_from")


def _leave_order(fields: Mapping[str, Any]) -> None:
    if fields["ends"] <= fields["starts"]:
        raise ValueError("is not later than it starts")


ORDER: Mapping[Table, Callable[[Mapping[str, Any]], None]] = {
    Table.PEOPLE: lambda _: None,
    Table.SHIFTS: _shift_order,
    Table.LEAVE: _leave_order,
}


def fit_in(reading: Reading, around: Around) -> list[Mapping[str, Any]]:
    """Return the rows of a file; raise WrongLines with everything that is wrong."""
    wrong = [*reading.wrong]
    for line in reading.lines:
        told = _wrong_names(line.fields, around, new=reading.table is Table.PEOPLE)
        wrong += [WrongLine(line=line.line, field=name, why=why) for name, why in told]
    if reading.table is Table.PEOPLE:
        wrong += _disagreeing(reading.lines, around)
    if wrong:
        raise WrongLines(wrong)
    return [line.fields for line in reading.lines]


def _wrong_names(fields: Mapping[str, Any], around: Around, *, new: bool) -> Iterable[tuple[str, str]]:
    """Yield what a line names and is not there."""
    if not new and fields["code"] not in around.codes:
        yield "code", f"nobody has the number {fields['code']}"
    area = fields.get("area")
    if area is not None and area not in around.areas:
        yield "area", f"no area {area}"
    stand_in = fields.get("stand_in")
    if stand_in is not None and stand_in not in around.codes:
        yield "stand_in", f"nobody has the number {stand_in}"
    if stand_in is not None and stand_in == fields["code"]:
        yield "stand_in", "nobody stands in for themselves"
    username = fields.get("username")
    if username is not None and username not in around.usernames:
        yield "username", f"no account {username}"


def _disagreeing(lines: Sequence[Line], around: Around) -> Iterable[WrongLine]:
    """Yield where several lines say different things of one person, or of one account or area."""
    firsts: dict[str, Line] = {}
    owners = dict(around.owners)
    posts: dict[tuple[str, str], int] = {}
    for line in lines:
        fields = line.fields
        code = fields["code"]
        first = firsts.setdefault(code, line)
        if first is line and not fields["name"]:
            yield WrongLine(line=line.line, field="name", why="is missing")
        for name in ("name", "phone", "language", "duties", "username"):
            if name in line.given and fields[name] != first.fields[name]:
                why = f"line {first.line} says something else of {code}"
                yield WrongLine(line=line.line, field=name, why=why)
        if fields["username"] is not None and owners.setdefault(fields["username"], code) != code:
            why = f"this account is that of {owners[fields['username']]}"
            yield WrongLine(line=line.line, field="username", why=why)
        if fields["area"] is not None and posts.setdefault((code, fields["area"]), line.line) != line.line:
            why = f"{code} has {fields['area']} in line {posts[code, fields['area']]} already"
            yield WrongLine(line=line.line, field="area", why=why)


def write_table(rows: Iterable[Mapping[str, Any]], table: Table) -> str:
    """Return rows as a file that can be imported again."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS[table])
    for row in rows:
        writer.writerow([cell(row[name]) for name in COLUMNS[table]])
    return EXCEL_MARK + text.getvalue()


def cell(value: Any) -> str:
    """Return a value as a file says it."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
        case time():
            return value.strftime("%H:%M")
        case list():
            return ";".join(map(str, value))
        case _:
            return str(value)
