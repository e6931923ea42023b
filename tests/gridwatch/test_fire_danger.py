"""The five levels of fire danger, and that none of them hides an alarm."""

import re
import tomllib
from pathlib import Path

import pytest

from gridwatch.errors import SettingsError
from gridwatch.fire_danger import MEANINGS, DangerDay, DangerLevel, DangerTables, read_tables

TABLES = DangerTables()


def _day(
    *, temperature: float = 15, humidity: float = 50, wind: float = 2, dry: int = 3, month: int = 4
) -> DangerDay:
    return DangerDay(
        month=month, temperature_max_c=temperature, humidity_min_pct=humidity, wind_max_ms=wind, dry_days=dry
    )


@pytest.mark.parametrize(
    ("temperature", "humidity", "wind", "dry", "index"),
    [
        (5.0, 65, 0.2, 0, 0),
        (5.1, 64, 0.3, 1, 4 + 4 + 5 + 5),
        (15.04, 55, 1.6, 2, 8 + 4 + 10 + 10),
        (20.0, 45, 5.4, 5, 12 + 8 + 15 + 25),
        (25.1, 24, 17.2, 10, 20 + 20 + 40 + 50),
        (45, 2, 40, 60, 130),
    ],
)
def test_the_index_adds_up_its_tables(
    temperature: float, humidity: float, wind: float, dry: int, index: float
) -> None:
    assert TABLES.index(_day(temperature=temperature, humidity=humidity, wind=wind, dry=dry)) == index


@pytest.mark.parametrize(
    ("index", "level"),
    [(0, 1), (25, 1), (26, 2), (50, 2), (51, 3), (72, 3), (73, 4), (90, 4), (91, 5), (130, 5)],
)
def test_the_levels_begin_where_they_are_said_to(index: float, level: int) -> None:
    assert TABLES.level(index) == level


def test_each_level_has_its_name_and_colour() -> None:
    assert [meaning.colour for meaning in MEANINGS.values()] == ["green", "blue", "yellow", "orange", "red"]
    assert [meaning.name for meaning in MEANINGS.values()] == ["low", "lower", "higher", "high", "very high"]
    assert [meaning.name_zh for meaning in MEANINGS.values()] == ["低", "较低", "较高", "高", "极高"]
    assert len({meaning.advice_zh for meaning in MEANINGS.values()}) == 5


def test_rain_ends_a_run_of_dry_days() -> None:
    assert [TABLES.dry_days_after(4, rain) for rain in (0, 0.1, 0.2, 30)] == [5, 5, 0, 0]


@pytest.mark.parametrize("usual", [0.5, 1.0, 2.0])
def test_no_level_raises_what_a_detector_needs(usual: float) -> None:
    needed = [TABLES.score_needed(usual, level) for level in (None, *DangerLevel)]
    assert max(needed) == needed[0] == usual
    assert needed[1:] == sorted(needed[1:], reverse=True)
    assert min(needed) == usual * 0.8


def test_the_tables_in_the_documentation_are_those_that_are_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "fire-weather.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert set(tomllib.loads(block)) == set(DangerTables.model_fields)
    assert read_tables(_file(tmp_path, block)) == TABLES


def _file(folder: Path, text: str) -> Path:
    file = folder / "danger.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_replaces_what_it_names(tmp_path: Path) -> None:
    text = """
        rain = "total"
        season = [20, 20, 10, 0, 0, 0, 0, 0, 0, 0, 10, 20]
        levels = [20, 40, 60, 80]
        alarm_factors = [1, 1, 1, 1, 0.9]
        [wind_ms]
        begins = [10]
        points = [0, 40]
    """
    tables = read_tables(_file(tmp_path, text))
    assert tables.index(_day(wind=12, dry=0)) == 8 + 8 + 40
    assert tables.index(_day(wind=12, dry=0, month=1)) == 36
    assert tables.index(_day(temperature=0, humidity=90, wind=1, dry=0, month=12)) == 0
    assert (tables.level(60), tables.rain) == (4, "total")
    assert tables.score_needed(1.0, DangerLevel.HIGH) == 1.0
    assert read_tables(None) == TABLES


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("alarm_factors = [1, 1, 1, 1, 1.1]", "alarm_factors: .*never hide one"),
        ("alarm_factors = [1, 1, 1, 1, 0.1]", "alarm_factors: .*from 0.5 to 1"),
        ("levels = [26, 51, 51, 91]", "levels: .*each more than the one before"),
        ("[wind_ms]\nbegins = [1, 2]\npoints = [0, 1]", "wind_ms: .*points: 3, one more than begins"),
        ("[wind_ms]\nbegins = [2, 1]\npoints = [0, 1, 2]", "wind_ms: .*begins: each more"),
        ('rain = "sometimes"', "rain: "),
        ("seasons = []", "seasons: "),
        ("season = [1]", "season: "),
        ("levels = [", "GRIDWATCH_FIRE_DANGER=.* can't be read"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        read_tables(_file(tmp_path, text))
