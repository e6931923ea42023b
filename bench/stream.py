"""A gateway that loses nothing itself, and the comparison of what it published with what is stored.

A process of its own: it publishes numbered QoS 1 messages at a steady rate, keeps each until the broker has
acknowledged it, and sends what is not acknowledged again after a reconnect, the same bytes. What it could not
send in time it sends later. It says `ready` at the start, stops at a line on its standard input, and prints
what it published as one JSON object once all is acknowledged.
"""

import argparse
import json
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial

import psycopg

from bench.publisher import PUBACK, PUBACK_BYTES, PUBLISH_QOS_1, varying_length
from gridwatch.store.connection import with_session_options

CLIENT = "bench-stream"
WINDOW = 1_000
"""Messages that are not acknowledged yet."""
CHUNK = 50
START_US = 1_500_000
"""That a gateway's process may take to start."""
TICK_S = 0.005
SILENCE_S = 10.0
"""Without any acknowledgement while some are due: the connection is taken for dead."""
RECONNECT_S = 0.1
DUPLICATE_FLAG = 0x08
DISCONNECT = b"\xe0\x00"
QUANTITIES = 4
FINISHED_WITHIN_S = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Message i is of device i % devices, with seq i // devices, observed i steps after the first."""

    devices: int
    rate: float
    """Messages per second; 0: as fast as the broker takes them."""
    begin_us: int
    """Unix microseconds of message 0; nothing is sent before."""
    step_us: int = 500
    most: int = 0
    """Messages; 0: until told to stop."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What the gateway did."""

    messages: int
    """All of them acknowledged by the broker."""
    resent: int
    reconnects: int
    took_s: float
    longest_silence_s: float
    """Without an acknowledgement, on one connection, while some were due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The publisher's own list beside the database, message by message."""

    published: int
    lost: int
    """Without an identity, or with fewer readings than were sent."""
    twice: int
    """With two identities, or more readings than were sent."""
    strangers: int
    """Stored under a device and time that was never published."""
    books_wrong: int
    """Devices whose books don't balance, or show another number stored than was published."""
    received: int
    duplicate: int
    quarantined: int
    skipped: int


def soon_us() -> int:
    """Return a moment at which a gateway that starts now can begin."""
    return time.time_ns() // 1_000 + START_US


def device_name(number: int) -> str:
    """Return the id of a device of the stream."""
    return f"stream-{number:04d}"


def reading(load: Load, i: int) -> tuple[str, bytes]:
    """Return topic and payload of message i: four quantities that alarm nobody."""
    number, seq = i % load.devices, i // load.devices
    t_us = load.begin_us + i * load.step_us
    sway = (seq * 7 + number) % 10 / 10
    payload = (
        f'{{"t": {t_us // 1_000_000}.{t_us % 1_000_000:06d}, "seq": {seq}, "values": {{"temperature_c": '
        f'{21 + sway:.1f}, "humidity_pct": {48 - sway:.1f}, "co2_ppm": {420 + sway:.1f}, "pm25_ugm3": '
        f"{12 + sway:.1f}}}}}"
    )
    return f"gw/v1/{device_name(number)}/readings", payload.encode()


def packet(topic: str, payload: bytes, mid: int) -> bytes:
    """Return a PUBLISH packet of QoS 1 (MQTT 3.1.1, section 3.3)."""
    name = topic.encode()
    body = struct.pack("!H", len(name)) + name + struct.pack("!H", mid) + payload
    return bytes([PUBLISH_QOS_1]) + varying_length(len(body)) + body


class Gateway:
    """Publishes for as long as it is told to, and until everything is acknowledged.

    `message` gives topic and payload of message i; it is asked once for each, in order.
    """

    def __init__(
        self,
        port: int,
        client: str,
        *,
        message: Callable[[int], tuple[str, bytes]],
        rate: float,
        stop: threading.Event,
        most: int = 0,
    ) -> None:
        self._port = port
        self._client = client
        self._message = message
        self._rate = rate
        self._most = most
        self._stop = stop
        self.given_out = 0
        """Messages that are its duty, whether the broker has them or not."""
        self._unacknowledged: OrderedDict[int, bytes] = OrderedDict()
        self._resent = self._connections = 0
        self._longest_silence_s = 0.0
        self._began = time.monotonic()

    def run(self) -> Published:
        """Publish until `stop`, whatever happens to the connection."""
        while not self._is_finished():
            try:
                with self._connect() as connection:
                    self._serve(connection)
            except OSError:
                time.sleep(RECONNECT_S)
        return Published(
            messages=self.given_out,
            resent=self._resent,
            reconnects=self._connections - 1,
            took_s=round(time.monotonic() - self._began, 2),
            longest_silence_s=round(self._longest_silence_s, 2),
        )

    def _is_finished(self) -> bool:
        return self._is_stopped() and not self._unacknowledged

    def _is_stopped(self) -> bool:
        return self._stop.is_set() or self.given_out == self._most > 0

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=SILENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # MQTT 3.1.1, the session is kept, no keep-alive.
        name = self._client.encode()
        body = b"\x00\x04MQTT\x04\x00\x00\x00" + struct.pack("!H", len(name)) + name
        connection.sendall(b"\x10" + varying_length(len(body)) + body)
        answer = connection.recv(4)
        if len(answer) < 4 or answer[3]:
            connection.close()
            raise ConnectionError(f"the broker refused: {answer.hex()}")
        self._connections += 1
        return connection

    def _serve(self, connection: socket.socket) -> None:
        for again in self._unacknowledged.values():
            connection.sendall(bytes([again[0] | DUPLICATE_FLAG]) + again[1:])
            self._resent += 1
        heard, rest = time.monotonic(), b""
        while not self._is_finished():
            self._send(connection)
            if select.select([connection], [], [], TICK_S)[0]:
                got = connection.recv(65_536)
                if not got:
                    raise ConnectionError("the broker hung up")
                rest = self._take_acknowledgements(rest + got)
                self._longest_silence_s = max(self._longest_silence_s, time.monotonic() - heard)
                heard = time.monotonic()
            elif self._unacknowledged and time.monotonic() - heard > SILENCE_S:
                raise ConnectionError("the broker is silent")
            elif not self._unacknowledged:
                heard = time.monotonic()
        connection.sendall(DISCONNECT)

    def _send(self, connection: socket.socket) -> None:
        if self._is_stopped():
            return
        room = min(CHUNK, WINDOW - len(self._unacknowledged))
        if self._most:
            room = min(room, self._most - self.given_out)
        if self._rate:
            due = int((time.monotonic() - self._began) * self._rate) + 1
            room = min(room, due - self.given_out)
        packets = []
        for _ in range(room):
            mid = self.given_out % 65_535 + 1
            packets.append(packet(*self._message(self.given_out), mid))
            self._unacknowledged[mid] = packets[-1]
            self.given_out += 1
        if packets:
            connection.sendall(b"".join(packets))

    def _take_acknowledgements(self, got: bytes) -> bytes:
        whole = len(got) - len(got) % PUBACK_BYTES
        for at in range(0, whole, PUBACK_BYTES):
            if got[at : at + 2] != PUBACK:
                raise ConnectionError("the broker sent something else than an acknowledgement")
            self._unacknowledged.pop(int.from_bytes(got[at + 2 : at + 4], "big"), None)
        return got[whole:]


