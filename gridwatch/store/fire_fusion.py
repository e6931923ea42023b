"""What other devices tell of the fire that one tells of: looked up where that is stored, in its transaction.

So it does not matter which collector heard whom, nor whether one was started again in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import cos, radians
from typing import Any
from uuid import UUID

from gridwatch.coordinates import METRES_PER_DEGREE
from gridwatch.fire_danger import DangerLevel
from gridwatch.fire_fusion import (
    SEEN_WITHIN_M,
    SUPPORT_WITHIN,
    SUPPORT_WITHIN_M,
    UNCONFIRMED,
    WARNING,
    Wind,
    mean_wind,
    sees,
    spread,
    supports,
    way,
)
from gridwatch.model import Device, DeviceKind, Finding, Location
from gridwatch.scenes import alarm_severity, merge_window
from gridwatch.store.connection import Connection, Row, queries
from gridwatch.store.devices import KnownDevice

SQL = queries("fire_fusion")

SCENE = "fire"
WIND_OF = timedelta(minutes=15)
WIND_WITHIN_DEG = 0.05
"""About 5 km: in a valley wind is much the same so far."""
STATIONS, READINGS_EACH = 3, 300
NEAR_A_POLE = 0.01
"""The least that a degree east shrinks to: of a pole everything is east."""
DANGER_OF = timedelta(hours=36)
"""Of today, or of yesterday until it is noon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreeing:
    """What agrees with a finding: warnings of neighbours, and the open alert of the same fire."""

    warnings: Sequence[UUID] = ()
    alert_id: int | None = None


NOBODY = Agreeing()


async def agreeing_on(
    connection: Connection, finding: Finding, known: KnownDevice, *, scene: str, drill: bool
) -> Agreeing:
    """Return what other devices tell of the same fire; nobody does of what is no fire."""
    is_warning = finding.label == WARNING and UNCONFIRMED not in finding.criteria
    if scene != SCENE or not (is_warning or alarm_severity(SCENE, finding.label) is not None):
        return NOBODY
    device = known.device
    await connection.execute(SQL["one at a time"])
    given = {
        "device_key": known.key,
        "observed_at": finding.observed_at,
        "simulated": device.simulated,
        "drill": drill,
    }
    warnings: Sequence[UUID] = ()
    if device.location is not None and device.kind is DeviceKind.SENSOR and not drill:
        warnings = await _warnings(connection, device.location, given)
    fires = await _rows(connection, "open fires", given | _around(device) | {"within": merge_window(SCENE)})
    same = [row["alert_id"] for row in fires if _same_place(device, finding, row)]
    if is_warning and not (warnings or same):
        return NOBODY
    return Agreeing(warnings=warnings, alert_id=same[0] if same else None)


async def take_in(connection: Connection, agreeing: Agreeing, alert_id: int) -> None:
    """Let the warnings that agree belong to the alert."""
    if agreeing.warnings:
        given = {"alert_id": alert_id, "events": list(agreeing.warnings)}
        await connection.execute(SQL["belong"], given)


async def rank_by_spread(connection: Connection, alert_id: int, finding: Finding, device: Device) -> None:
    """Write of an alert of fire how fast it spreads, by the wind and the danger where the device is."""
    if device.location is None:
        return
    given = {"observed_at": finding.observed_at, "simulated": device.simulated}
    wind = await _wind(connection, device.location, given)
    near = {"lon": device.location.lon, "lat": device.location.lat, "within": DANGER_OF}
    rows = await _rows(connection, "danger", given | near)
    level = DangerLevel(rows[0]["level"]) if rows else None
    await connection.execute(SQL["rank"], {"alert_id": alert_id, "spread": spread(wind, level)})


async def _warnings(connection: Connection, place: Location, given: dict[str, Any]) -> list[UUID]:
    """Return what neighbours warned of, up or down the wind."""
    rows = await _rows(connection, "warnings", given | {"within": SUPPORT_WITHIN})
    near = [row for row in rows if supports(place, _place(row), None)]
    if not near:
        return []
    wind = await _wind(connection, place, given)
    return [row["event_id"] for row in near if supports(place, _place(row), wind)]


async def _wind(connection: Connection, place: Location, given: dict[str, Any]) -> Wind | None:
    near = {
        "lon": place.lon,
        "lat": place.lat,
        "degrees": WIND_WITHIN_DEG,
        "within": WIND_OF,
        "stations": STATIONS,
        "readings": READINGS_EACH,
    }
    rows = await _rows(connection, "winds", given | near)
    return mean_wind((row["speed"], row["deg"]) for row in rows)


def _around(device: Device) -> dict[str, Any]:
    """Return where a device is, and how far from it, in degrees, sensors and cameras may tell of the same."""
    around: dict[str, Any] = {"device": device.id, "cameras": list(device.cameras), "lon": None, "lat": None}
    shrinks = 1.0
    if device.location is not None:
        around |= {"lon": device.location.lon, "lat": device.location.lat}
        shrinks = max(cos(radians(device.location.lat)), NEAR_A_POLE)
    near_m = SEEN_WITHIN_M if device.kind is DeviceKind.CAMERA else SUPPORT_WITHIN_M
    for name, metres in {"near": near_m, "far": SEEN_WITHIN_M}.items():
        around[f"{name}_lat"] = metres / METRES_PER_DEGREE
        around[f"{name}_lon"] = metres / METRES_PER_DEGREE / shrinks
    return around


def _same_place(device: Device, finding: Finding, other: Row) -> bool:
    """Tell whether a device and one that told of an open alert can tell of the same fire."""
    is_camera, other_is = device.kind is DeviceKind.CAMERA, other["kind"] == DeviceKind.CAMERA
    if is_camera and other_is:
        return False
    if other["device"] in device.cameras or device.id in other["cameras"]:
        return True
    if device.location is None or other["lon"] is None:
        return False
    if is_camera:
        bearing = finding.criteria.get("bearing_deg")
        return bearing is not None and sees(device.location, bearing, _place(other))
    if other_is:
        bearing = other["bearing_deg"]
        return bearing is not None and sees(_place(other), bearing, device.location)
    east, north = way(device.location, _place(other))
    return device.area == other["area"] and east**2 + north**2 <= SUPPORT_WITHIN_M**2


def _place(row: Row) -> Location:
    return Location(lon=row["lon"], lat=row["lat"])


async def _rows(connection: Connection, query: str, given: dict[str, Any]) -> list[Row]:
    return await (await connection.execute(SQL[query], given)).fetchall()
