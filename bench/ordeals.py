"""A steady load, something that breaks under it, and the count of what came through."""

import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.cutter import cutter
from bench.findings import CAMERA, sending_findings
from bench.rig import Rig, fill, rig, small_disk, socket_of
from bench.stream import Comparison, Load, Published, compare, device_name, soon_us, streaming
from bench.waiting import free_port, wait_until
from gridwatch.cli.up.postgres import SOCKET_NAME
from gridwatch.model import Device, DeviceKind

SEED = 20261123
QUIET_S = 30.0
"""Nothing stored for so long after the last publish: what is missing then does not come any more."""
CAUGHT_UP_WITHIN_S = 1_800.0
LOOK_S = 0.5
FAULT_WITHIN_S = 300.0
BUDGET_BYTES = (10_000, 400_000)
"""That a connection through the cutting proxy lives."""
DISK_MIB = 8
TABLES_MIB = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How often a fault comes, how long it lasts, and under which load."""

    times: int = 1
    lasts_s: float = 0.0
    devices: int = 200
    rate: float = 2_000.0
    warm_up_s: float = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one programme of faults did to the stream."""

    faults: int
    lasted_s: float
    """Each; 0 where a fault is a moment."""
    published: Published
    compared: Comparison
    caught_up_s: float
    """From the broker's last acknowledgement to the last commit."""
    collector_ends: int
    """How often the collector was started again, killed or not."""
    peak_mib: Mapping[str, float]
    seen: Mapping[str, float] = field(default_factory=dict)
    """What else this fault shows."""


Seen = dict[str, float]
Programme = Callable[[Rig, Sizes, random.Random], Seen]


def kill_collector(place: Rig, sizes: Sizes, chance: random.Random) -> Seen:
    """kill -9 the collector at random moments of its life."""
    for _ in range(sizes.times):
        place.wait_subscribed()
        time.sleep(chance.uniform(0.05, 1.0))
        before = place.collector.ends
        place.collector.send(signal.SIGKILL)
        wait_until(
            lambda before=before: place.collector.ends > before,  # type: ignore[misc]
            timeout_s=FAULT_WITHIN_S,
            what="the collector dies",
        )
    return {}


def stop_collector(place: Rig, sizes: Sizes, _chance: random.Random) -> Seen:
    """Stop the collector's clock with SIGSTOP past its keep-alive, and let it go on."""
    for _ in range(sizes.times):
        place.collector.send(signal.SIGSTOP)
        time.sleep(sizes.lasts_s)
        place.collector.send(signal.SIGCONT)
        place.wait_subscribed()
    return {}


def restart_database(place: Rig, sizes: Sizes, chance: random.Random) -> Seen:
    """Restart PostgreSQL: fast, at once, and killed, in turns."""
    for number in range(sizes.times):
        place.database.end((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)[number % 3])
        time.sleep(chance.uniform(0.0, 2.0))
        place.database.start()
        time.sleep(chance.uniform(0.5, 4.0))
    return {}


def database_away(place: Rig, sizes: Sizes, _chance: random.Random) -> Seen:
    """Stop PostgreSQL and leave it away."""
    place.database.end(signal.SIGINT)
    time.sleep(sizes.lasts_s)
    place.database.start()
    return {}


def restart_broker(place: Rig, sizes: Sizes, chance: random.Random) -> Seen:
    """Restart Mosquitto in order: it saves what it holds."""
    return _end_broker(place, sizes, chance, signal.SIGTERM)


def kill_broker(place: Rig, sizes: Sizes, chance: random.Random) -> Seen:
    """kill -9 Mosquitto: what it acknowledged after its last save is gone."""
    place.broker.save()
    return _end_broker(place, sizes, chance, signal.SIGKILL)


def _end_broker(place: Rig, sizes: Sizes, chance: random.Random, number: signal.Signals) -> Seen:
    for _ in range(sizes.times):
        place.broker.end(number)
        time.sleep(chance.uniform(0.0, 1.0))
        place.broker.start()
        place.wait_subscribed()
        time.sleep(chance.uniform(0.5, 3.0))
    return {}


def fill_evidence_disk(place: Rig, sizes: Sizes, _chance: random.Random) -> Seen:
    """Fill the data directory while findings with pictures come: they wait, the readings flow on."""
    place.register(Device(id=CAMERA, scene="elevator", kind=DeviceKind.CAMERA))
    with sending_findings(place.broker.port) as findings:
        time.sleep(sizes.warm_up_s)
        ballast = fill(place.data)
        time.sleep(2.0)
        events, stored = _events(place), place.stored()
        time.sleep(sizes.lasts_s)
        kept_back, flowed = _events(place) - events, place.stored() - stored
        ballast.unlink()
        sent = findings.finish()
    wait_until(lambda: _events(place) >= sent, timeout_s=FAULT_WITHIN_S, what="every finding is stored")
    files = {path.stem for path in (place.data / "evidence").rglob("*") if path.is_file()}
    shown = {name for (name,) in place.ask("SELECT sha256 FROM evidence")}
    return {
        "findings_sent": sent,
        "findings_stored": _events(place),
        "findings_stored_while_full": kept_back,
        "readings_stored_per_s_while_full": round(flowed / sizes.lasts_s),
        "evidence_rows_without_file": len(shown - files),
        "evidence_files_without_row": len(files - shown),
    }


