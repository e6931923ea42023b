"""Sensors that cost next to nothing: QoS 1 messages, encoded beforehand and sent over plain sockets.

A process of its own, so that the publishers are never what is measured. It says `ready` when everything is
encoded and connected, begins at a line on its standard input, ends early at a second one, and prints one
JSON object at the end.
"""

import argparse
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

PAYLOAD_BYTES = 150
CHUNK = 50
"""Messages in one write to a socket."""
WINDOW = 500
"""Messages of one connection that are not acknowledged yet."""
TICK_S = 0.01
"""Between two looks at the clock where a rate is kept."""
ACKNOWLEDGED_WITHIN_S = 60.0
CONNECTIONS = 4
MOST_ENCODED = 200_000
"""Of messages that are sent again and again: a whole number of rounds of all devices and packet ids."""

STAMP = b"<time-of-sending>"
"""As long as Unix seconds with six decimals."""

PUBLISH_QOS_1 = 0x32
PUBACK = b"\x40\x02"
PUBACK_BYTES = 4
CONNACK_BYTES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is published: message i is of device i % devices, one second of device time after its last."""

    prefix: str = "gw"
    devices: int = 1_000
    messages: int
    first_seq: int = 0
    begin_t: float
    """Unix seconds of the observation with seq 0."""
    rate: float = 0.0
    """Messages per second; 0: as fast as the broker takes them."""
    senml: bool = False
    """Packs of ten readings in the place of one object."""
    stamped: bool = False
    """Whether a message says when it was sent, and has no `seq`; the same ones are sent again and again."""

    def divided(self) -> "tuple[Load, Load]":
        """Return the first message of each device, as fast as can be, and the rest."""
        first = replace(self, messages=self.devices, rate=0.0, stamped=False)
        rest = replace(self, messages=self.messages - self.devices, first_seq=self.first_seq + 1)
        return first, rest


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What a publisher did; times of the monotonic clock, which processes share."""

    acknowledged: int
    began: float
    ended: float
    began_at: float
    """The same as `began` in Unix seconds."""


def device_name(number: int) -> str:
    """Return the id of a device that publishes readings here."""
    return f"bench-{number:04d}"


def payload(seq: int, begin_t: float, number: int) -> bytes:
    """Return a reading of four quantities, none of which alarms anybody."""
    sway = (seq * 7 + number) % 10 / 10
    values = {
        "temperature_c": round(21.0 + sway, 1),
        "humidity_pct": round(48.0 - sway, 1),
        "co_ppm": round(1.0 + sway / 10, 2),
        "pm25_ugm3": round(12.0 + sway, 1),
    }
    said = json.dumps({"t": round(begin_t + seq, 3), "seq": seq, "values": values}).encode()
    return said.ljust(PAYLOAD_BYTES)


def stamped(seq: int, begin_t: float, number: int) -> bytes:
    """Return the same reading without `seq`, with room for the time of its sending."""
    values = payload(seq, begin_t, number).partition(b'"values"')[2]
    return (b'{"t": ' + STAMP + b', "values"' + values).ljust(PAYLOAD_BYTES)


def pack(seq: int, begin_t: float, number: int) -> bytes:
    """Return a SenML pack of ten readings: five seconds of temperature and humidity."""
    sway = (seq * 7 + number) % 10 / 10
    base = {"bn": f"{device_name(number)}:", "bt": round(begin_t + 5 * seq, 3)}
    records: list[dict[str, object]] = [
        {"n": name, "u": unit, "v": round(value + sway, 1), "t": second}
        for second in range(5)
        for name, unit, value in (("temperature", "Cel", 21.0), ("humidity", "%RH", 48.0))
    ]
    records[0] = base | records[0]
    return json.dumps(records).encode()


