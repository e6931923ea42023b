"""`gridwatch devices`: the registry from the command line."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from gridwatch.cli.credentials import credential_app
from gridwatch.cli.drills import By, DrillLabel, Why, say_drill
from gridwatch.cli.files import remove_files
from gridwatch.cli.knocking import adopt_command, knocking_command
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import NotFound, SettingsError
from gridwatch.model import DeviceKind, DeviceState
from gridwatch.registration.fields import sentence
from gridwatch.scenes import SCENES
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.devices import (
    Changed,
    Deleted,
    KnownDevice,
    Wanted,
    add_devices,
    change_devices,
    delete_devices,
    get_device,
    list_devices,
    set_state,
)
from gridwatch.store.drills import USUAL_LABEL, Foreseen, drill_device, foresee_drill

devices_app = typer.Typer(no_args_is_help=True, help="The registry of devices.")
devices_app.command("knocking")(knocking_command)
devices_app.command("adopt")(adopt_command)
devices_app.add_typer(credential_app, name="credential")

ALL = 1_000_000

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")

Scene = Annotated[str | None, typer.Option(help=f"only {', '.join(SCENES)}")]
Kind = Annotated[DeviceKind | None, typer.Option(help="only this kind")]
Area = Annotated[str | None, typer.Option(metavar="CODE", help="only this area and all below it")]
State = Annotated[DeviceState | None, typer.Option(help="only in this state")]
Label = Annotated[str | None, typer.Option(help="only with this label")]
Search = Annotated[
    str | None, typer.Option(metavar="TEXT", help="in id, name, model, source and labels, in any case")
]


@devices_app.command("list")
def list_command(
    scene: Scene = None,
    kind: Kind = None,
    area: Area = None,
    state: State = None,
    label: Label = None,
    search: Search = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """List the registered devices."""
    wanted = Wanted(scene=scene, kind=kind, area=area, state=state, label=label, search=search)
    found = [_row(known) for known in _read(wanted)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    columns = (
        "id",
        "scene",
        "kind",
        "name",
        "area",
        "state",
        "labels",
        "online",
        "clock_skew_s",
        "simulated",
    )
    table = wide_table(*columns)
    for row in found:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console().print(table)


@devices_app.command("show")
def show_command(device: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show all about one device, with address and telephone, as JSON that can be imported."""
    from gridwatch.registration.exporting import write_devices
    from gridwatch.registration.importing import FileForm

    async def read(store: Store) -> KnownDevice:
        return await get_device(store, device)

    known = with_store(read_settings(), read)
    typer.echo(write_devices([known.device], FileForm.JSON), nl=False)


@devices_app.command("add")
def add_command(
    device: Annotated[str, typer.Argument(metavar="ID", help="letters, digits and . _ : -")],
    scene: Annotated[str, typer.Option(help=", ".join(SCENES))],
    kind: Annotated[DeviceKind, typer.Option(help="what it is")],
    name: Annotated[str, typer.Option(help="what people call it")] = "",
    area: Annotated[str | None, typer.Option(help="code of the area it stands in")] = None,
    lon: Annotated[float | None, typer.Option(help="degrees east")] = None,
    lat: Annotated[float | None, typer.Option(help="degrees north")] = None,
    crs: Annotated[str, typer.Option(help="that they are of: WGS-84, GCJ-02 or BD-09")] = "WGS-84",
    source: Annotated[str | None, typer.Option(help="its name in the system that speaks for it")] = None,
    gateway: Annotated[str | None, typer.Option(help="the device that it speaks through")] = None,
) -> None:
    """Register one device; it may publish as soon as this returns."""
    from gridwatch.registration.body import DeviceBody

    if (lon is None) != (lat is None):
        raise SettingsError("--lon and --lat: give both or neither")
    place = None if lon is None else {"lon": lon, "lat": lat, "crs": crs}
    given = {"id": device, "scene": scene, "kind": kind, "name": name, "area": area, "source": source}
    given |= {"gateway": gateway}
    try:
        new = DeviceBody.model_validate(given | {"location": place}).device()
    except ValidationError as error:
        raise SettingsError(sentence(error)) from error

    async def add(store: Store) -> None:
        await add_devices(store, [new])

    with_store(read_settings(), add)
    typer.echo(f"registered {device}")


@devices_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help=".csv (UTF-8 or GB18030), .xlsx or .json")],
) -> None:
    """Register and change the devices of a file, all or none; every line that is wrong is told.

    A column that the file lacks stays as it is; an empty cell empties. `gridwatch devices export` shows the
    columns.
    """
    from gridwatch.registration.importing import FileForm, fit_in, read_devices

    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    reading = read_devices(content, FileForm(_form(file)))

    async def change(store: Store) -> Changed:
        return await change_devices(store, reading.ids(), lambda around: fit_in(reading, around))

    done = with_store(read_settings(), change)
    typer.echo(f"imported: {done.new} new, {done.changed} changed, {done.unchanged} as they were")


