"""What several devices tell of one fire is one alert, worse than each; one warning alone is none."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any

import pytest

from gridwatch.coordinates import METRES_PER_DEGREE
from gridwatch.fire_fusion import UNCONFIRMED, WARNING
from gridwatch.model import Channel, Device, DeviceFinding, DeviceKind, DeviceState, Finding, Location, Role
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.alerts import list_alerts
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.entries import Accepted, Concluded
from gridwatch.store.history import list_events
from gridwatch.store.intake import Intake

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
LON, LAT = 103.92, 30.57
WIND = """
    INSERT INTO reading (device_key, quantity_key, observed_at, scaled, delay_ms, divisor)
    SELECT d.key, q.key, %(at)s, v.value, 500, 1
    FROM device d, (VALUES ('wind_ms', 2.0), ('wind_deg', %(deg)s)) AS v (name, value)
    JOIN quantity q ON q.name = v.name
    WHERE d.id = 'station'"""

DANGER = """
    INSERT INTO fire_weather
    SELECT key, '2026-11-23', '2026-11-23 04:00Z', 30, 30, 20, 20, 5, 5, 0, '{}', 9,
           90, 60, 400, 10, 80, 25, 8, 80, 4
    FROM device WHERE id = 'station'"""


def at(east_m: float, north_m: float) -> Location:
    """Return a place so many metres from the middle."""
    return Location(
        lon=LON + east_m / METRES_PER_DEGREE / cos(radians(LAT)), lat=LAT + north_m / METRES_PER_DEGREE
    )


def sensor(name: str, east_m: float, north_m: float, **more: Any) -> Device:
    """Return a sensor so many metres from the middle."""
    return Device(
        id=name,
        scene="fire",
        kind=DeviceKind.SENSOR,
        location=at(east_m, north_m),
        state=DeviceState.ACTIVE,
        **more,
    )


DEVICES = (
    sensor("middle", 0, 0, cameras=("lookout",)),
    sensor("east", 120, 10),
    sensor("north", 10, 120),
    sensor("far", 900, 0),
    sensor("station", 300, 300, channels=(Channel(quantity="wind_ms"), Channel(quantity="wind_deg"))),
    Device(id="lookout", scene="fire", kind=DeviceKind.CAMERA, state=DeviceState.ACTIVE),
    Device(id="ridge", scene="fire", kind=DeviceKind.CAMERA, location=at(-1000, 0), state=DeviceState.ACTIVE),
)


class Hill:
    """Devices on a hill that tell what a test says."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._intake = Intake(store, {})

    async def tell(
        self, device: str, label: str, minute: float = 0, criteria: Mapping[str, float] | None = None
    ) -> None:
        """Let a device tell something some minutes after the beginning."""
        known = await get_device(self.store, device)
        moment = AT + timedelta(minutes=minute)
        finding = Finding(label=label, confidence=0.5, observed_at=moment, criteria=criteria or {})
        message = DeviceFinding(device=device, finding=finding)
        entry = Accepted(
            known=known, message=message, received_at=moment, concluded=(Concluded(finding=finding),)
        )
        await self._intake.record([entry])

    async def blow(self, from_deg: float) -> None:
        """Let the station measure a wind of 2 m/s."""
        for minute in range(-5, 1):
            given = {"at": AT + timedelta(minutes=minute), "deg": from_deg}
            await self.store.execute(WIND, given)

    async def alerts(self) -> list[tuple[str, str, str, int]]:
        """Return device, label, severity and number of events of each alert, the oldest first."""
        found = await list_alerts(self.store)
        return [(a["device"], a["label"], a["severity"], a["events"]) for a in reversed(found)]


@pytest.fixture
async def hill(database_url: str) -> AsyncIterator[Hill]:
    """Return a hill on which nothing was told yet."""
    async with Store.open(database_url) as store:
        await store.execute("INSERT INTO quantity (name) VALUES ('wind_ms'), ('wind_deg')")
        await add_devices(store, DEVICES)
        yield Hill(store)


async def test_one_warning_is_kept_and_raises_nothing(hill: Hill) -> None:
    await hill.tell("middle", WARNING)
    await hill.tell("middle", WARNING, 40)
    await hill.tell("far", WARNING, 41)
    assert await hill.alerts() == []
    assert len(await list_events(hill.store, limit=10)) == 3


