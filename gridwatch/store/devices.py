"""The registry of devices."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from gridwatch.coordinates import Crs
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.facade import FacadeView
from gridwatch.model import (
    PASSING_STATES,
    Channel,
    Device,
    DeviceKind,
    DeviceState,
    Location,
    Stated,
)
from gridwatch.registration.importing import Surroundings
from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("devices")
LOCK_KEEPING = queries("keeping")["lock"]
AREAS = queries("areas")


NEAR_M, CAMERAS_SHOWN = 300.0, 20
"""A camera that is further away shows nothing of use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownDevice:
    """A registered device and the short key that rows name it by."""

    key: int
    device: Device
    online: bool | None = None
    clock_skew_s: float | None = None
    """How far its clock is ahead; None as long as nobody knows."""
    view: FacadeView | None = None
    """What is known of the façade before a camera."""

    @classmethod
    def from_row(cls, row: Row) -> "KnownDevice":
        """Make it from a row of the table."""
        there = row["lon"] is not None and row["lat"] is not None
        state = DeviceState(row["state_now"])
        device = Device(
            id=row["id"],
            scene=row["scene"],
            kind=DeviceKind(row["kind"]),
            name=row["name"],
            model=row["model"],
            source=row["source"],
            area=row["area"],
            location=Location(lon=row["lon"], lat=row["lat"]) if there else None,
            stated=_stated(row),
            channels=tuple(map(Channel.from_json, row["channels"])),
            labels=tuple(row["labels"]),
            address=row["address"],
            telephone=row["telephone"],
            gateway=row["gateway"],
            lift=row["lift"],
            cameras=tuple(row["cameras"]),
            playback_url=row["playback_url"],
            state=state,
            state_until=row["state_until"] if state in PASSING_STATES else None,
            state_by=row["state_by"] if state in PASSING_STATES else "",
            simulated=row["simulated"],
        )
        return cls(
            key=row["key"],
            device=device,
            online=row["online"],
            clock_skew_s=row["clock_skew_s"],
            view=FacadeView.from_json(row["view"]) if row["view"] is not None else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which devices a list is to have; None: any.

    `area` takes all below it; `search` is a part of id, name, model, source or a label, in any case.
    """

    scene: str | None = None
    kind: DeviceKind | None = None
    area: str | None = None
    state: DeviceState | None = None
    label: str | None = None
    search: str | None = None
    simulated: bool | None = None


async def find_devices(store: Store, ids: Sequence[str]) -> dict[str, KnownDevice]:
    """Return those of `ids` that are registered."""
    rows = await store.rows(SQL["find"], {"ids": list(ids)})
    return {row["id"]: KnownDevice.from_row(row) for row in rows}


async def find_by_source(store: Store, sources: Sequence[str]) -> dict[str, KnownDevice]:
    """Return the devices that foreign systems call `sources`, by these names.

    A device without a source and without a credential of its own answers to its id after the system: s-1 to
    `chirpstack:s-1`.
    """
    rows = await store.rows(SQL["find by source"], {"sources": list(sources)})
    return {row["asked"]: KnownDevice.from_row(row) for row in rows}


async def devices_behind(store: Store, gateway: str) -> dict[str, str | None]:
    """Return the devices in use that speak through a gateway, with what it calls them."""
    return {row["id"]: row["source"] for row in await store.rows(SQL["behind"], {"gateway": gateway})}


async def link_to_gateways(store: Store, heard: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Let devices without a gateway speak through the first of those named that is registered as one.

    `heard`: sources of gateways by a device's id. Returns which devices were linked, and to whom.
    """
    said = [(device, source) for device, sources in heard.items() for source in sources]
    given = {"devices": [device for device, _ in said], "sources": [source for _, source in said]}
    return [(row["id"], row["gateway"]) for row in await store.rows(SQL["link to gateways"], given)]


async def link_to_namesake(connection: Connection, device: str) -> None:
    """Let a device without a gateway speak through the one whose id its own begins with, if there is one."""
    await connection.execute(SQL["link to the gateway it is named after"], {"id": device})


async def get_device(store: Store, device: str) -> KnownDevice:
    """Return one device; raise NotFound."""
    found = await find_devices(store, [device])
    if device not in found:
        raise NotFound(f"no device {device!r} is registered")
    return found[device]


async def list_devices(
    store: Store, wanted: Wanted | None = None, *, after: str = "", limit: int = 1000
) -> list[KnownDevice]:
    """Return a page of the devices that are wanted in the order of their ids, those after `after`."""
    given = asdict(wanted or Wanted())
    if given["search"] is not None:
        given["search"] = re.sub(r"([\\%_])", r"\\\1", given["search"])
    rows = await store.rows(SQL["list"], given | {"after": after, "limit": limit})
    return [KnownDevice.from_row(row) for row in rows]


async def nearest_cameras(store: Store, device: str) -> list[Row]:
    """Return cameras to look at a device with: those it names in its order, then the nearest.

    Each has id, name, named, distance_m (None where one has no coordinates) and playback_url.
    """
    return await store.rows(SQL["nearest cameras"], {"id": device, "within_m": NEAR_M, "most": CAMERAS_SHOWN})


async def count_devices(store: Store) -> tuple[int, int]:
    """Return how many devices are real and how many simulated."""
    row = await store.row(SQL["count"])
    return (row["real"], row["simulated"]) if row else (0, 0)


async def add_devices(store: Store, devices: Sequence[Device]) -> None:
    """Register all of `devices` or none; raise NotAllowed that says what is in the way."""
    async with store.transaction() as connection:
        await register(connection, devices)


async def register(connection: Connection, devices: Sequence[Device]) -> None:
    """Register devices inside the caller's transaction; raise NotAllowed."""
    ids = [device.id for device in devices]
    taken = await (await connection.execute(SQL["find"], {"ids": ids})).fetchall()
    if taken:
        names = ", ".join(sorted(row["id"] for row in taken)[:10])
        raise NotAllowed(f"already registered: {names}")
    await _check_cameras(connection, devices)
    await connection.execute(SQL["defer links"])
    await _write(connection, "add", devices)
    await _check_links(connection)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What an import did."""

    new: int
    changed: int
    unchanged: int


async def change_devices(
    store: Store, ids: Sequence[str], fit_in: Callable[[Surroundings], Sequence[Device]]
) -> Changed:
    """Register or change the devices that `fit_in` makes of what is there, all or none.

    `ids`: those that it may change; nobody else changes them meanwhile. Raises what `fit_in` raises, and
    NotAllowed where somebody registered one of them just now.
    """
    async with store.transaction() as connection:
        known = await (await connection.execute(SQL["lock"], {"ids": list(ids)})).fetchall()
        devices = {row["id"]: KnownDevice.from_row(row).device for row in known}
        others = await (await connection.execute(SQL["all"])).fetchall()
        areas = await (await connection.execute(SQL["area codes"])).fetchall()
        wanted = await asyncio.to_thread(
            fit_in,
            Surroundings(
                devices=devices,
                kinds={row["id"]: DeviceKind(row["kind"]) for row in others},
                sources={row["source"]: row["id"] for row in others if row["source"] is not None},
                areas=frozenset(row["code"] for row in areas),
            ),
        )
        new = [device for device in wanted if device.id not in devices]
        changed = [device for device in wanted if device.id in devices and device != devices[device.id]]
        await connection.execute(SQL["defer links"])
        await _write(connection, "add", new)
        await _write(connection, "replace", changed)
        await _check_links(connection)
    return Changed(new=len(new), changed=len(changed), unchanged=len(wanted) - len(new) - len(changed))


async def replace_device(store: Store, device: Device) -> KnownDevice:
    """Put `device` in the place of the one with its id; raise NotFound, or NotAllowed that says why."""
    async with store.transaction() as connection:
        await _check_cameras(connection, [device])
        await connection.execute(SQL["defer links"])
        await _write(connection, "replace", [device])
        await _check_links(connection)
    return await get_device(store, device.id)


async def _write(connection: Connection, statement: str, devices: Sequence[Device]) -> None:
    async with connection.cursor() as cursor:
        try:
            await cursor.executemany(SQL[statement], [_columns(device) for device in devices])
        except psycopg.errors.UniqueViolation as error:
            raise NotAllowed("a device is named twice, or somebody registered it just now") from error


async def _check_links(connection: Connection) -> None:
    """Let the database check what waited until all devices of a transaction are there."""
    try:
        await connection.execute(SQL["check links"])
    except psycopg.errors.UniqueViolation as error:
        raise NotAllowed("another device has this source already") from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise NotAllowed("a device names a gateway or lift that is not registered") from error


async def _check_cameras(connection: Connection, devices: Sequence[Device]) -> None:
    new = {device.id: device.kind for device in devices}
    wanted = {camera for device in devices for camera in device.cameras} - new.keys()
    rows = await (await connection.execute(SQL["kinds"], {"ids": list(wanted)})).fetchall() if wanted else []
    kinds = new | {row["id"]: DeviceKind(row["kind"]) for row in rows}
    for device in devices:
        for camera in device.cameras:
            if kinds.get(camera) is not DeviceKind.CAMERA:
                raise NotAllowed(f"{device.id} names {camera} as a camera: no such one is registered")


async def set_state(
    store: Store, ids: Sequence[str], state: DeviceState, *, until: datetime | None, by: str
) -> None:
    """Put devices into a state, all or none; raise NotFound that names those not registered."""
    async with store.transaction() as connection:
        await put_into_state(connection, ids, state, until=until, by=by)


async def put_into_state(
    connection: Connection, ids: Sequence[str], state: DeviceState, *, until: datetime | None, by: str
) -> None:
    """Put devices into a state inside the caller's transaction; raise NotFound."""
    given = {"ids": list(ids), "state": state.value, "state_until": until, "state_by": by}
    rows = await (await connection.execute(SQL["set state"], given)).fetchall()
    missing = sorted(set(ids) - {row["id"] for row in rows})
    if missing:
        raise NotFound(f"not registered: {', '.join(missing[:10])}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """How many devices were deleted, and the evidence files (SHA-256, media type) that nothing shows now."""

    devices: int
    files: tuple[tuple[str, str], ...]


async def delete_devices(store: Store, ids: Sequence[str]) -> Deleted:
    """Delete devices and all that they sent; the files are the caller's to remove.

    Raises NotAllowed where evidence of one is held.
    """
    async with store.transaction() as connection:
        return await _delete(connection, ids)


async def remove_simulated(store: Store) -> Deleted:
    """Delete every simulated device with all that it sent, and the simulated areas."""
    simulated = await list_devices(store, Wanted(simulated=True), limit=1_000_000)
    async with store.transaction() as connection:
        deleted = await _delete(connection, [known.device.id for known in simulated])
        await connection.execute(AREAS["delete simulated"])
    return deleted


async def forget_strangers(store: Store, ids: Sequence[str]) -> None:
    """Delete from quarantine what devices sent that are not registered any more."""
    await store.execute(SQL["forget quarantine"], {"ids": list(ids)})


async def _delete(connection: Connection, ids: Sequence[str]) -> Deleted:
    await connection.execute(LOCK_KEEPING)
    held = await (await connection.execute(SQL["held"], {"ids": list(ids)})).fetchall()
    if held:
        names = ", ".join(row["id"] for row in held[:10])
        raise NotAllowed(f"evidence is held of {names}: see gridwatch evidence list --held")
    await connection.execute(SQL["unlink cameras"], {"ids": list(ids)})
    await connection.execute(SQL["log evidence"], {"ids": list(ids)})
    shown = await (await connection.execute(SQL["files of"], {"ids": list(ids)})).fetchall()
    rows = await (await connection.execute(SQL["delete"], {"ids": list(ids)})).fetchall()
    keys = [row["key"] for row in rows]
    for what in ("readings", "message readings", "sequences", "gaps", "media", "books"):
        await connection.execute(SQL[f"forget {what}"], {"keys": keys})
    still = await (
        await connection.execute(SQL["files shown"], {"files": [row["sha256"] for row in shown]})
    ).fetchall()
    kept = {row["sha256"] for row in still}
    files = {(row["sha256"], row["media_type"]) for row in shown if row["sha256"] not in kept}
    return Deleted(devices=len(keys), files=tuple(sorted(files)))


def _stated(row: Row) -> Stated | None:
    crs = Crs(row["crs"])
    return None if crs is Crs.WGS84 else Stated(crs=crs, lon=row["stated_lon"], lat=row["stated_lat"])


def _columns(device: Device) -> dict[str, Any]:
    place, stated = device.location, device.stated
    return {
        "id": device.id,
        "scene": device.scene,
        "kind": device.kind.value,
        "name": device.name,
        "model": device.model,
        "source": device.source,
        "area": device.area,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "crs": stated.crs if stated else Crs.WGS84,
        "stated_lon": stated.lon if stated else None,
        "stated_lat": stated.lat if stated else None,
        "channels": Jsonb([channel.as_json() for channel in device.channels]),
        "labels": list(device.labels),
        "address": device.address,
        "telephone": device.telephone,
        "gateway": device.gateway,
        "lift": device.lift,
        "cameras": list(device.cameras),
        "playback_url": device.playback_url,
        "state": device.state.value,
        "state_until": device.state_until,
        "state_by": device.state_by,
        "simulated": device.simulated,
    }
