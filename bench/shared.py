"""MQTT shared subscriptions: what becomes of messages when one of two subscribers is killed in mid-stream.

Why collectors do not use them: they are given out in turn, so that the readings of one device go to both, and
what the broker has given to a dead subscriber waits for that one alone.
"""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench.publisher import Load
from bench.sensors import Sensors
from bench.servers import servers
from bench.show import show
from bench.spread import Row
from bench.waiting import end, wait_until

SUBSCRIPTION = "$share/bench/gw/v1/+/readings"
WINDOW = 500
QUIET_S = 10.0
"""Without a further message: what has not come by then does not come by itself."""
READY_WITHIN_S = 20.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many messages, and how fast."""

    messages: int = 20_000
    rate: float = 2_000.0
    devices: int = 100


FULL = Sizes()
QUICK = Sizes(messages=4_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """Messages, counted by device and number."""

    published: int
    survivor: int
    """Received by the one that lived, until nothing more came."""
    killed: int
    """Received by the other before it was killed."""
    stranded: int
    """Received by none of them, until the killed one came back."""
    lost: int
    """Received by none of them, also after that."""
    devices_split: int
    """Devices whose messages went to both."""


def measure(sizes: Sizes) -> Shared:
    """Publish to two subscribers, kill one in the middle, wait, and start it again."""
    with servers() as server, _subscriber(server.folder, server.mqtt_port, "survivor") as survivor:
        load = Load(messages=sizes.messages, devices=sizes.devices, begin_t=time.time(), rate=sizes.rate)
        with (
            _subscriber(server.folder, server.mqtt_port, "killed", signal.SIGKILL) as killed,
            Sensors(server.mqtt_port, load) as sensors,
        ):
            sensors.begin()
            wait_until(lambda: len(_got(killed)) > sizes.messages / 5, timeout_s=60, what="mid-stream")
            end(killed.process, signal.SIGKILL)
            published = sensors.finished().acknowledged
        before = _got(killed)
        _wait_until_quiet(survivor)
        of_survivor = _got(survivor)
        with _subscriber(server.folder, server.mqtt_port, "killed") as back:
            _wait_until_quiet(back)
            late = _got(back)
        devices = Counter(device for got in (before, of_survivor) for device in {d for d, _ in got})
        return Shared(
            published=published,
            survivor=len(of_survivor),
            killed=len(before),
            stranded=published - len(before | of_survivor),
            lost=published - len(before | of_survivor | late),
            devices_split=sum(1 for count in devices.values() if count == 2),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscriber:
    """A subscriber process and the file in which it writes down what it received."""

    process: subprocess.Popen[bytes]
    file: Path


@contextmanager
def _subscriber(
    folder: Path, port: int, name: str, stop_signal: signal.Signals = signal.SIGTERM
) -> Iterator[Subscriber]:
    file, ready = folder / f"{name}.got", folder / f"{name}.ready"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-m", "bench.shared", "subscribe", str(port), str(file)])
    try:
        wait_until(ready.exists, timeout_s=READY_WITHIN_S, what=f"{name} is subscribed")
        yield Subscriber(process=process, file=file)
    finally:
        end(process, stop_signal)


def _got(subscriber: Subscriber) -> set[tuple[str, str]]:
    """Return device and number of what it received."""
    if not subscriber.file.exists():
        return set()
    lines = subscriber.file.read_text().splitlines()
    return {(device, seq) for device, _, seq in (line.partition(" ") for line in lines)}


def _wait_until_quiet(subscriber: Subscriber) -> None:
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(0.2)
        size = subscriber.file.stat().st_size if subscriber.file.exists() else 0
        if size != seen:
            seen, since = size, time.monotonic()


def subscribe(port: int, file: Path) -> None:
    """Write down each message, then acknowledge it, until the process is ended."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    properties.ReceiveMaximum = WINDOW
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"bench-{file.stem}",
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=True,
    )
    with file.open("ab", buffering=0) as out:

        def take(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
            seq = message.payload.partition(b'"seq": ')[2].partition(b",")[0]
            out.write(message.topic.split("/")[2].encode() + b" " + seq + b"\n")
            client.ack(message.mid, message.qos)

        client.on_message = take
        client.on_subscribe = lambda *_: file.with_suffix(".ready").touch()
        client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        client.subscribe(SUBSCRIPTION, 1)
        client.loop_forever()


def rows(found: Shared) -> list[Row]:
    """Return the line of the table."""
    return [
        Row(
            what="shared subscription (`$share`), one of two subscribers killed -9 in mid-stream",
            value=f"{found.stranded:,} of {found.published:,} messages stranded",
            note=(
                f"received by the survivor {found.survivor:,}, by the other before its end {found.killed:,}; "
                f"lost once that one was back {found.lost:,}; {found.devices_split} devices split to both"
            ),
        )
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["subscribe"]:
        subscribe(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        show(measure, rows, full=FULL, quick=QUICK)
