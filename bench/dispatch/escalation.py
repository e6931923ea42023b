"""When people are called, against when they should have been, while dispatchers are killed.

Alerts have deadlines spread over half a minute. Two dispatchers work; by turns one of them is killed -9 and
started again. Then the same with one alone, whose absence is in the figures: how late each call was (its
transaction's time less the deadline), and whether any deadline was missed or served twice.
"""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.dispatch.worker import start, until_working
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row
from bench.waiting import wait_until
from gridwatch.model import Device, DeviceKind, Finding
from gridwatch.store import Store
from gridwatch.store.alerts import announce, settle
from gridwatch.store.devices import add_devices, get_device
from gridwatch.store.jobs import defer_due

SPREAD_S = 30.0
KILL_EVERY_S = 6.0
START_S = 10.0
"""From the writing of the deadlines to the first of them."""
LATE_TARGET_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many deadlines each run has."""

    alerts: int = 60


FULL = Sizes()
QUICK = Sizes(alerts=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run; seconds."""

    dispatchers: int
    alerts: int
    kills: int
    called: int
    called_twice: int
    late_p50_s: float
    late_p99_s: float
    late_max_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """With two dispatchers, and with one."""

    runs: tuple[Run, ...]


def measure(sizes: Sizes) -> Found:
    """Measure with two dispatchers, and with one."""
    with servers() as at:
        return Found(runs=tuple(_measure(at, alerts=sizes.alerts, dispatchers=n) for n in (2, 1)))


def _measure(at: Servers, *, alerts: int, dispatchers: int) -> Run:
    """Make alerts with deadlines, kill dispatchers while these pass, and say how late each call was."""
    ids = asyncio.run(_make(at, alerts, f"run{dispatchers}"))
    running = [start(at) for _ in range(dispatchers)]
    kills = 0
    try:
        until_working(at, dispatchers)
        planned = asyncio.run(_plan(at, ids, datetime.now(UTC) + timedelta(seconds=START_S)))
        while datetime.now(UTC) < max(planned.values()):
            time.sleep(KILL_EVERY_S)
            victim = running.pop(0)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            running.append(start(at))
            kills += 1
        wait_until(lambda: len(_asked(at, planned)) == alerts, timeout_s=180, what="everybody was called")
    finally:
        for process in running:
            process.terminate()
            process.wait()
    late = sorted((asked - planned[alert]).total_seconds() for alert, asked in _asked(at, planned).items())
    twice = at.ask(
        "SELECT count(*) - count(DISTINCT alert_id) FROM call WHERE alert_id = ANY(%s)", [list(planned)]
    )
    return Run(
        dispatchers=dispatchers,
        alerts=alerts,
        kills=kills,
        called=len(late),
        called_twice=twice[0][0],
        late_p50_s=round(late[len(late) // 2], 3),
        late_p99_s=round(late[int(len(late) * 0.99)], 3),
        late_max_s=round(late[-1], 3),
    )


async def _make(at: Servers, alerts: int, run: str) -> list[int]:
    """Raise so many alerts, each of a device of its own, that nobody is called for yet."""
    ids = []
    async with Store.open(at.database_url) as store:
        devices = [Device(id=f"{run}-{n}", scene="fire", kind=DeviceKind.SENSOR) for n in range(alerts)]
        await add_devices(store, devices)
        for device in devices:
            known = await get_device(store, device.id)
            finding = Finding(label="flame", confidence=1, observed_at=datetime.now(UTC))
            async with store.transaction() as connection:
                settled = await settle(connection, finding, known=known, scene="fire", extra_alarms={})
                assert settled.alert_id is not None
                await announce(connection, {settled.alert_id: "raise"})
            ids.append(settled.alert_id)
    return ids


async def _plan(at: Servers, ids: Sequence[int], first: datetime) -> dict[int, datetime]:
    """Give each alert its deadline, as the policy does; return them."""
    spread = timedelta(seconds=SPREAD_S) / len(ids)
    planned = {alert: first + number * spread for number, alert in enumerate(ids)}
    async with Store.open(at.database_url) as store, store.transaction() as connection:
        for alert, due_at in planned.items():
            given = {"id": alert, "due_at": due_at}
            await connection.execute("UPDATE alert SET due_at = %(due_at)s WHERE id = %(id)s", given)
            await defer_due(connection, alert, due_at)
    return planned


def _asked(at: Servers, planned: dict[int, datetime]) -> dict[int, datetime]:
    rows = at.ask(
        "SELECT alert_id, min(asked_at) FROM call WHERE alert_id = ANY(%s) GROUP BY 1", [list(planned)]
    )
    return dict(rows)


def rows(found: Found) -> Sequence[Row]:
    """Return the lines of the table."""
    return [
        Row(
            what=f"{one.alerts} deadlines while dispatchers are killed, {one.dispatchers} at work",
            value=f"{one.called} called, {one.called_twice} twice; late by p50 {one.late_p50_s:.2f},"
            f" p99 {one.late_p99_s:.2f}, at most {one.late_max_s:.2f} s",
            note=f"target: p99 {LATE_TARGET_S:g} s; {one.kills} kills",
        )
        for one in found.runs
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
