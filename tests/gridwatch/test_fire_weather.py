"""The Fire Weather Index is that of the tables which others computed, and of the equations' limits."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gridwatch.cli.every import app
from gridwatch.fire_weather import EXACT, PRINTED, Moisture, Noon, codes_of, season

TABLES = Path(__file__).parent / "fwi"
"""48 days of 1985 at 40 N that Van Wagner and Pickett published, with the codes for either coefficient; those
of the exact one agree with cffdrs 1.10.0."""

CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr")
WITHIN = 0.005


def _days(table: str) -> list[Mapping[str, float]]:
    with (TABLES / f"{table}.csv").open(encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _noon(day: Mapping[str, float]) -> Noon:
    return Noon(
        month=int(day["mon"]),
        temp_c=day["temp"],
        rh_pct=day["rh"],
        wind_kmh=day["ws"],
        rain_mm=day["prec"],
    )


@pytest.mark.parametrize(("table", "coefficient"), [("exact", EXACT), ("printed", PRINTED)])
def test_a_season_is_that_of_the_reference(table: str, coefficient: float) -> None:
    days = _days(table)
    assert len(days) == 48
    computed = season(map(_noon, days), start=Moisture(), latitude=40, coefficient=coefficient)
    for day, codes in zip(days, computed, strict=True):
        for name in CODES:
            assert getattr(codes, name) == pytest.approx(day[name], abs=WITHIN), (day, name)


def test_the_exact_coefficient_is_the_default() -> None:
    noon = Noon(month=4, temp_c=17, rh_pct=42, wind_kmh=25, rain_mm=0)
    assert codes_of(noon, Moisture(), latitude=45.98).fwi == pytest.approx(10.036186, abs=1e-5)
    printed = codes_of(noon, Moisture(), latitude=45.98, coefficient=PRINTED)
    assert printed.fwi == pytest.approx(10.096371, abs=1e-5)


SUMMER_AND_WINTER_DMC = [(45, 12.4, 6.5), (25, 10.1, 7.9), (0, 9.0, 9.0), (-25, 7.9, 10.1), (-40, 6.5, 11.5)]


@pytest.mark.parametrize(("latitude", "july", "january"), SUMMER_AND_WINTER_DMC)
def test_duff_dries_by_the_length_of_day_of_its_latitude(
    latitude: float, july: float, january: float
) -> None:
    for month, hours in ((7, july), (1, january)):
        noon = Noon(month=month, temp_c=20, rh_pct=40, wind_kmh=10, rain_mm=0)
        dried = codes_of(noon, Moisture(), latitude=latitude).dmc - 6
        assert dried == pytest.approx(1.894e-4 * 21.1 * 60 * hours)


@pytest.mark.parametrize(("latitude", "july", "january"), [(21, 6.4, -1.6), (0, 1.4, 1.4), (-21, -1.6, 6.4)])
def test_deep_layers_dry_by_their_latitude(latitude: float, july: float, january: float) -> None:
    for month, factor in ((7, july), (1, january)):
        noon = Noon(month=month, temp_c=20, rh_pct=40, wind_kmh=10, rain_mm=0)
        assert codes_of(noon, Moisture(), latitude=latitude).dc - 15 == pytest.approx(
            (0.36 * 22.8 + factor) / 2
        )


@pytest.mark.parametrize("latitude", [30, 10, -10, -30])
def test_a_latitude_on_a_bound_belongs_to_the_band_below(latitude: float) -> None:
    noon = Noon(month=7, temp_c=20, rh_pct=40, wind_kmh=10, rain_mm=0)
    at, below = (codes_of(noon, Moisture(), latitude=where).dmc for where in (latitude, latitude - 0.1))
    assert at == below


def test_the_ends_of_what_is_possible_give_codes() -> None:
    for rh in (0, 100):
        for temp in (-60, 0, 50):
            for rain in (0, 0.5, 1.5, 2.8, 500):
                for start in (
                    Moisture(),
                    Moisture(ffmc=0, dmc=0, dc=0),
                    Moisture(ffmc=101, dmc=900, dc=2000),
                ):
                    noon = Noon(month=1, temp_c=temp, rh_pct=rh, wind_kmh=0, rain_mm=rain)
                    codes = codes_of(noon, start, latitude=40)
                    assert 0 <= codes.ffmc <= 101
                    assert min(codes.dmc, codes.dc, codes.isi, codes.bui, codes.fwi, codes.dsr) >= 0


@pytest.mark.parametrize(
    ("field", "value"), [("temp_c", 99), ("rh_pct", 100.1), ("wind_kmh", -1), ("rain_mm", float("nan"))]
)
def test_weather_that_cannot_be_names_its_field(field: str, value: float) -> None:
    noon = {"temp_c": 20.0, "rh_pct": 40.0, "wind_kmh": 5.0, "rain_mm": 0.0, field: value}
    with pytest.raises(ValueError, match=f"^{field} .*: from"):
        Noon(month=5, **noon)


def _run(file: Path, *options: str) -> tuple[str, str]:
    """Run the command; return what it printed and what it said is wrong."""
    done = CliRunner().invoke(app, ["fwi", str(file), *options])
    return done.stdout, str(done.exception or done.stderr)


def _write(file: Path, lines: Sequence[str]) -> Path:
    file.write_text("\n".join(["date,temp_c,rh_pct,wind_kmh,rain_mm", *lines]) + "\n", encoding="utf-8")
    return file


def test_the_command_adds_the_codes_to_each_day(tmp_path: Path) -> None:
    days = _days("exact")
    lines = [
        f"1985-{int(d['mon']):02}-{int(d['day']):02},{d['temp']},{d['rh']},{d['ws']},{d['prec']}"
        for d in days
    ]
    printed, wrong = _run(_write(tmp_path / "days.csv", lines), "--lat", "40")
    assert wrong == ""
    rows = list(csv.DictReader(printed.splitlines()))
    assert list(rows[0]) == ["date", "temp_c", "rh_pct", "wind_kmh", "rain_mm", *CODES]
    assert [",".join(list(row.values())[:5]) for row in rows] == lines
    for row, day in zip(rows, days, strict=True):
        assert [float(row[name]) for name in CODES] == pytest.approx([day[n] for n in CODES], abs=WITHIN)


def test_the_command_begins_with_what_it_is_given(tmp_path: Path) -> None:
    file = _write(tmp_path / "days.csv", ["2026-01-15,25,40,10,0", "2026-01-18,25,40,10,0"])
    start_there = ["--ffmc", "90", "--dmc", "30", "--dc", "300", "--lat", "-33"]
    printed, said = _run(file, *start_there, "--printed-coefficient")
    noon = Noon(month=1, temp_c=25, rh_pct=40, wind_kmh=10, rain_mm=0)
    start = Moisture(ffmc=90, dmc=30, dc=300)
    expected = list(season([noon, noon], start=start, latitude=-33, coefficient=PRINTED))
    rows = csv.DictReader(printed.splitlines())
    assert [float(row["fwi"]) for row in rows] == pytest.approx([day.fwi for day in expected], abs=1e-4)
    assert "line 3, date: 2 missing before it" in said


def test_the_command_tells_everything_that_is_wrong(tmp_path: Path) -> None:
    lines = ["2026-05-01,20,40,10,0", "2026-05-01,20,140,x,", "May,20,40,10,0", "2026-05-02,,40,10,-1"]
    printed, wrong = _run(_write(tmp_path / "days.csv", lines))
    assert printed == ""
    assert wrong.splitlines() == [
        "nothing was computed, 7 things are wrong:",
        "line 3, date: 2026-05-01 is not after 2026-05-01: one row a day, the oldest first",
        "line 3, rh_pct: 140: from 0 to 100",
        "line 3, wind_kmh: 'x' is no number",
        "line 3, rain_mm: is missing",
        "line 4, date: 'May' is no day: write 2026-05-31",
        "line 5, temp_c: is missing",
        "line 5, rain_mm: -1: from 0 to 2000",
    ]


def test_the_command_says_which_column_or_option_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,temp_c,rh_pct,wind_kmh\n2026-05-01,1,2,3\n", encoding="utf-8")
    assert "line 1, heading: lacks rain_mm" in _run(file)[1]
    assert "--lat 99: from -90 to 90" in _run(file, "--lat", "99")[1]
    assert "--ffmc 102: from 0 to 101" in _run(file, "--ffmc", "102")[1]
    assert "No such file" in _run(tmp_path / "none.csv")[1]
    assert "there is no day below the heading" in _run(_write(file, []))[1]
