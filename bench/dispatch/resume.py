"""Kill -9 the API while alerts are raised and everybody listens: who comes back gets each alert once.

All see the whole district. The server is killed in the middle of the alerts and started again at once; each
listener comes back after half a second to five, as a browser does, and says the last id that it had.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.dispatch.fanout import Listening, Made, api_at, prepare
from bench.dispatch.fanout import Sizes as District
from bench.servers import servers
from bench.show import show
from bench.spread import Row
from bench.waiting import free_port
from gridwatch.model import Finding
from gridwatch.open_files import allow_many_files
from gridwatch.store import Store
from gridwatch.store.alerts import announce, settle
from gridwatch.store.devices import get_device

EVERY_S = 0.5
"""Between two alerts: ten thousand writes each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many listen to how many alerts."""

    listeners: int = 10_096
    alerts: int = 30
    seed: int = 1


FULL = Sizes()
QUICK = Sizes(listeners=20, alerts=8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resumed:
    """What came to all of them together, and how long it took until all were back, from the kill."""

    listeners: int
    alerts: int
    got: int
    repeated: int
    missed: int
    away_s: float


def measure(sizes: Sizes) -> Resumed:
    """Let them listen, kill the server in the middle, and count."""
    allow_many_files()
    with servers() as running, ExitStack() as first, ExitStack() as second:
        district = District(listeners=(sizes.listeners,), seed=sizes.seed)
        made = asyncio.run(prepare(running.database_url, district))
        port = free_port()
        process = first.enter_context(api_at(running, port))
        listening = Listening(port, made.tokens["all"][: sizes.listeners])
        try:
            listening.follow(sizes.alerts)
            raising = threading.Thread(
                target=lambda: asyncio.run(_raise(running.database_url, made, sizes.alerts))
            )
            raising.start()
            time.sleep(sizes.alerts * EVERY_S / 3)
            process.kill()
            first.close()
            second.enter_context(api_at(running, port))
            raising.join()
            found = listening.followed()
        finally:
            listening.close()
    return Resumed(
        listeners=sizes.listeners,
        alerts=sizes.alerts,
        got=int(found["got"]),
        repeated=int(found["repeated"]),
        missed=int(found["missed"]),
        away_s=found["away_s"],
    )


async def _raise(url: str, made: Made, alerts: int) -> None:
    async with Store.open(url) as store:
        device = await get_device(store, f"s-{made.grids[0]}")
        for number in range(alerts):
            # One day apart, each is an alert of its own.
            at = datetime.now(UTC) - timedelta(days=number)
            async with store.transaction() as connection:
                finding = Finding(label="smoke", confidence=0.9, observed_at=at)
                settled = await settle(connection, finding, known=device, scene="fire", extra_alarms={})
                await announce(connection, {settled.alert_id or 0: "raise"})
            await asyncio.sleep(EVERY_S)


def rows(found: Resumed) -> Sequence[Row]:
    """Return the line of the table."""
    return [
        Row(
            what=f"API killed while {found.listeners:,} listen to {found.alerts} alerts",
            value=f"{found.got:,} of {found.listeners * found.alerts:,} changes came, {found.missed} missed,"
            f" {found.repeated} twice",
            note=f"target: each once; all were back {found.away_s:.1f} s after the kill",
        )
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
