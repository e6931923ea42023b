"""A small estate with people, devices and alerts of all three scenes: rendered pictures, made-up names."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.escalation.case import Trigger
from gridwatch.escalation.times import USUAL
from gridwatch.evidence import EvidenceFiles
from gridwatch.model import Channel, Device, DeviceKind, Evidence, Finding, Location, Role
from gridwatch.store import Store
from gridwatch.store.actions import Particulars, act
from gridwatch.store.alerts import announce, settle
from gridwatch.store.areas import put_areas
from gridwatch.store.calling import on_trigger
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.jobs import defer_notify

LON, LAT = 103.925, 30.575
STEP = 0.0011
"""Degrees from one building to the next, some 110 m."""

BUILDINGS = ("1栋", "2栋", "3栋", "5栋", "6栋", "7栋")
PEOPLE = (
    ("wg-01", "张三", "13800000001", "b-1", "巡查、安全宣传"),
    ("wg-02", "李𠮷", "13800000002", "b-3", "巡查"),
    ("wg-03", "王㛃", "13800000003", "b-5", "巡查"),
    ("wy-01", "赵倩", "13800000004", "e-1", "物业值班"),
    ("sq-01", "陈静", "13800000005", "c-1", "社区网格长"),
)

ADD_PERSON = """
    WITH one AS (INSERT INTO person (code, name, phone, duties)
                 VALUES (%(code)s, %(name)s, %(phone)s, %(duties)s) RETURNING key)
    INSERT INTO responsibility (person_key, area) SELECT key, %(area)s FROM one"""

ADD_EVENT = """
    INSERT INTO event (id, device_key, scene, label, confidence, observed_at, received_at, alert_id, criteria,
                       detector, box_xyxy)
    VALUES (%(id)s, %(device)s, %(scene)s, %(label)s, %(confidence)s, %(at)s, now(), %(alert)s, %(criteria)s,
            %(detector)s, %(box)s)"""

ADD_EVIDENCE = """
    INSERT INTO evidence (event_id, position, media_type, sha256, size, masked)
    VALUES (%(event)s, %(position)s, %(media_type)s, %(sha256)s, %(size)s, true)"""

ADD_QUANTITY = "INSERT INTO quantity (name) VALUES (%(name)s) ON CONFLICT DO NOTHING"

ADD_READINGS = """
    INSERT INTO reading (device_key, quantity_key, observed_at, delay_ms, scaled, divisor)
    SELECT d.key, q.key, r.at, 0, r.value, 1
    FROM device d, quantity q, jsonb_to_recordset(%(rows)s) AS r (at timestamptz, value double precision)
    WHERE d.id = %(device)s AND q.name = %(quantity)s"""

HEARD = "UPDATE device SET online = id NOT LIKE '%%-silent', online_since = now() - interval '2 h'"

HOLD = """
    INSERT INTO lift (device_key, mode, state, why, camera, told_at)
    SELECT key, 'relay', 'hold', 'ebike', 'lift-3-camera', now() + interval '4 s'
    FROM device WHERE id = 'lift-3'
    ON CONFLICT (device_key) DO UPDATE SET state = 'hold', told_at = excluded.told_at"""


def square(lon: float, lat: float, width: float, height: float) -> dict[str, Any]:
    """Return a rectangle as GeoJSON, its lower left corner at a place."""
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
    return {"type": "Polygon", "coordinates": [[[lon + x, lat + y] for x, y in corners]]}


def place_of(number: int) -> Location:
    """Return the middle of a building."""
    return Location(lon=LON + (number % 3 + 0.5) * STEP, lat=LAT + (number // 3 + 0.5) * STEP)


def areas() -> list[Area]:
    """Return a community with one estate and its buildings."""
    made = [
        Area(code="c-1", level=AreaLevel.COMMUNITY, name="白河社区",
             boundary=square(LON - STEP / 2, LAT - STEP / 2, 5 * STEP, 3.4 * STEP)),
        Area(code="g-1", level=AreaLevel.GRID, grid=GridKind.GENERAL, name="第一网格", parent="c-1"),
        Area(code="e-1", level=AreaLevel.ESTATE, name="锦竹苑", parent="c-1",
             boundary=square(LON - STEP / 6, LAT - STEP / 6, 3.3 * STEP, 2.3 * STEP)),
    ]  # fmt: skip
    for number, name in enumerate(BUILDINGS):
        at = place_of(number)
        boundary = square(at.lon - STEP * 0.4, at.lat - STEP * 0.4, STEP * 0.8, STEP * 0.8)
        made.append(
            Area(code=f"b-{name[0]}", level=AreaLevel.BUILDING, name=name, parent="e-1", boundary=boundary)
        )
    return made


def devices() -> list[Device]:
    """Return what stands there: smoke detectors, lifts with cameras, cameras for a façade and a ridge."""
    made: list[Device] = []
    smoke = (Channel(quantity="smoke_pct_m"), Channel(quantity="temperature_c"))
    for number, name in enumerate(BUILDINGS):
        area, at = f"b-{name[0]}", place_of(number)
        spread = 0.0002
        for nth in range(6):
            place = Location(lon=at.lon + spread * (nth % 3 - 1), lat=at.lat + spread * (nth // 3 - 0.5))
            silent = "-silent" if (number, nth) in {(1, 4), (4, 2)} else ""
            made.append(
                Device(
                    id=f"smoke-{name[0]}-{nth}{silent}", scene="fire", kind=DeviceKind.SENSOR, location=place,
                    name=f"{nth + 2}层烟感", area=area, channels=smoke,
                    address=f"白河路 88 号锦竹苑{name}{nth + 2}层", telephone="028 8580 0000",
                )
            )  # fmt: skip
        lift = Device(id=f"lift-{name[0]}", scene="elevator", kind=DeviceKind.GATEWAY, area=area,
                      name=f"{name}客梯", location=at)  # fmt: skip
        camera = Device(id=f"lift-{name[0]}-camera", scene="elevator", kind=DeviceKind.CAMERA, area=area,
                        name="轿厢摄像头", location=at, lift=lift.id)  # fmt: skip
        made += [lift, camera]
    made.append(
        Device(id="facade-2", scene="throwing", kind=DeviceKind.CAMERA, area="b-2", name="2栋南立面",
               location=Location(lon=LON + 1.5 * STEP, lat=LAT + 0.1 * STEP),
               playback_url="https://nvr.example/play?from={start}&to={end}")
    )  # fmt: skip
    made.append(
        Device(id="ridge-1", scene="fire", kind=DeviceKind.CAMERA, area="c-1", name="后山瞭望",
               location=Location(lon=LON + 40 * STEP, lat=LAT + 24 * STEP))
    )  # fmt: skip
    wind = (Channel(quantity="wind_ms"), Channel(quantity="wind_deg"))
    made.append(
        Device(id="station-1", scene="fire", kind=DeviceKind.SENSOR, area="c-1", name="山脚气象站",
               location=Location(lon=LON + 3.8 * STEP, lat=LAT + 1.2 * STEP), channels=wind)
    )  # fmt: skip
    return made


async def settle_in(store: Store) -> None:
    """Put areas, people and devices into an empty database."""
    await put_areas(store, areas())
    await add_devices(store, devices())
    for code, name, phone, area, duties in PEOPLE:
        await store.execute(
            ADD_PERSON, {"code": code, "name": name, "phone": phone, "area": area, "duties": duties}
        )
    await store.execute(HEARD, {})


async def raise_alert(
    store: Store,
    device: str,
    finding: Finding,
    *,
    files: EvidenceFiles | None = None,
    evidence: Sequence[Evidence] = (),
) -> int:
    """Store a finding as a collector would, and call whom it calls; return its alert."""
    known = await get_device(store, device)
    scene, event = known.device.scene, uuid4()
    async with store.transaction() as connection:
        settled = await settle(connection, finding, known=known, scene=scene, extra_alarms={})
        if settled.alert_id is None:
            raise ValueError(f"{finding.label} raises nothing")
        row = {
            "id": event,
            "device": known.key,
            "scene": scene,
            "label": finding.label,
            "confidence": finding.confidence,
            "at": finding.observed_at,
            "alert": settled.alert_id,
            "criteria": json.dumps(dict(finding.criteria)),
            "detector": finding.detector,
            "box": None if finding.box_xyxy is None else list(finding.box_xyxy),
        }
        await connection.execute(ADD_EVENT, row)
        for position, one in enumerate(evidence):
            if files is None:
                raise ValueError("evidence needs files")
            kept = files.put(one.content, one.media_type)
            shown = {"event": event, "position": position, "media_type": one.media_type}
            await connection.execute(ADD_EVIDENCE, shown | {"sha256": kept.sha256, "size": kept.size})
        if settled.raised:
            await defer_notify(connection, settled.alert_id, "raised")
        await announce(connection, {settled.alert_id: "raised" if settled.raised else "merged"})
    if settled.raised:
        # No worker runs here: its jobs have other numbers.
        await on_trigger(store, -time.monotonic_ns(), settled.alert_id, Trigger.RAISED, USUAL)
    return settled.alert_id


async def measure(
    store: Store, device: str, readings: Mapping[str, Sequence[tuple[datetime, float]]]
) -> None:
    """Store readings of a device."""
    for quantity, points in readings.items():
        rows = json.dumps([{"at": at.isoformat(), "value": value} for at, value in points])
        await store.execute(ADD_QUANTITY, {"name": quantity})
        await store.execute(ADD_READINGS, {"device": device, "quantity": quantity, "rows": rows})


async def live_through_a_night(
    store: Store, files: EvidenceFiles, shown: Mapping[str, tuple[Finding, Sequence[Evidence]]]
) -> None:
    """Let alerts of all scenes happen; `shown`: for each scene what was found and what shows it."""
    now = datetime.now(UTC)
    smoke = Finding(
        label="smoke", confidence=0.86, observed_at=now - timedelta(minutes=3), detector="sensor/3",
        criteria={"agreeing_readings": 6.0, "rise_pct_m_per_min": 1.4},
    )  # fmt: skip
    flame = Finding(
        label="flame", confidence=0.97, observed_at=now - timedelta(seconds=100), detector="contact/1",
        criteria={"smoke_alarm": 1.0},
    )  # fmt: skip
    await measure(store, "smoke-3-2", _smoulder(now))
    hour = [(now - timedelta(minutes=m), 3.2 + 0.1 * (m % 5)) for m in range(0, 60, 2)]
    await measure(store, "station-1", {"wind_ms": hour, "wind_deg": [(at, 45.0) for at, _ in hour]})
    old = Finding(label="heat", confidence=0.7, observed_at=now - timedelta(minutes=50), detector="sensor/3")
    done = await raise_alert(store, "smoke-6-1", old)
    await act(store, done, "resolve", actor="admin", role=Role.ADMINISTRATOR)
    warm = Finding(
        label="heat", confidence=0.61, observed_at=now - timedelta(minutes=21), detector="sensor/3"
    )
    await raise_alert(store, "smoke-5-3", warm)
    thrown, picture = shown["throwing"]
    await raise_alert(store, "facade-2", thrown, files=files, evidence=picture)
    ridge, picture = shown["fire"]
    seen = await raise_alert(store, "ridge-1", ridge, files=files, evidence=picture)
    await act(store, seen, "acknowledge", actor="admin", role=Role.ADMINISTRATOR)
    given = Particulars(to="sq-01")
    await act(store, seen, "assign", actor="admin", role=Role.ADMINISTRATOR, given=given)
    bike, picture = shown["elevator"]
    await raise_alert(store, "lift-3-camera", bike, files=files, evidence=picture)
    await raise_alert(store, "smoke-3-2", smoke)
    await raise_alert(store, "smoke-3-2", flame)


async def hold_lift(store: Store) -> None:
    """Let the door of a lift be held for the next seconds, as a collector says again and again."""
    await store.execute(HOLD, {})


def _smoulder(now: datetime) -> dict[str, list[tuple[datetime, float]]]:
    """Return readings of a detector near a beginning fire."""
    points = [now - timedelta(seconds=s) for s in range(30 * 60, 0, -20)]
    heat = [max(0.0, 1 - (now - at).total_seconds() / 300) for at in points]
    return {
        "smoke_pct_m": [(at, round(0.08 + 6.0 * h**1.5, 2)) for at, h in zip(points, heat, strict=True)],
        "temperature_c": [(at, round(21.5 + 19 * h**2, 1)) for at, h in zip(points, heat, strict=True)],
    }
