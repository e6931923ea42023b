"""When people are called, against when they should have been, while dispatchers are killed.

Alerts have deadlines spread over half a minute. Two dispatchers work; by turns one of them is killed -9 and
started again. Then the same with one alone, whose absence is in the figures. Prints one JSON object: how late
each call was (its transaction's time less the deadline), and whether any deadline was missed or served twice.

    python -m bench.dispatch.escalation [--alerts 60]
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from bench.machine import Machine
from bench.servers import Servers, servers
from bench.up import clean_environment
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
WORKS_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """One run; seconds."""

    dispatchers: int
    alerts: int
    kills: int
    called: int
    called_twice: int
    late_p50_s: float
    late_p99_s: float
    late_max_s: float


def measure(at: Servers, *, alerts: int, dispatchers: int) -> Found:
    """Make alerts with deadlines, kill dispatchers while these pass, and say how late each call was."""
    ids = asyncio.run(_make(at, alerts, f"run{dispatchers}"))
    running = [_start(at) for _ in range(dispatchers)]
    kills = 0
    try:
        _until_working(at, dispatchers)
        planned = asyncio.run(_plan(at, ids, datetime.now(UTC) + timedelta(seconds=START_S)))
        while datetime.now(UTC) < max(planned.values()):
            time.sleep(KILL_EVERY_S)
            victim = running.pop(0)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            running.append(_start(at))
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
    return Found(
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


def _start(at: Servers) -> "subprocess.Popen[bytes]":
    environment = clean_environment() | {
        "GRIDWATCH_DATABASE_URL": at.database_url,
        "GRIDWATCH_DATA_DIR": str(at.folder),
        "GRIDWATCH_MIGRATE": "0",
        "OMP_NUM_THREADS": "1",
    }
    with (at.folder / "dispatch.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "gridwatch", "dispatch"], env=environment, stdout=log, stderr=log
        )


def _until_working(at: Servers, dispatchers: int) -> None:
    wait_until(
        lambda: at.ask("SELECT count(*) FROM procrastinate_workers")[0][0] >= dispatchers,
        timeout_s=WORKS_WITHIN_S,
        what="the dispatchers work",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=60)
    given = parser.parse_args(arguments)
    machine = Machine.this()
    with servers() as at:
        found = [asdict(measure(at, alerts=given.alerts, dispatchers=number)) for number in (2, 1)]
    print(json.dumps({"machine": asdict(machine), "found": found}, indent=1))


if __name__ == "__main__":
    os.nice(5)
    main()
