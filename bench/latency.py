"""Publish → alert at the client of the live stream, beside a bare relay through the same broker."""

import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from threading import Event

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.publisher import Load, device_name
from bench.sensors import Sensors
from bench.show import show
from bench.spread import Row, Spread, quantile
from bench.up import Operator, Up, data_folder, running
from bench.waiting import wait_until

ALERT_WITHIN_S = 10.0
CONNECT_WITHIN_S = 10.0
PAUSE_S = (0.01, 0.05)
"""Between two samples, drawn at random so that no timer of the system keeps step with them."""
WARM_UP = 10
"""Samples that are not counted: first statements, first pages of tables."""
LONGEST_SAMPLE_S = 1.0
"""On average over a round: line, relay and pauses. So much load is prepared."""
BACKGROUND_DEVICES = 1_000
SETTLE_S = 2.0
"""From the first reading of the background load to the first sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much is measured: `rounds` times `samples`, idle and loaded in turn."""

    rounds: int = 3
    samples: int = 100
    background_rate: float = 1_000.0


FULL = Sizes()
QUICK = Sizes(rounds=1, samples=40)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """Quantiles in milliseconds: over all samples, and their spread over the rounds."""

    samples: int
    missed: int
    """Samples without an answer within 10 s."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    p50_by_round: Spread
    p99_by_round: Spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """The main line and the bare relay, idle and under a background load."""

    idle: Tail
    loaded: Tail
    relay_idle: Tail
    relay_loaded: Tail
    background_rate: float
    background_achieved: float


class Relay:
    """Two clients of the broker in this process: what one publishes, the other gets."""

    def __init__(self, port: int) -> None:
        self.publisher, self._subscriber = _client(), _client()
        self._arrived, self._arrived_at = Event(), 0.0
        subscribed = Event()
        self._subscriber.on_subscribe = lambda *_: subscribed.set()
        self._subscriber.on_message = self._on_message
        for client in (self.publisher, self._subscriber):
            client.connect("127.0.0.1", port)
            client.loop_start()
        wait_until(self.publisher.is_connected, timeout_s=CONNECT_WITHIN_S, what="the relay connects")
        self._subscriber.subscribe("bench/relay", qos=1)
        if not subscribed.wait(CONNECT_WITHIN_S):
            raise TimeoutError("the relay is not subscribed")

    def sample(self) -> float | None:
        """Return the seconds from publish to arrival."""
        self._arrived.clear()
        began = time.perf_counter()
        self.publisher.publish("bench/relay", _alarm(), qos=1)
        return self._arrived_at - began if self._arrived.wait(ALERT_WITHIN_S) else None

    def close(self) -> None:
        """Disconnect both."""
        for client in (self.publisher, self._subscriber):
            client.disconnect()
            client.loop_stop()

    def _on_message(self, *_: object) -> None:
        self._arrived_at = time.perf_counter()
        self._arrived.set()


class Line:
    """The main line: a fresh device for each sample, since each alert takes further events of its device."""

    def __init__(self, operator: Operator, relay: Relay, devices: int) -> None:
        self._operator = operator
        self._publisher = relay.publisher
        names = [f"alarm-{number:05d}" for number in range(devices)]
        operator.register(names)
        self._fresh = iter(names)

    def sample(self) -> float | None:
        """Return the seconds from publish to the alert at the client."""
        device = next(self._fresh)
        began = time.perf_counter()
        self._publisher.publish(f"gw/v1/{device}/readings", _alarm(), qos=1)
        seen_at = self._operator.alert_of(device, timeout_s=ALERT_WITHIN_S)
        return None if seen_at is None else seen_at - began


def measure(sizes: Sizes) -> Latency:
    """Start an installation and measure idle and loaded in turn."""
    with data_folder() as data, running(data, "--no-simulate") as up:
        operator = Operator(up.port)
        operator.register([device_name(number) for number in range(BACKGROUND_DEVICES)])
        relay = Relay(up.mqtt_port)
        line = Line(operator, relay, WARM_UP + 2 * sizes.rounds * sizes.samples)
        with operator.watching():
            for _ in range(WARM_UP):
                line.sample()
            return _rounds(sizes, up, line, relay)


def _rounds(sizes: Sizes, up: Up, line: Line, relay: Relay) -> Latency:
    found: dict[tuple[str, bool], list[list[float | None]]] = {}
    achieved: list[float] = []
    began_t = time.time()
    for _ in range(sizes.rounds):
        for loaded in (False, True):
            with _background(sizes, up, began_t, achieved) if loaded else nullcontext():
                for name, one in (("line", line), ("relay", relay)):
                    found.setdefault((name, loaded), []).append(_samples(one, sizes.samples))
    relay.close()
    return Latency(
        idle=_tail(found["line", False]),
        loaded=_tail(found["line", True]),
        relay_idle=_tail(found["relay", False]),
        relay_loaded=_tail(found["relay", True]),
        background_rate=sizes.background_rate,
        background_achieved=min(achieved),
    )


@contextmanager
def _background(sizes: Sizes, up: Up, began_t: float, achieved: list[float]) -> Iterator[None]:
    """Publish readings of many devices for the length of the block; raise RuntimeError when they run out."""
    seconds = SETTLE_S + LONGEST_SAMPLE_S * sizes.samples
    load = Load(
        devices=BACKGROUND_DEVICES,
        messages=int(sizes.background_rate * seconds),
        first_seq=int(time.time() - began_t) + 1,
        begin_t=began_t,
        rate=sizes.background_rate,
    )
    with Sensors(up.mqtt_port, load) as sensors:
        sensors.begin()
        time.sleep(SETTLE_S)
        yield
        needed_until = time.monotonic()
        sensors.stop()
        done = sensors.finished()
        if done.ended < needed_until:
            raise RuntimeError("the samples took longer than the load beside them")
        achieved.append(done.acknowledged / (done.ended - done.began))


def _samples(one: Line | Relay, count: int) -> list[float | None]:
    pause = random.Random(count)  # noqa: S311 - no secret
    samples = []
    for _ in range(count):
        samples.append(one.sample())
        time.sleep(pause.uniform(*PAUSE_S))
    return samples


def _tail(rounds: Sequence[Sequence[float | None]]) -> Tail:
    answered = [[1e3 * s for s in samples if s is not None] for samples in rounds]
    everything = [sample for samples in answered for sample in samples]
    return Tail(
        samples=len(everything),
        missed=sum(sample is None for samples in rounds for sample in samples),
        p50_ms=quantile(everything, 0.5),
        p99_ms=quantile(everything, 0.99),
        max_ms=max(everything),
        p50_by_round=Spread.of([quantile(samples, 0.5) for samples in answered if samples]),
        p99_by_round=Spread.of([quantile(samples, 0.99) for samples in answered if samples]),
    )


def _client() -> paho.Client:
    return paho.Client(CallbackAPIVersion.VERSION2)


def _alarm() -> bytes:
    return json.dumps({"t": time.time(), "values": {"smoke_alarm": 1, "temperature_c": 24.1}}).encode()


def rows(found: Latency) -> list[Row]:
    """Return the lines of the table."""
    return [
        _row("publish → alert at the SSE client, idle", found.idle, found.relay_idle),
        _row(
            f"the same under {found.background_achieved:,.0f} msg/s of readings from {BACKGROUND_DEVICES:,} "
            "devices",
            found.loaded,
            found.relay_loaded,
        ),
    ]


def _row(what: str, line: Tail, relay: Tail) -> Row:
    return Row(
        what=what,
        value=f"p50 {line.p50_ms:.1f} ms, p99 {line.p99_ms:.1f} ms",
        note=(
            f"{line.samples} samples, {line.missed} missed; over the rounds p50 "
            f"{line.p50_by_round.text('.1f')}, p99 {line.p99_by_round.text('.1f')} ms; bare relay p50 "
            f"{relay.p50_ms:.2f}, p99 {relay.p99_ms:.2f} ms; ratio {line.p50_ms / relay.p50_ms:.0f}× and "
            f"{line.p99_ms / relay.p99_ms:.0f}×"
        ),
    )


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
