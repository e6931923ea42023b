"""Framing of what an MQTT broker sends to a subscriber: bytes in, packets out; no sockets.

A whole buffer is framed in one pass; a PUBLISH costs under a microsecond.
"""

from datetime import datetime

from ingest.packets import (
    PROTOCOL_ERROR,
    QOS_UNSUPPORTED,
    SUBSCRIBE_ID,
    TOO_LARGE,
    TOPIC_ALIAS_INVALID,
    Control,
    Delivery,
    Farewell,
    Granted,
    Greeting,
    MalformedPacket,
    Version,
)

CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 0x20, 0x90, 0xB0, 0xD0, 0xE0
QOS_OF_PUBLISH = {0x30: 0, 0x31: 0, 0x32: 1, 0x33: 1, 0x3A: 1, 0x3B: 1}
"""First byte of a PUBLISH to its QoS: retained or not, and with QoS 1 sent again or not."""

_PUBLISH_QOS_2 = frozenset([0x34, 0x35, 0x3C, 0x3D])
_FOR_US = frozenset([CONNACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT, *QOS_OF_PUBLISH])

SESSION_EXPIRY, SERVER_KEEPALIVE, TOPIC_ALIAS = 0x11, 0x13, 0x23

# Properties (section 2.2.2.2) by the packet they may come in, and how long each is.
_BYTE, _TWO, _FOUR, _NUMBER, _STRING, _PAIR = range(6)
_USER = {0x26: _PAIR}
_IN_PUBLISH = {0x01: _BYTE, 0x02: _FOUR, 0x03: _STRING, 0x08: _STRING, 0x09: _STRING, 0x0B: _NUMBER} | _USER
_IN_SUBACK = {0x1F: _STRING} | _USER
_IN_DISCONNECT = {0x1C: _STRING, 0x1F: _STRING} | _USER
_IN_CONNACK = (
    dict.fromkeys((0x24, 0x25, 0x28, 0x29, 0x2A), _BYTE)
    | dict.fromkeys((SERVER_KEEPALIVE, 0x21, 0x22), _TWO)
    | dict.fromkeys((SESSION_EXPIRY, 0x27), _FOUR)
    | dict.fromkeys((0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F), _STRING)
    | _USER
)
_REPEATABLE = frozenset([0x0B, 0x26])


class Reader:
    """What one connection brings, framed; holds at most one packet that is not whole yet.

    The first packet must be CONNACK. A packet of more than `most_bytes` (at least 16 KiB) is malformed as
    soon as its length is read, before memory is taken for it.
    """

    def __init__(self, version: Version, *, most_bytes: int) -> None:
        self._version = version
        self._most_bytes = most_bytes
        self._greeted = False
        self._rest = bytearray()
        self._needed = 0

    def read(self, data: bytes, received_at: datetime) -> tuple[list[Control], list[Delivery]]:
        """Return the packets that are whole with `data`; raises MalformedPacket."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return [], []
            data = bytes(self._rest)
            self._rest = bytearray()
        if data and not self._greeted and data[0] != CONNACK:
            raise MalformedPacket("something came before CONNACK", PROTOCOL_ERROR)
        return self._frame(data, received_at)

    def _frame(self, data: bytes, received_at: datetime) -> tuple[list[Control], list[Delivery]]:
        controls: list[Control] = []
        deliveries: list[Delivery] = []
        deliver = deliveries.append
        qos_of = QOS_OF_PUBLISH.get
        five = self._version is Version.V5
        at, end = 0, len(data)
        while at < end:
            length, body = _read_length(data, at + 1, end)
            after = body + length
            if after - at > self._most_bytes:
                raise MalformedPacket(f"a packet of {after - at} bytes", TOO_LARGE)
            if after > end or not body:
                _check_kind(data[at])
                self._rest += data[at:]
                self._needed = after - at if body else end - at + 1
                break
            qos = qos_of(data[at])
            if qos is None:
                self._take_control(data[at], data[body:after], controls)
                at = after
                continue
            topic_at = body + 2
            if topic_at > after:
                raise MalformedPacket("a PUBLISH without a topic")
            payload_at = topic_end = topic_at + (data[body] << 8 | data[body + 1])
            packet_id = 0
            if qos:
                payload_at += 2
                if payload_at > after:
                    raise MalformedPacket("a PUBLISH that ends before its packet id")
                packet_id = data[topic_end] << 8 | data[topic_end + 1]
                if not packet_id:
                    raise MalformedPacket("packet id 0", PROTOCOL_ERROR)
            if five:
                if payload_at < after and not data[payload_at]:
                    payload_at += 1
                else:
                    payload_at = _read_properties(data, payload_at, after, _IN_PUBLISH)[0]
            if payload_at > after:
                raise MalformedPacket("a PUBLISH that ends within its topic")
            deliver(
                Delivery(
                    _topic(data[topic_at:topic_end]), data[payload_at:after], qos, received_at, packet_id
                )
            )
            at = after
        return controls, deliveries

    def _take_control(self, first: int, body: bytes, controls: list[Control]) -> None:
        _check_kind(first)
        if self._greeted is (first == CONNACK):
            raise MalformedPacket("a second CONNACK", PROTOCOL_ERROR)
        if first == CONNACK:
            self._greeted = True
            controls.append(_greeting(self._version, body))
        elif first == SUBACK:
            controls.append(_granted(self._version, body))
        elif first == DISCONNECT:
            controls.append(_farewell(self._version, body))
        elif first == PINGRESP and body:
            raise MalformedPacket("a PINGRESP with a body")


def _check_kind(first: int) -> None:
    """Refuse what a broker never sends to a subscriber with QoS 1, by its first byte."""
    if first in _PUBLISH_QOS_2:
        raise MalformedPacket("a PUBLISH with QoS 2, which was not subscribed to", QOS_UNSUPPORTED)
    if first not in _FOR_US:
        raise MalformedPacket(f"a packet that begins with 0x{first:02X}")


def _read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a variable byte integer and where it ends; 0, 0 where `data` ends before it does."""
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        if byte < 0x80:
            return value | byte << shift, at
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 21:
            raise MalformedPacket("a length of more than four bytes")
    return 0, 0


