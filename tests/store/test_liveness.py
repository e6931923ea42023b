"""Silence is found in what is stored, is told once for each outage, and clears by itself."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from gridwatch.model import Channel, DeviceKind, DeviceState, Role, Severity
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.devices import delete_devices, replace_device
from gridwatch.store.liveness import watch_channels
from tests.store.watched import NOON, STEP, District, ids, watched

pytestmark = pytest.mark.anyio

JOBS = "SELECT args ->> 'step' AS step, scheduled_at FROM procrastinate_jobs ORDER BY id"


@pytest.fixture
async def district(database_url: str) -> AsyncIterator[District]:
    """Return a district without devices."""
    async with Store.open(database_url) as store:
        yield District(store)


async def test_a_silent_device_is_one_alert_that_clears_when_it_is_heard(district: District) -> None:
    await district.begin([watched("s-1", "a"), watched("s-2", "a")])
    district.mute = {"s-1"}
    await district.run(minutes=20)
    assert await district.told() == [("s-1", "offline", "open", 1, None)]
    (alert,) = await district.alerts()
    assert (alert["severity"], alert["area"], alert["scene"]) == ("minor", "a", "fire")
    assert datetime.fromisoformat(alert["observed_at"]) <= NOON + timedelta(minutes=10)
    district.mute = set()
    await district.run(minutes=2)
    assert await district.told() == [("s-1", "offline", "resolved", 1, None)]


async def test_nothing_is_told_of_a_message_that_got_lost(district: District) -> None:
    await district.begin([watched("s-1")])
    district.mute = {"s-1"}
    await district.run(minutes=2)
    district.mute = set()
    await district.run(minutes=5)
    assert await district.told() == []


async def test_one_channel_that_is_silent_is_told_by_its_name(district: District) -> None:
    await district.begin([watched("s-1", "a", "co_ppm", "smoke_pct_m")])
    district.mute = {"s-1/smoke_pct_m"}
    await district.run(minutes=8)
    assert await district.told() == [("s-1", "channel_silent", "open", 1, None)]
    (alert,) = await district.alerts()
    assert alert["outage"]["channels"] == ["smoke_pct_m"]
    district.mute = {"s-1"}
    await district.run(minutes=8)
    assert await district.told() == [("s-1", "offline", "open", 1, None)]


async def test_a_device_without_an_interval_is_never_missed(district: District) -> None:
    await district.begin(
        [watched("s-1", channels=(Channel(quantity="co_ppm"),)), watched("s-2", channels=())]
    )
    await district.say_gone("s-1")
    await district.say_gone("s-2")
    district.mute = {"s-1", "s-2"}
    await district.run(minutes=20)
    assert await district.told() == []


async def test_nobody_misses_what_is_new_in_test_in_maintenance_or_retired(district: District) -> None:
    until = datetime.now(NOON.tzinfo) + timedelta(days=1)
    devices = [
        watched("new", state=DeviceState.NEW),
        watched("works", state=DeviceState.MAINTENANCE, state_until=until),
        watched("tested", state=DeviceState.TEST, state_until=until, state_by="li"),
        watched("retired", state=DeviceState.RETIRED),
        watched("never", state=DeviceState.ACTIVE),
        watched("heard", state=DeviceState.NEW),
    ]
    district.mute = ids(devices) - {"heard"}
    await district.begin(devices)
    district.mute = ids(devices)
    await district.run(minutes=20)
    assert sorted(await district.told()) == [
        ("heard", "offline", "open", 1, None),
        ("never", "offline", "open", 1, None),
    ]
    await replace_device(district.store, watched("never", state=DeviceState.MAINTENANCE, state_until=until))
    await district.run(minutes=1)
    assert ("never", "offline", "resolved", 1, None) in await district.told()


async def test_a_last_will_is_believed_unless_readings_come(district: District) -> None:
    slow = (Channel(quantity="co_ppm", interval_s=3600),)
    await district.begin([watched("s-1", channels=slow), watched("s-2", channels=slow)])
    await district.say_gone("s-1")
    await district.say_gone("s-2")
    district.mute = {"s-1"}
    await district.run(minutes=2.5)
    assert await district.told() == [("s-1", "offline", "open", 1, None)]
    await district.say_gone("s-1", online=True)
    await district.run(minutes=0.5)
    assert await district.told() == [("s-1", "offline", "resolved", 1, None)]


async def test_a_gateway_that_goes_away_is_one_alert(district: District) -> None:
    gateway = watched("gate", "a", kind=DeviceKind.GATEWAY, channels=())
    sensors = [watched(f"s-{n}", "a", gateway="gate") for n in range(5)]
    await district.begin([gateway, *sensors, *(watched(f"t-{n}", "a") for n in range(20))])
    await district.say_gone("gate")
    district.mute = ids(sensors)
    await district.run(minutes=6)
    assert await district.told() == [("gate", "offline", "open", 1, 5)]
    district.mute = set()
    await district.say_gone("gate", online=True)
    await district.run(minutes=2)
    assert await district.told() == [("gate", "offline", "resolved", 1, 0)]


async def test_an_estate_that_goes_dark_is_one_alert(district: District) -> None:
    devices = [watched(f"{estate}-{n:03}", estate) for estate in ("a", "b") for n in range(60)]
    await district.begin(devices, areas=[("town", None), ("a", "town"), ("b", "town")])
    district.mute = {name for name in ids(devices) if name.startswith("a")} | {"b-007"}
    await district.run(minutes=15)
    assert sorted(await district.told()) == [
        ("a-000", "offline", "open", 1, 60),
        ("b-007", "offline", "open", 1, None),
    ]
    estate = next(a for a in await district.alerts() if a["device"] == "a-000")
    assert estate["area"] == "a"
    assert estate["outage"] == {"scope": "area", "name": "a", "devices": 60, "of": 60}
    district.mute = {"a-001", "b-007"}
    await district.run(minutes=10)
    assert sorted(await district.told()) == [
        ("a-000", "offline", "resolved", 1, 0),
        ("a-001", "offline", "open", 1, None),
        ("b-007", "offline", "open", 1, None),
    ]


async def test_what_is_real_does_not_hide_among_what_is_simulated(district: District) -> None:
    devices = [watched(f"sim-{n}", "a", simulated=True) for n in range(20)]
    devices += [watched(f"real-{n}", "a") for n in range(5)]
    await district.begin(devices)
    district.mute = ids(devices)
    await district.run(minutes=6)
    alerts = await district.alerts()
    assert {(a["simulated"], a["area"], a["outage"]["devices"]) for a in alerts} == {
        (False, "a", 5),
        (True, "a", 20),
    }
    assert len(await district.store.rows(JOBS)) == 1


@pytest.mark.parametrize("away", ["the collectors", "the broker"])
async def test_silence_counts_only_while_we_listen(
    district: District, away: str, caplog: pytest.LogCaptureFixture
) -> None:
    devices = [watched(f"s-{n}") for n in range(8)]
    await district.begin(devices)
    if away == "the collectors":
        district.now += timedelta(hours=2)
    else:
        await district.store.execute("UPDATE collector SET subscribed = false")
        for _ in range(40):
            district.now += STEP
            await district.look()
        await district.store.execute("UPDATE collector SET subscribed = true")
    district.mute = {"s-3"}
    await district.run(minutes=2)
    assert await district.told() == []
    assert caplog.text.count("silence counts from now on") == 1
    await district.run(minutes=4)
    assert await district.told() == [("s-3", "offline", "open", 1, None)]


async def test_an_outage_outlives_a_pause_of_the_collectors(district: District) -> None:
    await district.begin([watched("s-1"), watched("s-2")])
    district.mute = {"s-1"}
    await district.run(minutes=6)
    told = await district.told()
    district.now += timedelta(hours=2)
    await district.run(minutes=10)
    assert await district.told() == told == [("s-1", "offline", "open", 1, None)]


async def test_a_backlog_that_comes_after_a_pause_is_heard(district: District) -> None:
    await district.begin([watched("s-1")])
    district.now += timedelta(minutes=1)
    await district.run(minutes=10, late_s=70)
    assert await district.told() == []


async def test_a_clock_that_is_an_hour_behind_makes_nobody_silent(district: District) -> None:
    await district.begin([watched("s-1")])
    await district.store.execute(
        "INSERT INTO device_clock (device_key, skew_s, sure) SELECT key, -3600, true FROM device"
    )
    await district.run(minutes=10, late_s=3600)
    assert await district.told() == []


async def test_flapping_is_one_alert_with_a_count(district: District) -> None:
    await district.begin([watched("s-1")])
    states = []
    for _ in range(5):
        district.mute = {"s-1"}
        await district.run(minutes=6)
        district.mute = set()
        await district.run(minutes=2)
        states.append((await district.told())[0][2:4])
    assert states == [("resolved", 1), ("resolved", 2), ("open", 3), ("open", 4), ("open", 5)]
    assert len(await district.alerts()) == 1
    await district.run(minutes=15)
    assert await district.told() == [("s-1", "offline", "resolved", 5, None)]
    events = await district.store.rows("SELECT label FROM gw.events WHERE alert_id IS NOT NULL")
    assert [row["label"] for row in events] == ["offline"] * 5


async def test_an_outage_long_after_the_last_one_is_a_new_alert(district: District) -> None:
    await district.begin([watched("s-1"), watched("s-2")])
    for _ in range(2):
        district.mute = {"s-1"}
        await district.run(minutes=6)
        district.mute = set()
        await district.run(minutes=62)
    assert await district.told() == [("s-1", "offline", "resolved", 1, None)] * 2


async def test_what_a_person_resolved_is_not_told_again_until_it_was_heard(district: District) -> None:
    await district.begin([watched("s-1")])
    district.mute = {"s-1"}
    await district.run(minutes=6)
    (alert,) = await district.alerts()
    await act(district.store, alert["id"], "resolve", actor="li", role=Role.ADMINISTRATOR)
    await district.run(minutes=10)
    assert await district.told() == [("s-1", "offline", "resolved", 1, None)]
    district.mute = set()
    await district.run(minutes=2)
    district.mute = {"s-1"}
    await district.run(minutes=6)
    assert [state for _, _, state, _, _ in await district.told()] == ["resolved", "open"]


async def test_a_camera_is_missed_by_its_frames(district: District) -> None:
    camera = watched("c-1", kind=DeviceKind.CAMERA, channels=(Channel(quantity="frame", interval_s=60),))
    await district.begin([camera, watched("s-1")])
    frame = """INSERT INTO medium (device_key, kind, observed_at, received_at)
               SELECT key, 'frame', %(now)s, %(now)s FROM device WHERE id = 'c-1'"""
    district.mute = {"c-1"}
    for _ in range(6):
        await district.store.execute(frame, {"now": district.now})
        await district.run(minutes=1)
    assert await district.told() == []
    await district.run(minutes=6)
    assert await district.told() == [("c-1", "offline", "open", 1, None)]


async def test_people_are_told_by_day_and_not_woken_at_night(district: District) -> None:
    await district.begin([watched("s-1"), watched("s-2"), watched("sim", simulated=True)])
    district.mute = {"s-1", "sim"}
    await district.run(minutes=6)
    assert [tuple(row.values()) for row in await district.store.rows(JOBS)] == [("raised", None)]
    night = NOON.replace(hour=18)
    await district.store.execute(
        "UPDATE listening SET since = since + '14 h', until = %(now)s", {"now": night}
    )
    district.now, district.mute = night, {"s-1", "s-2", "sim"}
    await district.run(minutes=6)
    assert [tuple(row.values()) for row in await district.store.rows(JOBS)][1:] == [
        ("in the morning", NOON.replace(hour=23))
    ]


async def test_a_setting_makes_silence_worse(district: District) -> None:
    district.alarms = {"offline": Severity.MAJOR}
    await district.begin([watched("s-1")])
    district.mute = {"s-1"}
    await district.run(minutes=6)
    assert [alert["severity"] for alert in await district.alerts()] == ["major"]


async def test_what_is_not_registered_any_more_is_not_missed(district: District) -> None:
    await district.begin([watched("s-1", "a"), watched("s-2", "a")])
    district.mute = {"s-1", "s-2"}
    await district.run(minutes=6)
    await delete_devices(district.store, ["s-1"])
    await replace_device(district.store, watched("s-2", channels=()))
    await watch_channels(district.store, district.now)
    await district.run(minutes=1)
    assert [state for _, _, state, _, _ in await district.told()] == ["resolved"]


@pytest.mark.slow
async def test_of_10_000_devices_three_percent_are_a_handful_of_alerts(district: District) -> None:
    streets = [f"street-{n}" for n in range(5)]
    areas = [("district", None), *((street, "district") for street in streets)]
    areas += [(f"estate-{n:02}", streets[n % 5]) for n in range(50)]
    quantities = ("co_ppm", "smoke_pct_m", "temperature_c", "battery_pct")
    devices = [watched(f"s-{n:04}", f"estate-{n // 200:02}", *quantities) for n in range(10_000)]
    await district.begin(devices, areas)
    dark = {f"s-{n:04}" for n in range(200)}
    district.mute = {
        *dark,
        *(f"s-{n:04}" for n in range(2_000, 2_060)),
        *(f"s-{n}" for n in range(5_000, 9_000, 100)),
    }
    await district.run(minutes=10)
    alerts = await district.alerts()
    assert sorted((alert["area"], alert["outage"]["devices"]) for alert in alerts) == [
        ("district", 40),
        ("estate-00", 200),
        ("estate-10", 60),
    ]
    district.mute = set()
    await district.run(minutes=4)
    assert {alert["state"] for alert in await district.alerts()} == {"resolved"}