@devices_app.command("export")
def export_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help=".csv, .xlsx or .json; none: CSV here")
    ] = None,
    scene: Scene = None,
    kind: Kind = None,
    area: Area = None,
    state: State = None,
    label: Label = None,
    search: Search = None,
) -> None:
    """Write devices as a file that can be imported again; it holds addresses and telephones."""
    from gridwatch.cli.files import write_private
    from gridwatch.registration.exporting import write_devices
    from gridwatch.registration.importing import FileForm

    form = FileForm.CSV if file is None else FileForm(_form(file))
    wanted = Wanted(scene=scene, kind=kind, area=area, state=state, label=label, search=search)
    content = write_devices([known.device for known in _read(wanted)], form)
    if file is None:
        sys.stdout.buffer.write(content)
    else:
        write_private(file, content)


@devices_app.command("state")
def state_command(
    state: Annotated[DeviceState, typer.Argument(help="what is to be")],
    devices: Annotated[list[str], typer.Argument(metavar="ID...")],
    lasts: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="of test and maintenance: 30m, 8h, 2d")
    ] = None,
    by: Annotated[str, typer.Option(metavar="NAME", help="who does it; in a test, who is told")] = "",
) -> None:
    """Put devices into test or maintenance for a time, into use, or out of it (retired).

    In test their alerts are marked as drills: shown on the console, told to the tester, and to nobody else.
    """
    from gridwatch.registration.state import check_end

    now = datetime.now(UTC)
    until = None if lasts is None else now + duration(lasts)
    if state is DeviceState.TEST and not by:
        raise SettingsError("--by: say who tests")
    try:
        check_end(state, until, now=now)
    except ValueError as error:
        raise SettingsError(f"--for: {error}") from error

    async def change(store: Store) -> None:
        await set_state(store, devices, state, until=until, by=by)

    with_store(read_settings(), change)
    typer.echo(
        f"{state.value}: {', '.join(devices)}" + (f", until {until:%Y-%m-%d %H:%M} UTC" if until else "")
    )


@devices_app.command("drill")
def drill_command(
    device: Annotated[str, typer.Argument(metavar="ID")],
    by: By,
    label: DrillLabel = USUAL_LABEL,
    why: Why = "",
) -> None:
    """Raise a drill: an alert that goes the way of a real one to the people on duty, marked as a drill."""

    async def drill(store: Store) -> tuple[Mapping[str, Any], Foreseen]:
        raised = await drill_device(store, device, label=label, by=by, why=why)
        return raised, await foresee_drill(store, "device", device, label=label)

    say_drill(*with_store(read_settings(), drill))


@devices_app.command("delete")
def delete_command(device: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Delete a device with its readings, events and alerts."""

    async def delete(store: Store) -> Deleted:
        return await delete_devices(store, [device])

    settings = read_settings()
    deleted = with_store(settings, delete)
    if not deleted.devices:
        raise NotFound(f"no device {device!r} is registered")
    remove_files(settings, deleted)
    typer.echo(f"deleted {device}")


def _read(wanted: Wanted) -> list[KnownDevice]:
    async def read(store: Store) -> list[KnownDevice]:
        return await list_devices(store, wanted, limit=ALL)

    return with_store(read_settings(), read)


def _form(file: Path) -> str:
    form = file.suffix.lower().removeprefix(".")
    if form not in ("csv", "xlsx", "json"):
        raise SettingsError(f"{file}: name it .csv, .xlsx or .json, so that it is known what it is")
    return form


def duration(text: str) -> timedelta:
    found = DURATION.fullmatch(text)
    if found is None:
        raise SettingsError(f"--for {text!r}: write a number and s, m, h or d, as in 30m")
    return timedelta(seconds=float(found[1]) * SECONDS[found[2]])


def _row(known: KnownDevice) -> dict[str, object]:
    device = known.device
    return {
        "id": device.id,
        "scene": device.scene,
        "kind": device.kind.value,
        "name": device.name,
        "model": device.model,
        "source": device.source,
        "area": device.area,
        "location": {"lon": device.location.lon, "lat": device.location.lat} if device.location else None,
        "labels": list(device.labels),
        "state": device.state.value,
        "state_until": device.state_until.isoformat() if device.state_until else None,
        "online": known.online,
        "clock_skew_s": None if known.clock_skew_s is None else round(known.clock_skew_s, 3),
        "simulated": device.simulated,
    }


def _cell(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")
