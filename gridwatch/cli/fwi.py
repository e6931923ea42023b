"""`gridwatch fwi`: the Fire Weather Index of a table of days."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gridwatch.errors import SettingsError
from gridwatch.fire_weather import EXACT, PRINTED, Codes, Moisture, Noon, check_within, season
from gridwatch.lines import WrongLine, WrongLines, table_rows, text_of

DAY = timedelta(days=1)
GIVEN = ("date", "temp_c", "rh_pct", "wind_kmh", "rain_mm")
ADDED = tuple(field.name for field in fields(Codes))
DIGITS = 4

Row = Mapping[str, str]


def fwi_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help=f"one row a day: {', '.join(GIVEN)}")],
    ffmc: Annotated[float, typer.Option(help="fine fuel moisture code of the day before the first")] = 85.0,
    dmc: Annotated[float, typer.Option(help="duff moisture code of the day before")] = 6.0,
    dc: Annotated[float, typer.Option(help="drought code of the day before")] = 15.0,
    lat: Annotated[float, typer.Option(help="latitude in degrees, south negative: length of days")] = 40.0,
    printed_coefficient: Annotated[
        bool, typer.Option("--printed-coefficient", help="147.2 as in the papers, and not 250·59.5/101")
    ] = False,
) -> None:
    """Print the table as CSV with the six codes and the daily severity rating added."""
    try:
        start = Moisture(ffmc=ffmc, dmc=dmc, dc=dc)
        check_within("lat", lat, -90, 90)
    except ValueError as error:
        raise SettingsError(f"--{error}") from error
    try:
        text = text_of(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    heading, rows = _rows(text)
    noons = _noons(rows)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*heading, *ADDED])
    days = season(noons, start=start, latitude=lat, coefficient=PRINTED if printed_coefficient else EXACT)
    for (_, row), codes in zip(rows, days, strict=True):
        writer.writerow([*(row.get(name, "") for name in heading), *map(_shown, asdict(codes).values())])


def _rows(text: str) -> tuple[Sequence[str], Sequence[tuple[int, Row]]]:
    """Return the heading and the rows with their lines; other columns than ours stay as they are."""
    heading = [name.strip().lower() for name in next(csv.reader(io.StringIO(text, newline="")), [])]
    try:
        rows, wrong = table_rows(text, [name for name in heading if name not in ADDED], needed=GIVEN)
    except WrongLines as error:
        raise WrongLines(error.lines, done="computed") from error
    if not rows and not wrong:
        wrong = [WrongLine(line=1, field="line", why="there is no day below the heading")]
    if wrong:
        raise WrongLines(wrong, done="computed")
    return heading, rows


def _noons(rows: Sequence[tuple[int, Row]]) -> list[Noon]:
    """Return the weather of each row; raise WrongLines with everything that is wrong.

    Days that are left out are told on stderr: the codes go on from the day before them.
    """
    noons: list[Noon] = []
    wrong: list[WrongLine] = []
    before: date | None = None
    for line, row in rows:
        found = list(_wrong_in(row, before))
        wrong += [WrongLine(line=line, field=field, why=why) for field, why in found]
        if any(field == "date" for field, _ in found):
            continue
        day = date.fromisoformat(row["date"])
        if before is not None and day > before + DAY:
            print(
                f"gridwatch: line {line}, date: {(day - before).days - 1} missing before it: the codes go on "
                f"from {before}, fill the gap for right ones",
                file=sys.stderr,
            )
        before = day
        if not found:
            noons.append(_noon(row))
    if wrong:
        raise WrongLines(wrong, done="computed")
    return noons


def _wrong_in(row: Row, before: date | None) -> Iterator[tuple[str, str]]:
    """Yield each field of a row that can't be used, and why."""
    try:
        day = date.fromisoformat(row.get("date", ""))
    except ValueError:
        yield "date", f"{row.get('date', '')[:40]!r} is no day: write 2026-05-31"
    else:
        if before is not None and day <= before:
            yield "date", f"{day} is not after {before}: one row a day, the oldest first"
    known = {"temp_c": 0.0, "rh_pct": 50.0, "wind_kmh": 0.0, "rain_mm": 0.0}
    for name in GIVEN[1:]:
        try:
            value = float(row.get(name, ""))
        except ValueError:
            yield name, f"{row.get(name, '')[:40]!r} is no number" if row.get(name) else "is missing"
            continue
        try:
            Noon(month=1, **{**known, name: value})
        except ValueError as error:
            yield name, str(error).removeprefix(f"{name} ")


def _noon(row: Row) -> Noon:
    return Noon(month=date.fromisoformat(row["date"]).month, **{name: float(row[name]) for name in GIVEN[1:]})


def _shown(value: float) -> str:
    return f"{value:.{DIGITS}f}"