class Stream:
    """The gateway's process as its owner sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def finish(self) -> Published:
        """Tell it to stop; return what it published once the broker has all of it."""
        return self._result("stop\n")

    def wait(self) -> Published:
        """Return what it published once the broker has the last of its `most` messages."""
        return self._result(None)

    def _result(self, said: str | None) -> Published:
        out, _ = self._process.communicate(said, timeout=FINISHED_WITHIN_S)
        return Published(**json.loads(out))


@contextmanager
def streaming(port: int, load: Load) -> Iterator[Stream]:
    """Run a gateway for the length of the block."""
    given = [word for name, value in asdict(load).items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stream", "--port", str(port), *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError("the gateway did not begin")
        yield Stream(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def compare(database_url: str, load: Load, published: int) -> Comparison:
    """Compare every message that was published with the identities, the readings and the books."""
    identities, readings = Counter[int](), Counter[int]()
    stored: Counter[str] = Counter(device_name(i % load.devices) for i in range(min(published, load.devices)))
    for number in range(min(published, load.devices)):
        stored[device_name(number)] = len(range(number, published, load.devices))
    with psycopg.connect(with_session_options(database_url)) as connection:
        for query, counts in ((IDENTITIES, identities), (READINGS, readings)):
            with connection.cursor(name="compare") as cursor:
                for device, at_us, seq, count in cursor.execute(query):
                    counts[_index(load, published, device, at_us, seq)] += count
        books = connection.execute(BOOKS).fetchall()
    wrong = {
        device
        for device, received, stored_, duplicate, quarantined, skipped in books
        if received != stored_ + duplicate + quarantined + skipped or stored_ != stored[device]
    }
    wrong |= stored.keys() - {book[0] for book in books}
    messages = range(published)
    return Comparison(
        published=published,
        lost=sum(not identities[i] or readings[i] < QUANTITIES for i in messages),
        twice=sum(identities[i] > 1 or readings[i] > QUANTITIES for i in messages),
        strangers=identities[STRANGER] + readings[STRANGER],
        books_wrong=len(wrong),
        received=sum(book[1] for book in books),
        duplicate=sum(book[3] for book in books),
        quarantined=sum(book[4] for book in books),
        skipped=sum(book[5] for book in books),
    )


STRANGER = -1

IDENTITIES = """
SELECT d.id, (extract(epoch FROM o.observed_at) * 1000000)::bigint, o.seq, count(*)
FROM observation o JOIN device d ON d.key = o.device_key WHERE d.id LIKE 'stream-%' GROUP BY 1, 2, 3"""

READINGS = """
SELECT device, (extract(epoch FROM observed_at) * 1000000)::bigint, NULL::bigint, count(*)
FROM gw.readings WHERE device LIKE 'stream-%' GROUP BY 1, 2"""

BOOKS = """
SELECT device, received, stored, duplicate, quarantined, skipped FROM book WHERE device LIKE 'stream-%'"""


def _index(load: Load, published: int, device: str, at_us: int, seq: int | None) -> int:
    """Return which message this is, STRANGER where none was published so."""
    i, rest = divmod(at_us - load.begin_us, load.step_us)
    if rest or not 0 <= i < published or device != device_name(i % load.devices):
        return STRANGER
    return i if seq in {None, i // load.devices} else STRANGER


def main() -> None:
    """Publish from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    for name in ("devices", "begin_us", "step_us", "most"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = vars(parser.parse_args())
    port = given.pop("port")
    stop = threading.Event()

    def wait_for_line() -> None:
        if sys.stdin.readline():
            stop.set()

    print("ready", flush=True)
    threading.Thread(target=wait_for_line, name="stop", daemon=True).start()
    load = Load(**given)
    time.sleep(max(0.0, load.begin_us / 1e6 - time.time()))
    gateway = Gateway(port, CLIENT, message=partial(reading, load), rate=load.rate, stop=stop, most=load.most)
    print(json.dumps(asdict(gateway.run())), flush=True)


if __name__ == "__main__":
    main()
