"""`gridwatch devices`: the registry from the command line."""

import json
from typing import Annotated

import typer
from rich.console import Console

from gridwatch.cli.files import remove_files
from gridwatch.cli.tables import wide_table
from gridwatch.cli.work import with_store
from gridwatch.errors import NotFound, SettingsError
from gridwatch.model import Device, DeviceKind, Location
from gridwatch.scenes import SCENES
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.devices import Deleted, KnownDevice, add_devices, delete_devices, list_devices

devices_app = typer.Typer(no_args_is_help=True, help="The registry of devices.")


@devices_app.command("list")
def list_command(
    scene: Annotated[str | None, typer.Option(help=f"only {', '.join(SCENES)}")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON list, for programs")] = False,
) -> None:
    """List the registered devices."""

    async def read(store: Store) -> list[KnownDevice]:
        return await list_devices(store, scene=scene, limit=1_000_000)

    found = [_row(known) for known in with_store(read_settings(), read)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    table = wide_table("id", "scene", "kind", "name", "area", "online", "clock_skew_s", "simulated")
    for row in found:
        table.add_row(*(str(row[str(column.header)] or "") for column in table.columns))
    Console().print(table)


@devices_app.command("add")
def add_command(
    device: Annotated[str, typer.Argument(metavar="ID", help="letters, digits and . _ : -")],
    scene: Annotated[str, typer.Option(help=", ".join(SCENES))],
    kind: Annotated[DeviceKind, typer.Option(help="what it is")],
    name: Annotated[str, typer.Option(help="what people call it")] = "",
    area: Annotated[str | None, typer.Option(help="id of the area it stands in")] = None,
    lon: Annotated[float | None, typer.Option(help="degrees east, WGS-84")] = None,
    lat: Annotated[float | None, typer.Option(help="degrees north, WGS-84")] = None,
) -> None:
    """Register one device; it may publish as soon as this returns."""
    if scene not in SCENES:
        raise SettingsError(f"--scene {scene!r}: use one of {', '.join(SCENES)}")
    if (lon is None) != (lat is None):
        raise SettingsError("--lon and --lat: give both or neither")
    try:
        location = Location(lon=lon, lat=lat) if lon is not None and lat is not None else None
        new = Device(id=device, scene=scene, kind=kind, name=name, area=area, location=location)
    except ValueError as error:
        raise SettingsError(str(error)) from error

    async def add(store: Store) -> None:
        await add_devices(store, [new])

    with_store(read_settings(), add)
    typer.echo(f"registered {device}")


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


def _row(known: KnownDevice) -> dict[str, object]:
    device = known.device
    return {
        "id": device.id,
        "scene": device.scene,
        "kind": device.kind.value,
        "name": device.name,
        "area": device.area,
        "location": {"lon": device.location.lon, "lat": device.location.lat} if device.location else None,
        "online": known.online,
        "clock_skew_s": None if known.clock_skew_s is None else round(known.clock_skew_s, 3),
        "simulated": device.simulated,
    }
