"""The broker's side of MQTT for clients of a bridge: bytes in, packets out, and what is answered; no sockets.

Versions 3.1, 3.1.1 and 5 with QoS 0 and 1. Sections named here are those of the OASIS standard, MQTT 5.0.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gridwatch.errors import GridwatchError
from gridwatch.protobuf import variable_byte_integer

MOST_BYTES = 256 * 1024
"""Of a packet: four times what ThingsBoard takes."""
WINDOW = 64
"""Publications of a client that are not acknowledged yet; MQTT 5 clients are told."""

V31, V311, V5 = 3, 4, 5
PROTOCOLS = {("MQIsdp", V31), ("MQTT", V311), ("MQTT", V5)}

PUBLISH = 3
FLAGS = {1: 0, 4: 0, 8: 2, 10: 2, 12: 0, 14: 0}
"""Of what else a client sends: CONNECT, PUBACK, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT."""

TOPIC_ALIAS = 0x23
_BYTE, _TWO, _FOUR, _NUMBER, _STRING, _PAIR = range(6)
PROPERTIES = (
    dict.fromkeys((0x01, 0x17, 0x19), _BYTE)
    | dict.fromkeys((0x21, TOPIC_ALIAS, 0x22), _TWO)
    | dict.fromkeys((0x02, 0x11, 0x18, 0x27), _FOUR)
    | {0x0B: _NUMBER, 0x26: _PAIR}
    | dict.fromkeys((0x03, 0x08, 0x09, 0x15, 0x16, 0x1F), _STRING)
)
"""What a client may send, by how long each is (section 2.2.2.2)."""


class ProtocolViolation(GridwatchError):
    """A client sent what MQTT does not allow, or more than is taken; its connection must end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Connect:
    """CONNECT; a will is read over."""

    version: int
    client_id: str
    keepalive_s: int
    username: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Publish:
    """PUBLISH; `packet_id` is 0 with QoS 0."""

    topic: str
    payload: bytes
    packet_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscribe:
    """SUBSCRIBE, or with `leave` UNSUBSCRIBE."""

    packet_id: int
    filters: Sequence[str]
    leave: bool = False


@dataclass(frozen=True, slots=True)
class Ping:
    """PINGREQ."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """DISCONNECT."""


Packet: TypeAlias = Connect | Publish | Subscribe | Ping | Disconnect


class ClientReader:
    """What one client sends, framed; the first packet is CONNECT, and no other is."""

    def __init__(self) -> None:
        self.version = 0
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are whole with `data`; raises ProtocolViolation."""
        self._rest += data
        packets: list[Packet] = []
        while (framed := self._frame()) is not None:
            packet = self._read(*framed)
            if packet is not None:
                packets.append(packet)
        return packets

    def _frame(self) -> tuple[int, bytes] | None:
        if not self._rest:
            return None
        if not self.version and self._rest[0] != 0x10:
            raise ProtocolViolation("the first packet is not CONNECT")
        length, at = _length(bytes(self._rest[1:5]))
        if not at:
            return None
        if length > MOST_BYTES:
            raise ProtocolViolation(f"a packet of {length} bytes: at most {MOST_BYTES} are taken")
        body = 1 + at
        if len(self._rest) < body + length:
            return None
        framed = self._rest[0], bytes(self._rest[body : body + length])
        del self._rest[: body + length]
        return framed

    def _read(self, first: int, body: bytes) -> Packet | None:
        try:
            return self._packet(first, _Body(body))
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise ProtocolViolation("a packet that ends too early, or text that is not UTF-8") from error

    def _packet(self, first: int, body: "_Body") -> Packet | None:
        kind, flags = first >> 4, first & 0x0F
        if kind == PUBLISH:
            return self._publish(flags, body)
        if FLAGS.get(kind) != flags:
            raise ProtocolViolation(f"a packet that begins with 0x{first:02X}")
        match kind:
            case 1:
                return self._connect(body)
            case 8 | 10:
                return self._subscribe(body, leave=kind == 10)
            case 12:
                return Ping()
            case 14:
                return Disconnect()
        return None  # PUBACK: nothing waits for it, commands are sent with QoS 0.

    def _connect(self, body: "_Body") -> Connect:
        if self.version:
            raise ProtocolViolation("a second CONNECT")
        protocol = body.text(), body.byte()
        if protocol not in PROTOCOLS:
            raise UnknownVersion(f"{protocol[0][:10]!r} version {protocol[1]} is not spoken")
        self.version = protocol[1]
        has = body.byte()
        if has & 1:
            raise ProtocolViolation("CONNECT with its reserved flag")
        keepalive_s = body.two()
        self._properties(body)
        client_id = body.text()
        if has & 0x04:
            self._properties(body)
            body.text()
            body.take(body.two())
        username = body.text() if has & 0x80 else None
        if has & 0x40:
            body.take(body.two())
        body.end()
        return Connect(version=self.version, client_id=client_id, keepalive_s=keepalive_s, username=username)

    def _publish(self, flags: int, body: "_Body") -> Publish:
        qos = flags >> 1 & 3
        if qos > 1:
            raise ProtocolViolation("a PUBLISH with QoS 2: at most 1 is taken")
        topic = body.text()
        if not topic or {"+", "#", "\0"} & set(topic):
            raise ProtocolViolation("a PUBLISH without a topic, or with a wildcard in it")
        packet_id = body.two() if qos else 0
        if qos and not packet_id:
            raise ProtocolViolation("a PUBLISH with packet id 0")
        self._properties(body)
        return Publish(topic=topic, payload=body.rest(), packet_id=packet_id)

    def _subscribe(self, body: "_Body", *, leave: bool) -> Subscribe:
        packet_id = body.two()
        self._properties(body)
        filters = []
        while body.more():
            filters.append(body.text())
            if not leave:
                body.byte()
        if not filters:
            raise ProtocolViolation("a SUBSCRIBE or UNSUBSCRIBE without a topic filter")
        return Subscribe(packet_id=packet_id, filters=filters, leave=leave)

    def _properties(self, body: "_Body") -> None:
        """Read over the properties that MQTT 5 has; none of them changes what a bridge does."""
        if self.version != V5:
            return
        inside = _Body(body.take(body.number()))
        while inside.more():
            identifier = inside.byte()
            if identifier == TOPIC_ALIAS:
                raise ProtocolViolation("a topic alias, which was not allowed")
            if identifier not in PROPERTIES:
                raise ProtocolViolation(f"property 0x{identifier:02X} is not one a client sends")
            form = PROPERTIES[identifier]
            if form == _NUMBER:
                inside.number()
            elif form < _NUMBER:
                inside.take((1, 2, 4)[form])
            else:
                for _ in range(2 if form == _PAIR else 1):
                    inside.take(inside.two())


