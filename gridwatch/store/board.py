"""What a console shows beside single alerts: the worst of all, lifts held, devices, surroundings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from gridwatch.model import Location
from gridwatch.store.connection import Row, Store, queries
from gridwatch.store.lifts import SILENT_S

SQL = queries("board")
AS_JSON = queries("alerts")["as json"]

AROUND = timedelta(minutes=30)
AROUND_M = 300.0
"""What is further away in time or place is another incident."""

STILL_WITHIN = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldLift:
    """A lift whose door is held now, and the cameras that look into it."""

    id: str
    name: str
    area: str | None
    cameras: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceMark:
    """A device on the map; `state`: well, unheard (nothing came yet), silent, test or maintenance."""

    id: str
    name: str
    scene: str
    kind: str
    lon: float
    lat: float
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WindStation:
    """A device that measures the wind, and how far from a place it is."""

    id: str
    name: str
    distance_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Still:
    """The newest masked picture that a camera sent with a finding."""

    device: str
    event: UUID
    position: int
    observed_at: datetime


async def live_alerts(store: Store, *, limit: int) -> list[Mapping[str, Any]]:
    """Return alerts that somebody must act on, the worst and newest where there are more than `limit`."""
    return await _alerts(store, "live", {"limit": limit})


async def ended_alerts(store: Store, *, limit: int) -> list[Mapping[str, Any]]:
    """Return the newest alerts on which nobody need act any more."""
    return await _alerts(store, "ended", {"limit": limit})


async def gone_alerts(store: Store, ids: Sequence[int]) -> list[int]:
    """Return which alerts are no more: their devices were deleted, of which no feed tells."""
    return [row["id"] for row in await store.rows(SQL["gone"], {"ids": list(ids)})]


async def alerts_around(store: Store, alert_id: int, *, limit: int) -> list[Mapping[str, Any]]:
    """Return other alerts of about the same place and time, those of the same place first."""
    given = {"id": alert_id, "within": AROUND, "within_m": AROUND_M, "limit": limit}
    return await _alerts(store, "around", given)


async def held_lifts(store: Store) -> list[HeldLift]:
    """Return the lifts whose doors are held now."""
    return [HeldLift(**row) for row in await store.rows(SQL["held lifts"], {"silent_s": SILENT_S})]


async def device_marks(store: Store, *, limit: int) -> list[DeviceMark]:
    """Return devices that have a place, those in trouble first."""
    return [DeviceMark(**row) for row in await store.rows(SQL["devices"], {"limit": limit})]


async def newest_stills(store: Store, devices: Sequence[str]) -> dict[str, Still]:
    """Return the newest picture of each of some cameras that has one of the last days."""
    rows = await store.rows(SQL["stills"], {"devices": list(devices), "within": STILL_WITHIN})
    return {row["device"]: Still(**row) for row in rows}


async def wind_stations(store: Store, place: Location, *, limit: int) -> list[WindStation]:
    """Return the devices that measure the wind nearest to a place."""
    given = {"lon": place.lon, "lat": place.lat, "limit": limit}
    return [WindStation(**row) for row in await store.rows(SQL["wind stations"], given)]


async def responsible_for(store: Store, areas: Sequence[str]) -> list[Row]:
    """Return who answers for some areas: code, name, phone, duties, area, rank."""
    return await store.rows(SQL["responsible"], {"areas": list(areas)})


async def find_people(store: Store, words: str, *, limit: int) -> list[Row]:
    """Return people of the caller's part by a piece of their name or number: code, name, duties, areas."""
    like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return await store.rows(SQL["find people"], {"like": like, "limit": limit})


async def _alerts(store: Store, query: str, given: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    ids = [row["id"] for row in await store.rows(SQL[query], given)]
    place = {alert_id: index for index, alert_id in enumerate(ids)}
    rows = await store.rows(AS_JSON, {"ids": ids})
    return [row["alert"] for row in sorted(rows, key=lambda row: place[row["id"]])]