async def test_two_warnings_down_the_wind_are_an_alarm_with_the_evidence_of_both(hill: Hill) -> None:
    await hill.blow(from_deg=265)
    await hill.tell("north", WARNING, 0)
    await hill.tell("middle", WARNING, 1)
    assert await hill.alerts() == []
    await hill.tell("east", WARNING, 4)
    assert await hill.alerts() == [("east", "smoke", "major", 2)]
    events = await list_events(hill.store, limit=10)
    assert {event.device for event in events if event.alert_id is not None} == {"east", "middle"}
    (alert,) = await list_alerts(hill.store)
    assert alert["observed_at"] == (AT + timedelta(minutes=1)).isoformat()


async def test_without_a_wind_neighbours_on_any_side_support_each_other(hill: Hill) -> None:
    await hill.tell("north", WARNING)
    await hill.tell("middle", WARNING, 5)
    assert await hill.alerts() == [("middle", "smoke", "major", 2)]


async def test_neighbours_that_feel_what_is_unconfirmed_stand_in_the_same_fog(hill: Hill) -> None:
    await hill.tell("middle", WARNING, 0, {UNCONFIRMED: 1.0})
    await hill.tell("east", WARNING, 2, {UNCONFIRMED: 1.0})
    await hill.tell("north", WARNING, 3)
    assert await hill.alerts() == []


async def test_warnings_too_far_apart_in_time_are_two(hill: Hill) -> None:
    await hill.tell("east", WARNING)
    await hill.tell("middle", WARNING, 11)
    assert await hill.alerts() == []


async def test_alarms_of_neighbours_are_one_alert_that_gets_worse(hill: Hill) -> None:
    await hill.tell("middle", "smoke")
    await hill.tell("far", "smoke", 1)
    await hill.tell("east", "smoke", 5)
    await hill.tell("east", "smoke", 6)
    assert await hill.alerts() == [("middle", "smoke", "critical", 3), ("far", "smoke", "major", 1)]


async def test_a_camera_that_looks_there_and_a_sensor_are_one_alert(hill: Hill) -> None:
    await hill.tell("lookout", "smoke")
    await hill.tell("middle", "smoke", 3)
    assert await hill.alerts() == [("lookout", "smoke", "critical", 2)]


async def test_a_warning_in_the_direction_in_which_a_camera_sees_smoke_joins_it(hill: Hill) -> None:
    await hill.tell("ridge", "smoke", 0, {"bearing_deg": 92.0})
    await hill.tell("middle", WARNING, 3)
    assert await hill.alerts() == [("ridge", "smoke", "critical", 2)]


async def test_a_camera_that_sees_smoke_elsewhere_has_an_alert_of_its_own(hill: Hill) -> None:
    await hill.tell("middle", "smoke", 0)
    await hill.tell("ridge", "smoke", 1, {"bearing_deg": 130.0})
    await hill.tell("ridge", "flame", 2)
    assert [alert[0] for alert in await hill.alerts()] == ["middle", "ridge"]


async def test_a_fire_after_one_that_is_dealt_with_is_another(hill: Hill) -> None:
    await hill.tell("middle", "smoke")
    (alert,) = await list_alerts(hill.store)
    await act(hill.store, alert["id"], "resolve", actor="li", role=Role.ADMINISTRATOR)
    await hill.tell("east", "smoke", 5)
    await hill.tell("middle", "smoke", 40)
    assert await hill.alerts() == [
        ("middle", "smoke", "major", 1),
        ("east", "smoke", "major", 1),
        ("middle", "smoke", "major", 1),
    ]


async def test_what_is_told_in_a_drill_stays_in_it(hill: Hill) -> None:
    await hill.store.execute(
        """UPDATE device SET state = 'test', state_by = 'li', state_until = now() + interval '1 hour'
           WHERE id = 'east'"""
    )
    await hill.tell("middle", WARNING)
    await hill.tell("east", "smoke", 1)
    assert [
        (alert["device"], alert["drill"], alert["events"]) for alert in await list_alerts(hill.store)
    ] == [("east", True, 1)]


async def test_a_fire_is_ranked_by_the_wind_and_the_danger_where_it_is(hill: Hill) -> None:
    await hill.tell("far", "smoke")
    (calm,) = await list_alerts(hill.store)
    assert calm["spread"] == 1.0
    await hill.blow(270)
    await hill.store.execute(DANGER)
    await hill.tell("middle", "smoke")
    ranked = await list_alerts(hill.store, by_spread=True)
    assert [(one["device"], round(one["spread"], 2)) for one in ranked] == [("middle", 5.75), ("far", 1.0)]
    await hill.tell("far", "smoke", minute=1)
    again = {one["device"]: one["spread"] for one in await list_alerts(hill.store)}
    assert again["far"] == again["middle"]