def fill_database_disk(place: Rig, sizes: Sizes, _chance: random.Random) -> Seen:
    """Fill the disk that PostgreSQL's tables lie on: the collector waits, and nothing is refused."""
    before = place.stored()
    ballast = fill(place.folder / "tables")
    wait_until(
        lambda: "DiskFull" in _log(place) or "No space left" in _log(place),
        timeout_s=FAULT_WITHIN_S,
        what="PostgreSQL says that its disk is full",
    )
    time.sleep(sizes.lasts_s)
    held = place.stored() - before
    ballast.unlink()
    return {"stored_before_it_was_full": held}


def _events(place: Rig) -> int:
    return int(place.ask("SELECT count(*) FROM event")[0][0])


def _log(place: Rig) -> str:
    return place.collector.log.read_text(encoding="utf-8", errors="replace")


def suffer(programme: Programme, sizes: Sizes) -> Outcome:
    """Run one programme under the load."""
    with rig() as place, ExitStack() as around:
        if programme is fill_evidence_disk:
            around.enter_context(small_disk(place.data, DISK_MIB))
        if programme is fill_database_disk:
            around.enter_context(_tables_on_a_small_disk(place))
        around.enter_context(place.collecting())
        return _stream(place, sizes, programme, place.broker.port)


def suffer_cuts(side: str, sizes: Sizes) -> Outcome:
    """Run the load through a cutting proxy on one side: `gateway`, `collector` or `database`."""
    with rig() as place, ExitStack() as around:
        port = free_port()
        if side == "database":
            folder = place.folder / "wire"
            folder.mkdir(mode=0o700)
            ends = (folder / SOCKET_NAME, socket_of(place.database))
            url = f"postgresql://postgres@/gridwatch?host={folder}"
            proxy = around.enter_context(cutter(*ends, seed=SEED, budget=BUDGET_BYTES))
            around.enter_context(place.collecting(database_url=url))
        else:
            here, there = ("127.0.0.1", port), ("127.0.0.1", place.broker.port)
            proxy = around.enter_context(cutter(here, there, seed=SEED, budget=BUDGET_BYTES))
            around.enter_context(place.collecting(mqtt_port=port if side == "collector" else None))

        def cut(_place: Rig, sizes: Sizes, _chance: random.Random) -> Seen:
            proxy.cutting = True
            most_s = FAULT_WITHIN_S + 10 * sizes.times
            wait_until(lambda: proxy.cuts >= sizes.times, timeout_s=most_s, what=f"{sizes.times} cuts")
            proxy.cutting = False
            return {"cuts": proxy.cuts}

        return _stream(place, sizes, cut, port if side == "gateway" else place.broker.port)


def _stream(place: Rig, sizes: Sizes, programme: Programme, port: int) -> Outcome:
    """Publish, let the faults come, wait for the last message and compare."""
    devices = [
        Device(id=device_name(number), scene="fire", kind=DeviceKind.SENSOR)
        for number in range(sizes.devices)
    ]
    place.register(*devices)
    load = Load(
        devices=sizes.devices,
        rate=sizes.rate,
        begin_us=soon_us(),
        step_us=round(1_000_000 / sizes.rate),
    )
    with streaming(port, load) as stream:
        time.sleep(sizes.warm_up_s)
        seen = programme(place, sizes, random.Random(SEED))  # noqa: S311 - repeatable, not secret
        time.sleep(sizes.warm_up_s)
        published = stream.finish()
    caught_up_s = _catch_up(place, published.messages)
    ends = place.collector.ends
    return Outcome(
        faults=sizes.times,
        lasted_s=sizes.lasts_s,
        published=published,
        compared=compare(place.url, load, published.messages),
        caught_up_s=round(caught_up_s, 1),
        collector_ends=ends,
        peak_mib=dict(place.peak_mib),
        seen=seen,
    )


def _catch_up(place: Rig, messages: int) -> float:
    """Wait until all is stored, or nothing more comes; return how long the last one took."""
    began = changed = time.monotonic()
    stored = -1
    while stored < messages and time.monotonic() - changed < QUIET_S:
        if time.monotonic() - began > CAUGHT_UP_WITHIN_S:
            break
        time.sleep(LOOK_S)
        now = _stream_stored(place)
        if now != stored:
            stored, changed = now, time.monotonic()
    return changed - began


def _stream_stored(place: Rig) -> int:
    rows = place.ask("SELECT coalesce(sum(stored), 0)::bigint FROM book WHERE device LIKE 'stream-%'")
    return int(rows[0][0])


@contextmanager
def _tables_on_a_small_disk(place: Rig) -> Iterator[None]:
    """Put the database's tables on a disk of their own; the write-ahead log stays where it was."""
    with small_disk(place.folder / "tables", TABLES_MIB):
        place.database.move_tables(place.folder / "tables")
        try:
            yield
        finally:
            place.database.end(signal.SIGQUIT)
