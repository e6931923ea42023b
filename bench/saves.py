"""How much a kill -9 of Mosquitto loses with different save settings, and what they cost.

No collector and no database: a session that is away stands for the collector, and is drained at the end. The
gateway sends again what the broker did not acknowledge, so that what is missing was acknowledged and lost.
"""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.rig import MIB, Broker
from bench.spread import Row
from bench.stream import Load, Published, streaming
from bench.waiting import wait_until

ABSENT = "bench-absent"
TOPIC = "gw/v1/+/readings"
DEVICES = 200
READY_WITHIN_S = 60.0
DRAINED_AFTER_S = 3.0
"""Of silence, once the broker has nothing more for the session."""
SEED = 20261123


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """When Mosquitto saves: after so many changes, or so many seconds."""

    on_changes: bool
    interval: int

    @property
    def text(self) -> str:
        """Return it in words."""
        return f"every {self.interval:,} {'changes' if self.on_changes else 's'}"

    @property
    def options(self) -> dict[str, str]:
        """Return the options of mosquitto.conf."""
        return {
            "autosave_on_changes": "true" if self.on_changes else "false",
            "autosave_interval": str(self.interval),
        }


SETTINGS = (
    *(Setting(on_changes=True, interval=changes) for changes in (100, 1_000, 10_000, 100_000)),
    *(Setting(on_changes=False, interval=seconds) for seconds in (1, 5, 15, 30, 60)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much lies in the broker, and how often it is killed."""

    kills: int = 5
    between_s: float = 10.0
    """On average between two kills; the moment is drawn at random."""
    backlog: int = 100_000
    rate: float = 2_000.0
    flat_out_s: float = 8.0


FULL = Sizes()
QUICK = Sizes(kills=1, between_s=2.0, backlog=5_000, flat_out_s=1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Saving:
    """What one setting costs and loses."""

    setting: str
    present_per_s: float
    """Messages a second, flat out, with the subscriber there."""
    filling_per_s: float
    """The same with the subscriber away, until the backlog lies there."""
    steady_per_s: float
    """Taken of `rate` a second, on top of the backlog, between the kills."""
    longest_silence_s: float
    published: int
    lost: int
    kills: int
    saved_mib: float
    """The last save, with all that is queued in it."""


def measure(setting: Setting, sizes: Sizes) -> Saving:
    """Measure one setting; a broker of its own for each part."""
    with _broker(setting) as broker:
        present = _present(broker, sizes)
    with _broker(setting) as broker:
        _begin_session(broker.port)
        broker.save()
        began = time.monotonic()
        filled = _fill(broker, sizes)
        filling = filled.messages / (time.monotonic() - began)
        published, steady = _killed(broker, sizes)
        saved = broker.saved_bytes / MIB
        received = _drain(broker.port)
    total = filled.messages + published.messages
    return Saving(
        setting=setting.text,
        present_per_s=round(present),
        filling_per_s=round(filling),
        steady_per_s=round(steady),
        longest_silence_s=published.longest_silence_s,
        published=total,
        lost=total - received,
        kills=sizes.kills,
        saved_mib=round(saved, 1),
    )


@contextmanager
def _broker(setting: Setting) -> Iterator[Broker]:
    with TemporaryDirectory(prefix="gridwatch-saves-") as folder:
        broker = Broker(Path(folder) / "broker", setting.options)
        broker.start()
        try:
            yield broker
        finally:
            broker.end(signal.SIGTERM)


def _present(broker: Broker, sizes: Sizes) -> float:
    command = ["mosquitto_sub", "-p", str(broker.port), "-i", "bench-present", "-c", "-q", "1", "-t", TOPIC]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as subscriber:
        try:
            with streaming(broker.port, _load(0.0)) as stream:
                time.sleep(sizes.flat_out_s)
                published = stream.finish()
        finally:
            subscriber.kill()
    return published.messages / published.took_s


def _fill(broker: Broker, sizes: Sizes) -> Published:
    with streaming(broker.port, _load(0.0, most=sizes.backlog)) as stream:
        return stream.wait()


def _killed(broker: Broker, sizes: Sizes) -> tuple[Published, float]:
    """Publish at the steady rate while the broker is killed; return what was published and its rate."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    with streaming(broker.port, _load(sizes.rate)) as stream:
        for _ in range(sizes.kills):
            time.sleep(chance.uniform(0.5, 1.5) * sizes.between_s)
            broker.end(signal.SIGKILL)
            broker.start()
        time.sleep(1.0)
        published = stream.finish()
    return published, published.messages / published.took_s


def _load(rate: float, *, most: int = 0) -> Load:
    return Load(devices=DEVICES, rate=rate, begin_us=time.time_ns() // 1_000, step_us=1, most=most)


class _Absent:
    """The session whose messages the broker keeps."""

    def __init__(self, port: int) -> None:
        self.payloads: set[bytes] = set()
        self.heard = time.monotonic()
        self.subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=ABSENT, clean_session=False)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(TOPIC, qos=1)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: object) -> None:
        self.subscribed = True

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self.payloads.add(message.topic.encode() + message.payload)
        self.heard = time.monotonic()


def _begin_session(port: int) -> None:
    session = _Absent(port)
    wait_until(lambda: session.subscribed, timeout_s=READY_WITHIN_S, what="the session begins")
    session.close()


def _drain(port: int) -> int:
    """Return how many different messages the session holds."""
    session = _Absent(port)
    wait_until(
        lambda: time.monotonic() - session.heard > DRAINED_AFTER_S,
        timeout_s=10 * READY_WITHIN_S,
        what="the session is drained",
    )
    session.close()
    return len(session.payloads)


def rows(found: Saving) -> list[Row]:
    """Return the line of the table."""
    return [
        Row(
            what=f"Mosquitto kill -9 with the collector away, saving {found.setting}, {found.kills}×",
            value=f"{found.lost / found.kills:,.0f} messages lost a kill",
            note=(
                f"{found.lost:,} of {found.published:,}; takes {found.present_per_s:,.0f} msg/s with the "
                f"collector there, {found.filling_per_s:,.0f} without, {found.steady_per_s:,.0f} steadily on "
                f"top of the backlog; longest silence {found.longest_silence_s:g} s; last save "
                f"{found.saved_mib:g} MiB"
            ),
        )
    ]