def _topic(raw: bytes) -> str:
    """A topic that is not UTF-8 is the broker's fault (it must refuse it from who publishes): malformed."""
    try:
        topic = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedPacket("a topic that is not UTF-8") from error
    if not topic or "\0" in topic or "+" in topic or "#" in topic:
        raise MalformedPacket("an empty topic, or one with a wildcard or NUL")
    return topic


def _read_properties(data: bytes, at: int, end: int, allowed: dict[int, int]) -> tuple[int, dict[int, bytes]]:
    """Return where the properties that begin at `at` end, and each by its identifier, undecoded."""
    length, at = _read_length(data, at, end)
    last = at + length
    if not at or last > end:
        raise MalformedPacket("properties that do not fit their packet")
    found: dict[int, bytes] = {}
    while at < last:
        identifier = data[at]
        if identifier == TOPIC_ALIAS:
            raise MalformedPacket("a topic alias, which was not allowed", TOPIC_ALIAS_INVALID)
        if identifier not in allowed or (identifier in found and identifier not in _REPEATABLE):
            raise MalformedPacket(f"property 0x{identifier:02X} is not allowed here", PROTOCOL_ERROR)
        begin = at + 1
        at = _property_end(data, begin, last, allowed[identifier])
        if at > last:
            raise MalformedPacket("a property that ends beyond its packet")
        found[identifier] = data[begin:at]
    return last, found


def _property_end(data: bytes, at: int, last: int, form: int) -> int:
    """Return where a property's value ends, which may be beyond `last`."""
    if form == _NUMBER:
        return _read_length(data, at, last)[1] or last + 1
    if form < _NUMBER:
        return at + (1, 2, 4)[form]
    for _ in range(2 if form == _PAIR else 1):
        if at + 2 > last:
            return last + 1
        at += 2 + int.from_bytes(data[at : at + 2])
    return at


def _greeting(version: Version, body: bytes) -> Greeting:
    if len(body) < 2 or body[0] > 1:
        raise MalformedPacket("a CONNACK that is too short, or with reserved flags")
    reason = body[1]
    found: dict[int, bytes] = {}
    if version is Version.V311 or (reason and len(body) == 2):
        # A broker without MQTT 5 refuses it in the words of 3.1.1.
        _expect_end(body, 2)
    else:
        end, found = _read_properties(body, 2, len(body), _IN_CONNACK)
        _expect_end(body, end)
    if reason and body[0]:
        raise MalformedPacket("a refusal that remembers a session", PROTOCOL_ERROR)
    keepalive = found.get(SERVER_KEEPALIVE)
    return Greeting(
        reason=reason,
        session_present=bool(body[0]),
        keepalive_s=int.from_bytes(keepalive) if keepalive else None,
    )


def _granted(version: Version, body: bytes) -> Granted:
    if int.from_bytes(body[:2]) != SUBSCRIBE_ID:
        raise MalformedPacket("a SUBACK for no SUBSCRIBE of ours", PROTOCOL_ERROR)
    at = 2
    if version is Version.V5:
        at, _ = _read_properties(body, at, len(body), _IN_SUBACK)
    return Granted(reasons=body[at:])


def _farewell(version: Version, body: bytes) -> Farewell:
    if version is not Version.V5:
        raise MalformedPacket("a DISCONNECT from the broker, which MQTT 3.1.1 does not have")
    if len(body) > 1:
        end, _ = _read_properties(body, 1, len(body), _IN_DISCONNECT)
        _expect_end(body, end)
    return Farewell(reason=body[0] if body else 0)


def _expect_end(body: bytes, at: int) -> None:
    if at != len(body):
        raise MalformedPacket("a packet with something behind its end")
