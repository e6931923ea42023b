"""Twice as much as a collector can take, for ten minutes: what is lost, what it takes, when it catches up."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psutil

from bench.ingest import FEW, ready
from bench.publisher import Load
from bench.rate import Ours
from bench.sensors import Sensors, publish_all
from bench.show import show
from bench.spread import Row
from bench.waiting import wait_until

LOOK_S = 1.0
TRIAL = 60_000
"""Messages that show what can be taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """For how long."""

    overload_s: float = 600.0
    catch_up_s: float = 1_800.0


FULL = Sizes()
QUICK = Sizes(overload_s=10.0, catch_up_s=120.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overload:
    """More than the collector can take."""

    rate: float
    published: int
    stored: int
    while_s: float
    most_waiting: int
    caught_up_s: float
    rss_first_minute_mib: float
    rss_most_mib: float


def measure(sizes: Sizes) -> Overload:
    """Offer twice what a collector and a database that share one core can take.

    Confined, so that the broker and the sensors are not what gives way first.
    """
    with ready(FEW) as server, server.collector() as pid:
        collector, ours = psutil.Process(pid), Ours(server)
        _confine([collector, *server.processes("postgres")])
        trial = Load(messages=TRIAL, begin_t=0.0, stamped=True)
        began = time.monotonic()
        publish_all(server.mqtt_port, trial)
        ours.wait_for(TRIAL)
        rate = 2 * TRIAL / (time.monotonic() - began)
        messages = int(rate * sizes.overload_s)
        load = replace(trial, messages=messages, rate=rate)
        rss: list[tuple[float, float]] = []
        waiting = [0]
        with Sensors(server.mqtt_port, load) as sensors:
            sensors.begin()
            began = time.monotonic()

            def caught_up() -> bool:
                now, stored = time.monotonic() - began, ours.stored() - TRIAL
                rss.append((now, collector.memory_info().rss / 2**20))
                waiting.append(int(min(messages, rate * now)) - stored)
                return stored >= messages

            most_s = sizes.overload_s + sizes.catch_up_s
            wait_until(caught_up, timeout_s=most_s, what="it catches up", step_s=LOOK_S)
            took_s = time.monotonic() - began
            published = sensors.finished()
        stored = ours.stored() - TRIAL
    if stored != messages or published.acknowledged != messages:
        raise RuntimeError(f"{published.acknowledged} acknowledged, {stored} stored of {messages}")
    return Overload(
        rate=rate,
        published=messages,
        stored=stored,
        while_s=published.ended - published.began,
        most_waiting=max(waiting),
        caught_up_s=took_s - (published.ended - published.began),
        rss_first_minute_mib=max(mib for at, mib in rss if at <= max(60.0, rss[0][0])),
        rss_most_mib=max(mib for _, mib in rss),
    )


def _confine(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        process.cpu_affinity([0])


def rows(found: Overload) -> list[Row]:
    """Return the line of the table."""
    return [
        Row(
            what=f"{found.rate:,.0f} msg/s for {found.while_s:,.0f} s, twice what one core for both takes",
            value=f"{found.stored:,} of {found.published:,} stored, {found.caught_up_s:,.0f} s later",
            note=(
                f"up to {found.most_waiting:,} messages waited; resident memory of the collector "
                f"{found.rss_first_minute_mib:.0f} MiB in the first minute, {found.rss_most_mib:.0f} at most"
            ),
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
