"""`gridwatch areas` on a database."""

import asyncio
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.areas.checking import fit_in
from gridwatch.areas.reading import FileFormat, read_areas
from gridwatch.areas.writing import write_areas
from gridwatch.cli.every import app
from gridwatch.lines import WrongLines
from gridwatch.store import Store
from gridwatch.store.areas import Changed, change_areas, put_areas
from tests.collectors import ask

GRID = Area(code="g", level=AreaLevel.GRID, grid=GridKind.MICRO, name="网格")
GROUND = {"type": "Polygon", "coordinates": [[[103, 30], [104, 30], [104, 31], [103, 31], [103, 30]]]}
AREAS = [
    Area(code="510199", level=AreaLevel.DISTRICT, name="区", boundary=GROUND),
    Area(code="e-1", level=AreaLevel.ESTATE, name="小区", parent="510199"),
]


@pytest.fixture
def installation(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the commands work on a fresh database; return a folder for files."""
    monkeypatch.setenv("GRIDWATCH_DATABASE_URL", database_url)
    monkeypatch.setenv("GRIDWATCH_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def areas(*arguments: str | Path) -> Result:
    """Run `gridwatch areas`."""
    return CliRunner().invoke(app, ["areas", *map(str, arguments)])


def test_areas_are_imported_listed_found_exported_and_deleted(installation: Path, database_url: str) -> None:
    (installation / "a.geojson").write_text(write_areas(AREAS, FileFormat.GEOJSON))
    done = areas("import", installation / "a.geojson")
    assert done.output == "imported: 2 new, 0 changed, 0 as they were\n"
    assert [one["code"] for one in json.loads(areas("list", "--json").output)] == ["510199", "e-1"]
    assert "小区" in areas("list", "--under", "510199", "--level", "estate").output
    found = areas("find", "--lon", "103.5", "--lat", "30.5", "--json").output
    assert [one["code"] for one in json.loads(found)] == ["510199"]
    assert areas("export", installation / "b.csv").exit_code == 0
    assert (installation / "b.csv").read_bytes().startswith(b"\xef\xbb\xbfcode,")
    assert areas("import", installation / "b.csv").output == "imported: 0 new, 0 changed, 2 as they were\n"
    assert json.loads(areas("export").output)["features"][1]["properties"]["parent"] == "510199"
    assert areas("delete", "510199").output == "deleted: 2\n"
    assert ask(database_url, "SELECT code FROM area") == []


def test_a_wrong_file_imports_nothing_and_tells_every_line(installation: Path, database_url: str) -> None:
    lines = ["code,level,name", "ok,estate,小区", *(f"x{n},planet,小区" for n in range(200))]
    (installation / "a.csv").write_text("\n".join(lines))
    refused = areas("import", installation / "a.csv").exception
    assert isinstance(refused, WrongLines)
    assert str(refused).count("'planet'") == 200
    assert "line 3, level" in str(refused)
    assert ask(database_url, "SELECT code FROM area") == []


def test_devices_without_an_area_are_put_where_they_stand(installation: Path, database_url: str) -> None:
    (installation / "a.geojson").write_text(write_areas(AREAS, FileFormat.GEOJSON))
    areas("import", installation / "a.geojson")
    ask(
        database_url,
        """INSERT INTO device (id, scene, kind, area, lon, lat) VALUES
           ('in', 'fire', 'sensor', NULL, 103.5, 30.5),
           ('out', 'fire', 'sensor', NULL, 105, 30.5),
           ('there', 'fire', 'sensor', 'e-1', 103.5, 30.5),
           ('nowhere', 'fire', 'sensor', NULL, NULL, NULL)""",
    )
    assert areas("place").output == "placed: 1; in no area: 1\n"
    placed = ask(database_url, "SELECT id, area FROM device WHERE area IS NOT NULL ORDER BY id")
    assert placed == [{"id": "in", "area": "510199"}, {"id": "there", "area": "e-1"}]


@pytest.mark.anyio
async def test_of_two_imports_at_once_the_second_is_checked_against_the_first(database_url: str) -> None:
    def plan(line: str) -> Callable[[Iterable[Area]], list[Area]]:
        content = f"code,parent,level,grid,name\n{line}".encode()
        return partial(fit_in, read_areas(content, FileFormat.CSV))

    async with Store.open(database_url) as store:
        await put_areas(store, [Area(code="e", level=AreaLevel.ESTATE, name="小区"), GRID])
        outcomes = await asyncio.gather(
            change_areas(store, plan("g,e,grid,micro,网格"), by="x"),
            change_areas(store, plan("e,g,estate,,小区"), by="x"),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes].count(Changed) == 1
    (refused,) = (outcome for outcome in outcomes if isinstance(outcome, WrongLines))
    assert "would lie in itself" in str(refused)


def test_what_would_go_with_the_simulation_is_not_imported(installation: Path, database_url: str) -> None:
    ask(database_url, "INSERT INTO area (code, level, name, simulated) VALUES ('sim', 'town', 'S', true)")
    (installation / "a.csv").write_text("code,parent,level,name\ne,sim,estate,小区")
    assert "goes with the simulation" in str(areas("import", installation / "a.csv").exception)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("import", "a.txt"), "name it .csv, .geojson"),
        (("import", "missing.csv"), "No such file"),
        (("generate", "--like", "atlantis"), "there is shuangliu"),
        (("find", "--lon", "1", "--lat", "1"), "lies in no polygon"),
        (("delete", "nothing"), "no area 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_reason(
    installation: Path, arguments: tuple[str, ...], why: str
) -> None:
    assert why in str(areas(*arguments).exception)
