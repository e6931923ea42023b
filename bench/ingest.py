"""What ingestion does beside its plain rate: many devices, packs, two collectors, latency, overload."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import psutil

from bench.publisher import Load
from bench.rate import LIMIT_PREFIX, Limit, Ours, register
from bench.sensors import Sensors, publish_all
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row, Spread, quantile
from bench.waiting import wait_until

FEW, MANY = 1_000, 100_000
READINGS_IN_PACK = 10
LATENCY_RATE = 5_000.0
LOOK_S = 1.0
TRIAL = 60_000
"""Messages that show what can be taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How often, how many messages each time, and for how long."""

    pairs: int = 3
    messages: int = 200_000
    latency_s: float = 30.0
    overload_s: float = 600.0
    catch_up_s: float = 1_800.0


FULL = Sizes()
QUICK = Sizes(pairs=1, messages=120_000, latency_s=5.0, overload_s=10.0, catch_up_s=120.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingest:
    """All of it; rates in messages per second."""

    few: Spread
    many: Spread
    many_share: Spread
    """Rate with many devices over that with few, pair by pair."""
    packs: Spread
    two: Spread
    two_share: Spread
    """Rate of two collectors over that of `mosquitto_sub | psql`, pair by pair."""
    committed_p50_ms: float
    committed_p99_ms: float
    """From the sending of a message to its commit."""
    latency_messages: int
    overload: "Overload"


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


def measure(sizes: Sizes) -> Ingest:
    """Measure one after another, each with servers of its own; raise RuntimeError where one is missing."""
    few, many = _many_devices(sizes)
    two, limit = _two_collectors(sizes)
    packs = _packs(sizes)
    delays_ms = _delays_ms(sizes)
    return Ingest(
        few=Spread.of(few),
        many=Spread.of(many),
        many_share=Spread.of([m / f for m, f in zip(many, few, strict=True)]),
        packs=Spread.of(packs),
        two=Spread.of(two),
        two_share=Spread.of([ours / theirs for ours, theirs in zip(two, limit, strict=True)]),
        committed_p50_ms=quantile(delays_ms, 0.5),
        committed_p99_ms=quantile(delays_ms, 0.99),
        latency_messages=len(delays_ms),
        overload=_overload(sizes),
    )


def _many_devices(sizes: Sizes) -> tuple[list[float], list[float]]:
    few, many = [], []
    with _ready(MANY) as server:
        ours, loads = Ours(server), _loads(sizes.messages)
        for _ in range(sizes.pairs):
            few.append(ours.live(next(loads)))
            many.append(ours.live(replace(next(loads), devices=MANY)))
    return few, many


def _two_collectors(sizes: Sizes) -> tuple[list[float], list[float]]:
    two, limit = [], []
    with _ready(FEW) as server:
        ours, theirs, loads = Ours(server), Limit(server), _loads(sizes.messages)
        for _ in range(sizes.pairs):
            two.append(ours.live(next(loads), collectors=2))
            limit.append(theirs.live(replace(next(loads), prefix=LIMIT_PREFIX)))
    return two, limit


def _packs(sizes: Sizes) -> list[float]:
    with _ready(FEW) as server:
        ours, loads = Ours(server), _loads(sizes.messages // 4)
        return [ours.live(replace(next(loads), senml=True)) for _ in range(sizes.pairs)]


def _delays_ms(sizes: Sizes) -> list[float]:
    """Return what passed between sending and commit, by the time stamps of both, in milliseconds."""
    with _ready(FEW) as server:
        ours = Ours(server)
        messages = FEW + int(LATENCY_RATE * sizes.latency_s)
        load = Load(messages=messages, begin_t=time.time() - 3600, rate=LATENCY_RATE, stamped=True)
        ours.live(load)
        rows = server.ask(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - observed_at) * 1000 FROM observation"
            " WHERE seq < 0"
        )
    return [float(row[0]) for row in rows]


def _overload(sizes: Sizes) -> Overload:
    """Offer twice what a collector and a database that share one core can take.

    Confined, so that the broker and the sensors are not what gives way first.
    """
    with _ready(FEW) as server, server.collector() as pid:
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


@contextmanager
def _ready(devices: int) -> Iterator[Servers]:
    with servers(track_commit_timestamp="on") as server:
        register(server, devices)
        with server.collector():
            pass  # from now on the broker keeps messages for it
        yield server


def _loads(messages: int) -> Iterator[Load]:
    """Yield loads whose observations never repeat and lie in the past."""
    begin_t = time.time() - 3600.0
    for number in count():
        yield Load(messages=messages, first_seq=number * (messages // FEW + 1), begin_t=begin_t)


def rows(found: Ingest) -> list[Row]:
    """Return the lines of the table."""
    readings = READINGS_IN_PACK * found.packs.median
    over = found.overload
    return [
        Row(
            what="100,000 known devices that all send, stored per second",
            value=f"{found.many.text()} msg/s",
            note=f"with 1,000 devices {found.few.text()} msg/s; pair by pair {found.many_share.text('.2f')}",
        ),
        Row(
            what="SenML packs of ten readings, stored per second",
            value=f"{readings:,.0f} readings/s",
            note=f"{found.packs.text()} packs/s",
        ),
        Row(
            what="two collectors, messages stored per second",
            value=f"{found.two.text()} msg/s",
            note=f"of `mosquitto_sub \\| psql` pair by pair {found.two_share.text('.2f')}",
        ),
        Row(
            what="publish → committed at 5,000 msg/s",
            value=f"p50 {found.committed_p50_ms:.1f} ms, p99 {found.committed_p99_ms:.1f} ms",
            note=f"{found.latency_messages:,} messages, by PostgreSQL's commit time stamps",
        ),
        Row(
            what=f"{over.rate:,.0f} msg/s for {over.while_s:,.0f} s, twice what one core for both takes",
            value=f"{over.stored:,} of {over.published:,} stored, caught up {over.caught_up_s:,.0f} s later",
            note=(
                f"up to {over.most_waiting:,} messages waited; resident memory of the collector "
                f"{over.rss_first_minute_mib:.0f} MiB in the first minute, {over.rss_most_mib:.0f} at most"
            ),
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
