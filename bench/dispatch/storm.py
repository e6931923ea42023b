"""A storm of findings: how fast they are stored, how many alerts they make, and how late the feed is.

Sensors that stand together in estates tell of flames again and again, in batches like those of a collector;
each finding must be counted in one alert, and each estate must have one. A reader follows the feed's changes.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.servers import servers
from bench.show import show
from bench.spread import Row
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Device, DeviceFinding, DeviceKind, Finding, Location
from gridwatch.store import Store
from gridwatch.store.alerts import changes_after
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import KnownDevice, add_devices, get_device
from gridwatch.store.entries import Accepted, Concluded
from gridwatch.store.intake import Intake

BATCH = 500
"""Messages of one transaction, as a busy collector takes them."""
SAME_PLACE_DEG = 1e-5
"""About a metre."""
ESTATES_APART_DEG = 0.02
LOOK_S = 0.2

TARGET_PER_S, TARGET_LATE_S = 1_667, 2.0
"""100,000 findings in 60 s, and how late the feed may be meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many findings of how many devices (of each estate)."""

    findings: int = 100_000
    estates: int = 40
    devices: int = 25


FULL = Sizes()
QUICK = Sizes(findings=2_000, estates=4, devices=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What became of a storm."""

    findings: int
    devices: int
    estates: int
    took_s: float
    stored_per_s: float
    alerts: int
    counted: int
    """Findings that alerts say they hold."""
    events: int
    changes: int
    feed_late_p50_s: float
    feed_late_max_s: float
    jobs: int


def measure(sizes: Sizes) -> Found:
    """Let it storm."""
    with servers() as at:
        return asyncio.run(_measure(at.database_url, sizes))


async def _measure(url: str, sizes: Sizes) -> Found:
    async with Store.open(url, connections=6) as store:
        known = await _district(store, sizes.estates, sizes.devices)
        begins = time.monotonic()
        done = asyncio.Event()
        reading = asyncio.create_task(_follow(store, done))
        await _storm(store, known, sizes.findings)
        took_s = time.monotonic() - begins
        done.set()
        late = sorted(await reading)
        (row,) = await store.rows("SELECT count(*) AS alerts, sum(events)::bigint AS counted FROM alert")
        (there,) = await store.rows("SELECT count(*) AS events, count(alert_id) AS of_alerts FROM event")
        assert there["of_alerts"] == there["events"] == row["counted"], (there, row)
        (changes,) = await store.rows("SELECT count(*) AS n FROM alert_change")
        (jobs,) = await store.rows("SELECT count(*) AS n FROM procrastinate_jobs")
    return Found(
        findings=sizes.findings,
        devices=len(known),
        estates=sizes.estates,
        took_s=round(took_s, 1),
        stored_per_s=round(sizes.findings / took_s),
        alerts=row["alerts"],
        counted=row["counted"],
        events=there["events"],
        changes=changes["n"],
        feed_late_p50_s=round(late[len(late) // 2], 3),
        feed_late_max_s=round(late[-1], 3),
        jobs=jobs["n"],
    )


async def _district(store: Store, estates: int, devices: int) -> list[KnownDevice]:
    areas = [Area(code=f"e{n}", level=AreaLevel.ESTATE, name=f"e{n}") for n in range(estates)]
    await put_areas(store, areas)
    made = [
        Device(
            id=f"s{estate}-{n}",
            scene="fire",
            kind=DeviceKind.SENSOR,
            area=f"e{estate}",
            location=Location(lon=104 + ESTATES_APART_DEG * estate, lat=30.5 + SAME_PLACE_DEG * n),
        )
        for estate in range(estates)
        for n in range(devices)
    ]
    await add_devices(store, made)
    return [await get_device(store, one.id) for one in made]


async def _storm(store: Store, known: Sequence[KnownDevice], findings: int) -> None:
    """Write the findings in batches, one device after another, a millisecond apart."""
    intake, begins = Intake(store, {}), datetime.now(UTC)
    for start in range(0, findings, BATCH):
        batch = []
        for number in range(start, min(start + BATCH, findings)):
            one = known[number % len(known)]
            at = begins + timedelta(milliseconds=number / len(known))
            finding = Finding(label="flame", confidence=0.9, observed_at=at)
            message = DeviceFinding(device=one.device.id, finding=finding)
            concluded = (Concluded(finding=finding),)
            batch.append(
                Accepted(known=one, message=message, received_at=datetime.now(UTC), concluded=concluded)
            )
        await intake.record(batch)


async def _follow(store: Store, done: asyncio.Event) -> list[float]:
    """Read the changes as the feed does; return how long after its transaction began each was read."""
    seq, late = 0, [0.0]
    while True:
        is_last = done.is_set()
        changes = await changes_after(store, seq, limit=1000)
        if changes:
            seq = changes[-1].seq
            rows = await store.rows(
                """SELECT extract(epoch FROM now() - changed_at)::float8 AS late
                FROM alert_change WHERE seq = ANY(%(s)s)""",
                {"s": [one.seq for one in changes]},
            )
            late += [row["late"] for row in rows]
        elif is_last:
            return late
        if len(changes) < 1000:
            await asyncio.sleep(LOOK_S)


def rows(found: Found) -> Sequence[Row]:
    """Return the line of the table."""
    return [
        Row(
            what=f"storm of {found.findings:,} findings of {found.devices:,} devices",
            value=f"{found.took_s:.1f} s, {found.stored_per_s:,}/s; {found.alerts} alerts,"
            f" {found.counted:,} counted; the feed late by {found.feed_late_p50_s:.1f} s (median),"
            f" {found.feed_late_max_s:.1f} s at most",
            note=f"target: {TARGET_PER_S:,}/s, {TARGET_LATE_S:g} s late; {found.changes:,} changes",
        )
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
