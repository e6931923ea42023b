"""QoS 1 messages stored per second by one collector, beside `mosquitto_sub | psql` on the same servers."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from bench.publisher import Load, device_name
from bench.sensors import Sensors, publish_all
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row, Spread
from bench.waiting import wait_until
from gridwatch.model import Device, DeviceKind
from gridwatch.store import Store
from gridwatch.store.devices import add_devices

DEVICES = 1_000
QUANTITIES = 4
STORED_WITHIN_S = 180.0
LOOK_S = 0.5
LIMIT_CLIENT = "bench-limit"
LIMIT_PREFIX = "lm"
"""Topics as long as Gridwatch's, which it does not subscribe to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How often, and how many messages each time."""

    pairs: int = 3
    messages: int = 200_000


FULL = Sizes()
QUICK = Sizes(pairs=1, messages=10_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Messages per second, Gridwatch and the limit, pair by pair in the same half minute."""

    gridwatch: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Return Gridwatch's share of the limit, pair by pair."""
        return [ours / limit for ours, limit in zip(self.gridwatch, self.limit, strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """Both ways, and the proof that nothing is missing."""

    live: Rates
    """From the first publish to the last commit, after a first message of each device."""
    queued: Rates
    """What lay in the broker: from the first to the last commit."""
    published: int
    stored: int
    readings: int
    """Rows of readings; four of each message."""
    spreads: dict[str, Spread]


class Ours:
    """Gridwatch, timed by PostgreSQL's own commit time stamps: asking the books often would slow it down."""

    def __init__(self, server: Servers) -> None:
        self._server = server

    def live(self, load: Load, *, collectors: int = 1) -> float:
        """Return messages stored per second while they are published.

        Each device was heard once before, and its number is known: a collector that has just begun looks
        everything up.
        """
        before = self.stored()
        first, rest = load.divided()
        with ExitStack() as stack:
            for _ in range(collectors):
                stack.enter_context(self._server.collector())
            publish_all(self._server.mqtt_port, first)
            self.wait_for(before + first.messages)
            if not load.senml:
                self._wait_for_numbers(first)
            sensors = stack.enter_context(Sensors(self._server.mqtt_port, rest))
            sensors.begin()
            published = sensors.finished()
            self.wait_for(before + load.messages)
        ((ended,),) = self._server.ask(
            "SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM observation"
        )
        return float(rest.messages / (ended - published.began_at))

    def queued(self, load: Load) -> float:
        """Return messages stored per second, after the first batch, when all of them wait in the broker."""
        before = self.stored()
        publish_all(self._server.mqtt_port, load)
        with self._server.collector():
            self.wait_for(before + load.messages)
        commits = self._server.ask(
            """SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at, count(*)
               FROM observation WHERE seq >= %s GROUP BY at ORDER BY at""",
            [load.first_seq],
        )
        (first, in_first), (last, _) = commits[0], commits[-1]
        return float((load.messages - in_first) / (last - first))

    def wait_for(self, stored: int) -> None:
        """Wait until so many are stored."""
        wait_until(
            lambda: self.stored() >= stored,
            timeout_s=STORED_WITHIN_S,
            what=f"{stored} messages are stored",
            step_s=LOOK_S,
        )

    def _wait_for_numbers(self, load: Load) -> None:
        """Wait until each device's next number is known."""
        counted = "SELECT count(*) FROM sequence WHERE next_seq > %s"
        wait_until(
            lambda: self._server.ask(counted, [load.first_seq])[0][0] >= load.devices,
            timeout_s=STORED_WITHIN_S,
            what=f"the numbers of {load.devices} devices are known",
            step_s=LOOK_S,
        )

    def stored(self) -> int:
        """Return how many messages are in the books as stored."""
        ((stored,),) = self._server.ask("SELECT coalesce(sum(stored), 0)::bigint FROM book")
        return int(stored)


class Limit:
    """The same stream as text into one table, by two C programs: no check, no identity, lost on a crash."""

    def __init__(self, server: Servers) -> None:
        self._server = server
        self._topic = f"{LIMIT_PREFIX}/v1/+/readings"

    def live(self, load: Load) -> float:
        """Return messages stored per second while they are published."""
        with (
            self._table(),
            Sensors(self._server.mqtt_port, load) as sensors,
            self._pipe(load.messages) as done,
        ):
            wait_until(self._is_copying, timeout_s=STORED_WITHIN_S, what="psql copies")
            sensors.begin()
            ended = done()
            return load.messages / (ended - sensors.finished().began)

    def queued(self, load: Load) -> float:
        """Return messages stored per second when all of them wait in the broker."""
        with self._table():
            publish_all(self._server.mqtt_port, load)
            began = time.monotonic()
            with self._pipe(load.messages) as done:
                return load.messages / (done() - began)

    @contextmanager
    def _table(self) -> Iterator[None]:
        """Make the table and the broker's session; both are gone afterwards."""
        self._server.ask("CREATE TABLE public.bench_limit (topic text, payload text)")
        self._subscribe("-c", "-E")
        try:
            yield
        finally:
            self._subscribe("-E")
            self._server.ask("DROP TABLE public.bench_limit")

    def _subscribe(self, *flags: str) -> None:
        subprocess.run([*self._mosquitto_sub(), *flags], check=True, timeout=STORED_WITHIN_S)

    @contextmanager
    def _pipe(self, messages: int) -> Iterator[Callable[[], float]]:
        """Run `mosquitto_sub | psql`; give a function that waits for its end and returns when that was."""
        copy = "COPY public.bench_limit (topic, payload) FROM STDIN"
        subscriber = subprocess.Popen(
            [*self._mosquitto_sub(), "-c", "-C", str(messages), "-F", r"%t\t%p"], stdout=subprocess.PIPE
        )
        writer = subprocess.Popen(
            [str(self._server.psql), "-X", "-q", self._server.database_url, "-c", copy],
            stdin=subscriber.stdout,
        )
        if subscriber.stdout is not None:
            subscriber.stdout.close()

        def done() -> float:
            status = writer.wait(STORED_WITHIN_S)
            ended = time.monotonic()
            ((stored,),) = self._server.ask("SELECT count(*) FROM public.bench_limit")
            if status or stored != messages:
                raise RuntimeError(f"the limit stored {stored} of {messages} messages (status {status})")
            return ended

        try:
            yield done
        finally:
            for process in (subscriber, writer):
                process.kill()
                process.wait(STORED_WITHIN_S)

    def _mosquitto_sub(self) -> list[str]:
        address = ["-h", "127.0.0.1", "-p", str(self._server.mqtt_port)]
        return ["mosquitto_sub", *address, "-i", LIMIT_CLIENT, "-q", "1", "-t", self._topic]

    def _is_copying(self) -> bool:
        return bool(
            self._server.ask("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY public.bench_l%'")
        )


def measure(sizes: Sizes) -> Rate:
    """Measure pair by pair; raise RuntimeError when a message is missing."""
    if shutil.which("mosquitto_sub") is None:
        raise RuntimeError("mosquitto_sub is not installed: it is in the package mosquitto-clients")
    with servers(track_commit_timestamp="on") as server:
        register(server, DEVICES)
        with server.collector():
            pass  # from now on the broker keeps messages for it
        live, queued = Rates(), Rates()
        loads = _loads(sizes)
        ours, limit = Ours(server), Limit(server)
        for _ in range(sizes.pairs):
            load = next(loads)
            live.gridwatch.append(ours.live(load))
            live.limit.append(limit.live(replace(load, prefix=LIMIT_PREFIX)))
            load = next(loads)
            queued.gridwatch.append(ours.queued(load))
            queued.limit.append(limit.queued(replace(load, prefix=LIMIT_PREFIX)))
        return _proven(server, sizes, live, queued)


def _loads(sizes: Sizes) -> Iterator[Load]:
    """Yield loads in the past, of which each goes on counting where the one before ended."""
    each = sizes.messages // DEVICES
    begin_t = time.time() - 2 * sizes.pairs * each
    for number in range(2 * sizes.pairs):
        yield Load(devices=DEVICES, messages=sizes.messages, first_seq=number * each, begin_t=begin_t)


def register(server: Servers, count: int) -> None:
    """Register the devices that a load is of."""
    devices = [
        Device(id=device_name(number), scene="fire", kind=DeviceKind.SENSOR) for number in range(count)
    ]

    async def add() -> None:
        async with Store.open(server.database_url, connections=1) as store:
            await add_devices(store, devices)

    asyncio.run(add())


def _proven(server: Servers, sizes: Sizes, live: Rates, queued: Rates) -> Rate:
    published = 2 * sizes.pairs * sizes.messages
    ((stored,),) = server.ask("SELECT count(*) FROM observation")
    ((readings,),) = server.ask("SELECT count(*) FROM readings")
    ((books,),) = server.ask(
        "SELECT json_build_object('received', sum(received), 'stored', sum(stored), 'duplicate', "
        "sum(duplicate), 'quarantined', sum(quarantined)) FROM book"
    )
    if stored != published or readings != QUANTITIES * published or books["stored"] != published:
        raise RuntimeError(
            f"published {published}, stored {stored}, {readings} readings, books {json.dumps(books)}"
        )
    named = {"live": live, "queued": queued}
    return Rate(
        live=live,
        queued=queued,
        published=published,
        stored=stored,
        readings=readings,
        spreads={
            f"{way} {what}": Spread.of(values)
            for way, rates in named.items()
            for what, values in (
                ("gridwatch", rates.gridwatch),
                ("limit", rates.limit),
                ("ratio", rates.ratios),
            )
        },
    )


def rows(found: Rate) -> list[Row]:
    """Return the lines of the table."""
    ways = {
        "live": "QoS 1 messages stored per second by one collector, published at the same time",
        "queued": "the same, all of them waiting in the broker at its start",
    }
    return [
        Row(
            what=what,
            value=f"{found.spreads[f'{way} gridwatch'].text()} msg/s",
            note=(
                f"`mosquitto_sub \\| psql` {found.spreads[f'{way} limit'].text()} msg/s; ratio pair by pair "
                f"{found.spreads[f'{way} ratio'].text('.2f')}; {found.stored:,} of {found.published:,} stored"
            ),
        )
        for way, what in ways.items()
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