def packets(load: Load, connection: int, connections: int) -> Iterator[bytes]:
    """Yield the PUBLISH packets of one connection (MQTT 3.1.1, section 3.3)."""
    for count, i in enumerate(range(connection, load.messages, connections)):
        number, seq = i % load.devices, load.first_seq + i // load.devices
        topic = f"{load.prefix}/v1/{device_name(number)}/readings".encode()
        body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", count % 65_535 + 1)
        encode = pack if load.senml else stamped if load.stamped else payload
        body += encode(seq, load.begin_t, number)
        yield bytes([PUBLISH_QOS_1]) + varying_length(len(body)) + body


def varying_length(length: int) -> bytes:
    """Return a remaining length as MQTT writes it."""
    coded = bytearray()
    while True:
        length, digit = divmod(length, 128)
        coded.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(coded)


class Connection:
    """One connection to the broker with all that it will send."""

    def __init__(self, port: int, encoded: Sequence[bytes], messages: int) -> None:
        self.acknowledged = 0
        self._encoded = encoded
        self._messages = messages
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ACKNOWLEDGED_WITHIN_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # MQTT 3.1.1, a clean session, no keep-alive, an id that the broker chooses.
        self._socket.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
        answer = self._socket.recv(CONNACK_BYTES)
        if answer[3:] != b"\x00":
            raise ConnectionError(f"the broker refused: {answer.hex()}")

    def publish(self, rate: float, stop: threading.Event) -> None:
        """Send everything, or until `stop`, and wait for the last acknowledgement.

        A packet that holds STAMP is given the time of its sending.
        """
        began, sent, total = time.monotonic(), 0, self._messages
        while sent < total and not stop.is_set():
            due = total if not rate else min(total, int((time.monotonic() - began) * rate) + 1)
            if due == sent:
                time.sleep(TICK_S)
                continue
            begin = sent % len(self._encoded)
            until = sent + min(due - sent, CHUNK, len(self._encoded) - begin)
            chunk = b"".join(self._encoded[begin : begin + until - sent])
            self._socket.sendall(chunk.replace(STAMP, b"%.6f" % time.time()))
            sent = until
            self._take_acknowledgements(sent - WINDOW)
        self._take_acknowledgements(sent)
        self._socket.sendall(b"\xe0\x00")
        self._socket.close()

    def _take_acknowledgements(self, least: int) -> None:
        while self.acknowledged < least:
            got = self._socket.recv(65_536)
            while len(got) % PUBACK_BYTES:
                got += self._socket.recv(PUBACK_BYTES - len(got) % PUBACK_BYTES)
            if not got or any(got[at : at + 2] != PUBACK for at in range(0, len(got), PUBACK_BYTES)):
                raise ConnectionError("the broker sent something else than an acknowledgement")
            self.acknowledged += len(got) // PUBACK_BYTES


def publish(port: int, load: Load, connections: int) -> Published:
    """Publish `load` when a line comes on standard input."""
    encoded = replace(load, messages=min(load.messages, MOST_ENCODED)) if load.stamped else load
    all_of_them = [
        Connection(
            port, list(packets(encoded, number, connections)), len(range(number, load.messages, connections))
        )
        for number in range(connections)
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    stop = threading.Event()
    threading.Thread(target=_heed, args=(stop,), name="second line", daemon=True).start()
    threads = [
        threading.Thread(
            target=one.publish, args=(load.rate / connections, stop), name=f"connection {number}"
        )
        for number, one in enumerate(all_of_them)
    ]
    began, began_at = time.monotonic(), time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Published(
        acknowledged=sum(one.acknowledged for one in all_of_them),
        began=began,
        ended=time.monotonic(),
        began_at=began_at,
    )


def _heed(stop: threading.Event) -> None:
    if sys.stdin.readline():
        stop.set()


def main() -> None:
    """Read the load from the command line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--load", required=True, help="the fields of Load as JSON")
    given = parser.parse_args()
    published = publish(given.port, Load(**json.loads(given.load)), given.connections)
    print(json.dumps(asdict(published)), flush=True)


if __name__ == "__main__":
    main()