class UnknownVersion(ProtocolViolation):
    """A client speaks a version of MQTT that is not taken."""


class _Body:
    """A packet's bytes, read from the front; raises IndexError where they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise IndexError
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def two(self) -> int:
        return int.from_bytes(self.take(2))

    def text(self) -> str:
        return self.take(self.two()).decode()

    def number(self) -> int:
        value, length = _length(self._data[self._at : self._at + 4])
        if not length:
            raise IndexError
        self._at += length
        return value

    def more(self) -> bool:
        return self._at < len(self._data)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        if self.more():
            raise ProtocolViolation("a packet with something behind its end")


def _length(data: bytes) -> tuple[int, int]:
    """Return a variable byte integer and its length; 0, 0 where it has not ended yet (section 1.5.5)."""
    value = 0
    for at, byte in enumerate(data[:4]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, at + 1
    if len(data) >= 4:
        raise ProtocolViolation("a length of more than four bytes")
    return 0, 0


# What is answered.

PONG = b"\xd0\x00"
ACCEPTED, UNAVAILABLE, NO_USERNAME, NOT_AUTHORIZED, WRONG_VERSION = 0, 3, 4, 5, 1
REASONS_OF_5 = {
    ACCEPTED: 0x00,
    UNAVAILABLE: 0x88,
    NO_USERNAME: 0x86,
    NOT_AUTHORIZED: 0x87,
    WRONG_VERSION: 0x84,
}


def connack(version: int, code: int, *, assigned: str = "") -> bytes:
    """Return CONNACK: nothing is remembered from an earlier session, nor after this one.

    MQTT 5 is told what is taken, and the client id that it was `assigned`.
    """
    if version != V5:
        return b"\x20\x02\x00" + bytes([code])
    properties = struct.pack(">BIBHBBBI", 0x11, 0, 0x21, WINDOW, 0x24, 1, 0x27, MOST_BYTES)
    if assigned:
        properties += b"\x12" + _text(assigned)
    return _packet(0x20, bytes([0, REASONS_OF_5[code]]) + variable_byte_integer(len(properties)) + properties)


def puback(packet_id: int) -> bytes:
    """Return PUBACK; without a reason it is the same in all versions."""
    return b"\x40\x02" + packet_id.to_bytes(2)


def suback(version: int, packet_id: int, count: int) -> bytes:
    """Return SUBACK: all that was asked for is granted with QoS 0."""
    properties = b"\0" if version == V5 else b""
    return _packet(0x90, packet_id.to_bytes(2) + properties + bytes(count))


def unsuback(version: int, packet_id: int, count: int) -> bytes:
    """Return UNSUBACK."""
    return _packet(0xB0, packet_id.to_bytes(2) + (b"\0" + bytes(count) if version == V5 else b""))


def publish(version: int, topic: str, payload: bytes) -> bytes:
    """Return PUBLISH with QoS 0."""
    return _packet(0x30, _text(topic) + (b"\0" if version == V5 else b"") + payload)


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + variable_byte_integer(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded
