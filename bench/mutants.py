"""A million broken messages among valid ones: each is accounted for, and nobody dies or slows down.

`python -m bench.mutants --port …` is the process that publishes them; `bench.faults mutants` runs the whole.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import psutil

from bench.mutator import Mutator, as_found, devices
from bench.rig import Rig, rig
from bench.spread import Row
from bench.stream import (
    Comparison,
    Gateway,
    Load,
    compare,
    device_name,
    soon_us,
    streaming,
)
from gridwatch.model import Device, DeviceKind

CLIENT = "bench-mutants"
SEED = 20261123
VALID_DEVICES = 100
FUZZ_SEEDS = 300
NOTHING_FOUND = b"\x00{}"
BEFORE_NOW_S = 3_600.0
QUIET_S = 60.0
LOOK_S = 0.5
PUBLISHED_WITHIN_S = 3_600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many, how fast, and how many valid readings a second beside them."""

    messages: int = 1_000_000
    rate: float = 2_000.0
    valid_rate: float = 500.0
    before_s: float = 20.0
    workers: int = 2
    fuzzed: int = 300_000
    """Inputs that atheris tries beforehand."""


FULL = Sizes()
QUICK = Sizes(messages=20_000, rate=1_500.0, before_s=3.0, fuzzed=20_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """From observation to receipt of valid readings, in ms: what waits in the broker is in it."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of the mutants and of the valid readings beside them."""

    published: int
    kinds: Mapping[str, int]
    received: int
    stored: int
    duplicate: int
    quarantined: int
    skipped: int
    books_wrong: int
    """Devices whose books don't balance or show another number received than was published."""
    publishing_s: float
    settled_s: float
    """After the last was published."""
    same_processes: bool
    """The collector and its detector processes are those of the beginning."""
    collector_mib: float
    workers_mib: float
    before: Delay
    during: Delay
    valid: Comparison


def measure(sizes: Sizes) -> Outcome:
    """Send valid readings, then the mutants among them, and account for all."""
    with rig() as place:
        valid = [
            Device(id=device_name(n), scene="fire", kind=DeviceKind.SENSOR) for n in range(VALID_DEVICES)
        ]
        place.register(*devices(), *valid)
        with place.collecting(workers=sizes.workers):
            return _measure(place, sizes)


def _measure(place: Rig, sizes: Sizes) -> Outcome:
    began = place.collector.pid, place.collector.workers()
    load = Load(
        devices=VALID_DEVICES,
        rate=sizes.valid_rate,
        begin_us=soon_us(),
        step_us=round(1_000_000 / sizes.valid_rate),
    )
    with streaming(place.broker.port, load) as stream:
        time.sleep(sizes.before_s)
        turn = time.time()
        made = _publish(place.broker.port, sizes)
        ended = time.monotonic()
        _settle(place, made["messages"], OF_MUTANTS)
        settled_s = time.monotonic() - ended
        published = stream.finish()
    _settle(place, published.messages, OF_VALID)
    same = (place.collector.pid, place.collector.workers()) == began
    peak = sum(psutil.Process(pid).memory_info().rss for pid in place.collector.workers()) / 2**20
    books = place.ask(
        "SELECT device, received, stored, duplicate, quarantined, skipped FROM book "
        "WHERE device NOT LIKE 'stream-%'"
    )
    counted: dict[str, int] = made["counted"]
    wrong = {
        device
        for device, received, *rest in books
        if received != sum(rest) or received != counted.get(device, 0)
    } | (counted.keys() - {book[0] for book in books})
    received, stored, duplicate, quarantined, skipped = (
        sum(book[column] for book in books) for column in range(1, 6)
    )
    return Outcome(
        published=made["messages"],
        kinds=made["kinds"],
        received=received,
        stored=stored,
        duplicate=duplicate,
        quarantined=quarantined,
        skipped=skipped,
        books_wrong=len(wrong),
        publishing_s=made["took_s"],
        settled_s=round(settled_s, 1),
        same_processes=same,
        collector_mib=place.peak_mib["collector"],
        workers_mib=round(peak, 1),
        before=_delay(place, load.begin_us / 1e6, turn),
        during=_delay(place, turn, turn + made["took_s"] + settled_s),
        valid=compare(place.url, load, published.messages),
    )


def _publish(port: int, sizes: Sizes) -> dict[str, Any]:
    """Run the publisher in a process of its own; return what it made and counted."""
    command = [sys.executable, "-m", "bench.mutants", "--port", str(port)]
    command += ["--messages", str(sizes.messages), "--rate", str(sizes.rate)]
    with TemporaryDirectory(prefix="gridwatch-corpus-") as corpus:
        if find_spec("atheris") is not None:
            _fuzz(corpus, sizes.fuzzed)
        command += ["--corpus", corpus]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PUBLISHED_WITHIN_S)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _fuzz(corpus: str, runs: int) -> None:
    """Let atheris go on from some mutants to inputs that reach far into the decoders.

    Raises RuntimeError with the first one that breaks a decoder.
    """
    seeds = Mutator(SEED, time.time() - BEFORE_NOW_S, [NOTHING_FOUND])
    for number in range(FUZZ_SEEDS):
        (Path(corpus) / f"seed-{number}").write_bytes(as_found(*seeds.message(number)))
    options = [f"-runs={runs}", f"-seed={SEED}", "-max_len=2000", f"-artifact_prefix={corpus}/"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.fuzz_decoding", corpus, *options],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PUBLISHED_WITHIN_S,
    )
    if done.returncode:
        raise RuntimeError(f"atheris broke a decoder: {done.stderr[-2000:]}")


