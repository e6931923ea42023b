"""What ingestion does beside its plain rate: many devices, packs, two collectors, latency."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bench.publisher import Load
from bench.rate import LIMIT_PREFIX, Limit, Ours, register
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row, Spread, quantile

FEW, MANY = 1_000, 100_000
READINGS_IN_PACK = 10
LATENCY_RATE = 5_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How often, how many messages each time, and for how long."""

    pairs: int = 3
    messages: int = 200_000
    latency_s: float = 30.0


FULL = Sizes()
QUICK = Sizes(pairs=1, messages=120_000, latency_s=5.0)


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
    )


def _many_devices(sizes: Sizes) -> tuple[list[float], list[float]]:
    few, many = [], []
    with ready(FEW) as small, ready(MANY) as large:
        loads = zip(
            _loads(sizes.messages, sizes.pairs, FEW),
            _loads(sizes.messages + MANY, sizes.pairs, MANY),
            strict=True,
        )
        for of_few, of_many in loads:
            few.append(Ours(small).live(of_few))
            many.append(Ours(large).live(of_many))
    return few, many


def _two_collectors(sizes: Sizes) -> tuple[list[float], list[float]]:
    two, limit = [], []
    with ready(FEW) as server:
        ours, theirs = Ours(server), Limit(server)
        for load in _loads(sizes.messages, sizes.pairs, FEW):
            two.append(ours.live(load, collectors=2))
            limit.append(theirs.live(replace(load, prefix=LIMIT_PREFIX)))
    return two, limit


def _packs(sizes: Sizes) -> list[float]:
    with ready(FEW) as server:
        ours, loads = Ours(server), _loads(sizes.messages // 4, sizes.pairs, FEW)
        return [ours.live(replace(load, senml=True)) for load in loads]


def _delays_ms(sizes: Sizes) -> list[float]:
    """Return what passed between sending and commit, by the time stamps of both, in milliseconds."""
    with ready(FEW) as server:
        ours = Ours(server)
        messages = FEW + int(LATENCY_RATE * sizes.latency_s)
        load = Load(messages=messages, begin_t=time.time() - 3600, rate=LATENCY_RATE, stamped=True)
        ours.live(load)
        rows = server.ask(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - observed_at) * 1000 FROM observation"
            " WHERE seq < 0"
        )
    return [float(row[0]) for row in rows]


@contextmanager
def ready(devices: int) -> Iterator[Servers]:
    """Run servers that know the devices, and whose broker keeps messages for a collector."""
    with servers(track_commit_timestamp="on") as server:
        register(server, devices)
        with server.collector():
            pass
        yield server


def _loads(messages: int, count: int, devices: int) -> Iterator[Load]:
    """Yield loads of which each goes on counting where the one before ended."""
    begin_t = time.time() - 3600.0
    for number in range(count):
        first_seq = number * (messages // devices)
        yield Load(messages=messages, devices=devices, first_seq=first_seq, begin_t=begin_t)


def rows(found: Ingest) -> list[Row]:
    """Return the lines of the table."""
    readings = READINGS_IN_PACK * found.packs.median
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
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
