"""A storm of findings: how fast they are stored, how many alerts they make, and how late the feed is.

Sensors that stand together in estates tell of flames again and again, in batches like those of a collector;
each finding must be counted in one alert, and each estate must have one. A reader follows the feed's changes.
Prints one JSON object.

    python -m bench.dispatch.storm [--findings 100000 --estates 40 --devices 25]
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from bench.machine import Machine
from bench.servers import Servers, servers
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


@dataclass(frozen=True, kw_only=True)
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


async def measure(at: Servers, *, findings: int, estates: int, devices: int) -> Found:
    """Let it storm."""
    async with Store.open(at.database_url, connections=6) as store:
        known = await _district(store, estates, devices)
        begins = time.monotonic()
        done = asyncio.Event()
        reading = asyncio.create_task(_follow(store, done))
        await _storm(store, known, findings)
        took_s = time.monotonic() - begins
        done.set()
        late = sorted(await reading)
        (row,) = await store.rows("SELECT count(*) AS alerts, sum(events)::bigint AS counted FROM alert")
        (there,) = await store.rows("SELECT count(*) AS events, count(alert_id) AS of_alerts FROM event")
        assert there["of_alerts"] == there["events"] == row["counted"], (there, row)
        (changes,) = await store.rows("SELECT count(*) AS n FROM alert_change")
        (jobs,) = await store.rows("SELECT count(*) AS n FROM procrastinate_jobs")
    return Found(
        findings=findings,
        devices=estates * devices,
        estates=estates,
        took_s=round(took_s, 1),
        stored_per_s=round(findings / took_s),
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--estates", type=int, default=40)
    parser.add_argument("--devices", type=int, default=25)
    given = parser.parse_args(arguments)
    machine = Machine.this()
    with servers() as at:
        found = asyncio.run(
            measure(at, findings=given.findings, estates=given.estates, devices=given.devices)
        )
    print(json.dumps({"machine": asdict(machine), "found": asdict(found)}, indent=1))


if __name__ == "__main__":
    os.nice(5)
    main()
