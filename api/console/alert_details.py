"""Everything about one alert, gathered from the database as whoever looks may see it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from api.console.nearby import NearPerson, nearest_people
from api.local_time import CHINA
from api.office import Office
from gridwatch.model import Location
from gridwatch.store.alerts import get_alert, timeline
from gridwatch.store.board import Still, alerts_around, newest_stills, wind_stations
from gridwatch.store.connection import Row
from gridwatch.store.deliveries import told_of
from gridwatch.store.devices import KnownDevice, get_device, nearest_cameras
from gridwatch.store.fire_weather import fire_weather_now
from gridwatch.store.history import Event, list_buckets, list_events, list_readings

EVENTS, RELATED, CAMERAS, STATIONS = 20, 8, 4, 3

CHART_BEFORE, CHART_AFTER = timedelta(minutes=30), timedelta(minutes=15)
BUCKET = timedelta(seconds=15)
CHARTS = 6
MOST_POINTS = 2000

FIRE = "fire"
WIND_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Details:
    """What the page of an alert shows."""

    alert: Mapping[str, Any]
    timeline: Sequence[Row]
    told: Sequence[Row]
    events: Sequence[Event]
    device: KnownDevice
    people: Sequence[NearPerson]
    cameras: Sequence[Row]
    stills: Mapping[str, Still]
    related: Sequence[Mapping[str, Any]]
    charts: Mapping[str, Sequence[tuple[str, float]]]
    """By quantity: times and means of short intervals around the alert."""
    fire_day: Row | None
    wind: Mapping[str, Any] | None


async def gather(office: Office, alert_id: int) -> Details:
    """Return all about an alert; raise NotFound, StoreUnavailable."""
    store = office.store
    alert = await get_alert(store, alert_id)
    device = await get_device(store, alert["device"])
    cameras = (await nearest_cameras(store, alert["device"]))[:CAMERAS]
    is_fire = alert["scene"] == FIRE
    events = await list_events(store, alert=alert_id, limit=EVENTS)
    return Details(
        alert=alert,
        timeline=await timeline(store, alert_id),
        told=await told_of(store, alert_id),
        events=events,
        device=device,
        people=await nearest_people(office, alert, datetime.now(UTC)),
        cameras=cameras,
        stills=await newest_stills(store, [camera["id"] for camera in cameras]),
        related=await alerts_around(store, alert_id, limit=RELATED),
        charts=await _charts(office, alert, {name for event in events for name in event.criteria}),
        fire_day=await _fire_day(office, alert) if is_fire else None,
        wind=await _wind(office, alert) if is_fire else None,
    )


async def _charts(
    office: Office, alert: Mapping[str, Any], told: Collection[str]
) -> dict[str, list[tuple[str, float]]]:
    """Return what was measured around an alert: first what it was `told` by."""
    at = datetime.fromisoformat(alert["observed_at"])
    buckets = await list_buckets(
        office.store,
        alert["device"],
        quantity=None,
        since=at - CHART_BEFORE,
        until=at + CHART_AFTER,
        bucket=BUCKET,
        limit=MOST_POINTS,
    )
    charts: dict[str, list[tuple[str, float]]] = {}
    for one in reversed(buckets):
        charts.setdefault(one.quantity, []).append((wall_clock(one.bucket_at), round(one.avg, 3)))
    return {quantity: charts[quantity] for quantity in charted(charts, told)}


def charted(quantities: Iterable[str], told: Collection[str]) -> list[str]:
    """Return what is drawn of the quantities: first those that an alert was `told` by."""
    return sorted(quantities, key=lambda quantity: (quantity not in told, quantity))[:CHARTS]


def wall_clock(moment: datetime) -> str:
    """Return a time as the charts show it: that of China, whatever the browser's zone."""
    return moment.astimezone(CHINA).replace(tzinfo=None).isoformat()


async def _fire_day(office: Office, alert: Mapping[str, Any]) -> Row | None:
    """Return the fire weather of the station with the highest danger; real stations before simulated ones."""
    rows = await fire_weather_now(office.store, datetime.now(UTC))
    own = [row for row in rows if row["simulated"] <= alert["simulated"]]
    return max(own, key=lambda row: row["level"], default=None)


async def _wind(office: Office, alert: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the wind at the nearest station that has measured some shortly before the alert."""
    if alert["location"] is None:
        return None
    at = datetime.fromisoformat(alert["observed_at"])
    given: dict[str, Any] = {"since": at - WIND_WITHIN, "until": at + timedelta(minutes=1), "limit": 1}
    for station in await wind_stations(office.store, Location(**alert["location"]), limit=STATIONS):
        speeds = await list_readings(office.store, station.id, quantity="wind_ms", **given)
        if speeds:
            sides = await list_readings(office.store, station.id, quantity="wind_deg", **given)
            said = {"ms": speeds[0].value, "at": speeds[0].observed_at, "name": station.name or station.id}
            return said | {"deg": sides[0].value if sides else None, "m": station.distance_m}
    return None
