"""`gridwatch areas`: the governance tree from the command line."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.cli.drills import By, DrillLabel, Why, say_drill
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import at_the_command_line, with_store
from gridwatch.coordinates import Crs
from gridwatch.errors import NotFound, SettingsError
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.areas import Changed, change_areas, delete_area, list_areas
from gridwatch.store.drills import USUAL_LABEL, Foreseen, drill_area, foresee_drill

areas_app = typer.Typer(
    no_args_is_help=True, help="The tree of areas: districts down to household points, and grids."
)

SUFFIXES = {".csv": "csv", ".geojson": "geojson", ".json": "geojson"}

Output = Annotated[Path | None, typer.Argument(metavar="[FILE]", help=".csv or .geojson; none: GeoJSON here")]
Under = Annotated[str | None, typer.Option(metavar="CODE", help="only this area and all below it")]


@areas_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help=".csv, .geojson or .json")],
    crs: Annotated[Crs, typer.Option(help="what its coordinates are in")] = Crs.WGS84,
) -> None:
    """Import areas and changes of areas, all or none; every line that is wrong is told."""
    from gridwatch.areas.checking import fit_in
    from gridwatch.areas.reading import FileFormat, read_areas

    form = FileFormat(_format(file))
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    reading = read_areas(content, form, crs)

    async def change(store: Store) -> Changed:
        return await change_areas(store, partial(fit_in, reading), by=at_the_command_line())

    done = with_store(read_settings(), change)
    typer.echo(f"imported: {done.new} new, {done.changed} changed, {done.unchanged} as they were")


@areas_app.command("list")
def list_command(
    under: Under = None,
    level: Annotated[AreaLevel | None, typer.Option(help="only of this level")] = None,
    grid: Annotated[GridKind | None, typer.Option(help="only grids of this kind")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """List areas in the order of their codes."""
    _show(with_store(read_settings(), partial(list_areas, under=under, level=level, grid=grid)), as_json)


@areas_app.command("find")
def find_command(
    lon: Annotated[float, typer.Option(min=-180, max=180, help="degrees east, WGS-84")],
    lat: Annotated[float, typer.Option(min=-90, max=90, help="degrees north, WGS-84")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """Say which areas a point lies in, the widest first: the smallest one and all above it."""
    from gridwatch.areas.tree import AreaTree

    tree = AreaTree(with_store(read_settings(), list_areas))
    smallest = tree.smallest(lon, lat)
    if smallest is None:
        raise NotFound(f"{lon}, {lat} lies in no polygon of an area")
    _show(tree.path(smallest.code), as_json)


@areas_app.command("place")
def place_command() -> None:
    """Put devices that have coordinates and no area into the smallest area that they stand in."""
    from gridwatch.store.area_tree import place_all

    placed, outside = with_store(read_settings(), place_all)
    typer.echo(f"placed: {placed}; in no area: {outside}")


@areas_app.command("export")
def export_command(file: Output = None, under: Under = None) -> None:
    """Write areas as a file that can be imported again."""
    _write(with_store(read_settings(), partial(list_areas, under=under)), file)


@areas_app.command("drill")
def drill_command(
    code: Annotated[str, typer.Argument(metavar="CODE")],
    by: By,
    label: DrillLabel = USUAL_LABEL,
    why: Why = "",
) -> None:
    """Raise a drill of an area, at one of its devices: an alert for the people on duty, marked as a drill."""

    async def drill(store: Store) -> tuple[Mapping[str, Any], Foreseen]:
        raised = await drill_area(store, code, label=label, by=by, why=why)
        return raised, await foresee_drill(store, "area", code, label=label)

    say_drill(*with_store(read_settings(), drill))


@areas_app.command("delete")
def delete_command(code: Annotated[str, typer.Argument(metavar="CODE")]) -> None:
    """Delete an area with all below it, where no device stands."""

    async def delete(store: Store) -> int:
        return await delete_area(store, code, by=at_the_command_line())

    typer.echo(f"deleted: {with_store(read_settings(), delete)}")


@areas_app.command("generate")
def generate_command(
    like: Annotated[str, typer.Option(metavar="DISTRICT", help="the real district whose numbers it has")],
    seed: Annotated[int, typer.Option(help="the same seed makes the same district")] = 1,
    file: Output = None,
) -> None:
    """Make up a district of a real one's size, as a file to import."""
    from gridwatch.areas.generating import MODELS, generate

    if like not in MODELS:
        raise SettingsError(f"--like {like!r}: there is {', '.join(MODELS)}")
    _write(generate(MODELS[like], seed=seed), file)


def _format(file: Path) -> str:
    if file.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"{file}: name it {', '.join(SUFFIXES)}, so that it is known what it is")
    return SUFFIXES[file.suffix.lower()]


def _write(areas: list[Area], file: Path | None) -> None:
    from gridwatch.areas.reading import FileFormat
    from gridwatch.areas.writing import write_areas

    form = FileFormat.GEOJSON if file is None else FileFormat(_format(file))
    text = write_areas(areas, form)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    typer.echo(f"wrote {len(areas)} areas to {file}")


def _show(areas: list[Area] | tuple[Area, ...], as_json: bool) -> None:
    columns = ("code", "level", "grid", "name", "parent", "simulated")
    rows = [{name: getattr(area, name) for name in columns} for area in areas]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = wide_table(*columns)
    for row in rows:
        table.add_row(*(str(row[name] or "") for name in columns))
    Console().print(table)