def _settle(place: Rig, messages: int, books: LiteralString) -> None:
    """Wait until every message is in the books, or nothing more comes."""
    received, changed = -1, time.monotonic()
    while received < messages and time.monotonic() - changed < QUIET_S:
        time.sleep(LOOK_S)
        ((now,),) = place.ask(books)
        if now != received:
            received, changed = now, time.monotonic()


OF_MUTANTS = "SELECT coalesce(sum(received), 0)::bigint FROM book WHERE device NOT LIKE 'stream-%'"
OF_VALID = "SELECT coalesce(sum(received), 0)::bigint FROM book WHERE device LIKE 'stream-%'"


def _delay(place: Rig, since: float, until: float) -> Delay:
    ((p50, p99),) = place.ask(DELAY, [since, until])
    return Delay(p50_ms=round(float(p50), 1), p99_ms=round(float(p99), 1))


DELAY = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)
FROM (SELECT extract(epoch FROM received_at - observed_at) * 1000 AS ms FROM gw.readings
      WHERE device LIKE 'stream-%%'
      AND observed_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)) AS delays"""


def rows(found: Outcome) -> list[Row]:
    """Return the line of the table."""
    lost = found.published - found.received
    return [
        Row(
            what=f"{found.published:,} mutated messages, seed {SEED}",
            value=(
                f"**{lost} lost**: {found.stored:,} stored, {found.duplicate:,} duplicate, "
                f"{found.quarantined:,} quarantined, {found.skipped:,} frames skipped"
            ),
            note=(
                f"books wrong for {found.books_wrong} devices; published in {found.publishing_s:,.0f} s, the "
                f"last settled {found.settled_s:g} s later; "
                f"{'no process ended' if found.same_processes else '**a process was replaced**'}; collector "
                f"{found.collector_mib:,.0f} MiB; valid readings beside them: {found.valid.lost} lost, "
                f"{found.valid.twice} twice of {found.valid.published:,}, received after p50 "
                f"{found.before.p50_ms:g} → {found.during.p50_ms:g} ms, p99 {found.before.p99_ms:g} → "
                f"{found.during.p99_ms:g} ms"
            ),
        )
    ]


def main() -> None:
    """Publish mutants; print what was made as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    given = parser.parse_args()
    found = [path.read_bytes() for path in sorted(given.corpus.iterdir())]
    mutator = Mutator(SEED, time.time() - BEFORE_NOW_S, found or [NOTHING_FOUND])
    gateway = Gateway(
        given.port,
        CLIENT,
        message=mutator.message,
        rate=given.rate,
        stop=threading.Event(),
        most=given.messages,
    )
    published = asdict(gateway.run())
    print(json.dumps(published | {"counted": mutator.counted, "kinds": mutator.kinds}))


if __name__ == "__main__":
    main()
