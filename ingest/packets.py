"""The MQTT packets of a client that only subscribes, versions 5 and 3.1.1: what each holds, and how ours are
written. No sockets. Sections named here are those of the OASIS standard, MQTT 5.0.
"""

import struct
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum

import msgspec

from gridwatch.errors import BrokerError
from gridwatch.protobuf import variable_byte_integer


class Version(IntEnum):
    """A version of the protocol by the number that CONNECT carries."""

    V311 = 4
    V5 = 5

    def __str__(self) -> str:
        return "5" if self is Version.V5 else "3.1.1"


class Delivery(msgspec.Struct, gc=False, eq=False):
    """One message as the broker delivered it; `done` marks that it may be acknowledged."""

    topic: str
    payload: bytes
    qos: int
    received_at: datetime
    packet_id: int
    """0 with QoS 0."""
    done: bool = False


class Greeting(msgspec.Struct, frozen=True):
    """CONNACK: whether the broker takes us, and whether it remembers us."""

    reason: int
    session_present: bool
    keepalive_s: int | None
    """What the broker demands instead of what we asked for; None where it demands nothing."""


class Granted(msgspec.Struct, frozen=True):
    """SUBACK: one reason per topic filter; 0x80 and more are refusals."""

    reasons: bytes


class Farewell(msgspec.Struct, frozen=True):
    """DISCONNECT from the broker, which only MQTT 5 has."""

    reason: int


Control = Greeting | Granted | Farewell

MALFORMED, PROTOCOL_ERROR, TOO_LARGE, TOPIC_ALIAS_INVALID, QOS_UNSUPPORTED = 0x81, 0x82, 0x95, 0x94, 0x9B
UNSUPPORTED_VERSION = (0x01, 0x84)
"""How a broker of 3.1.1, and one of 5, refuses the version of a CONNECT."""

REASONS = {
    0x00: "no reason given",
    0x01: "it does not speak this version of MQTT",
    0x02: "it does not accept this client id",
    0x03: "it is not available",
    0x04: "wrong user name or password (GRIDWATCH_MQTT_URL)",
    0x05: "this user may not connect (GRIDWATCH_MQTT_URL)",
    0x80: "no reason given",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "a reason of its own",
    0x84: "it does not speak this version of MQTT",
    0x85: "it does not accept this client id",
    0x86: "wrong user name or password (GRIDWATCH_MQTT_URL)",
    0x87: "this user is not allowed to (GRIDWATCH_MQTT_URL)",
    0x88: "it is not available",
    0x89: "it is busy",
    0x8A: "this client is banned",
    0x8B: "it is shutting down",
    0x8C: "it wants another way of authentication",
    0x8D: "it heard nothing within the keep-alive time",
    0x8E: "another connection took over this client id",
    0x8F: "it does not accept this topic filter",
    0x90: "it does not accept this topic",
    0x93: "more messages in flight than allowed",
    0x94: "topic alias not allowed",
    0x95: "packet too large",
    0x96: "too many messages",
    0x97: "a quota is used up",
    0x98: "an administrator ended the connection",
    0x9C: "use another server",
    0x9D: "it has moved",
    0x9E: "it has no shared subscriptions",
    0x9F: "too many connections",
    0xA0: "connected for too long",
    0xA2: "it has no wildcard subscriptions",
}


def reason_text(reason: int) -> str:
    """Return a reason code in words."""
    return REASONS.get(reason, f"reason 0x{reason:02X}")


class MalformedPacket(BrokerError):
    """The broker sent what MQTT does not allow; the connection must end with `reason`."""

    def __init__(self, text: str, reason: int = MALFORMED) -> None:
        super().__init__(text)
        self.reason = reason


# What we send.

PING = b"\xc0\x00"
SUBSCRIBE_ID, UNSUBSCRIBE_ID = 1, 2
"""Only one SUBSCRIBE and one UNSUBSCRIBE are ever in flight."""


def connect(
    version: Version,
    client_id: str,
    *,
    keepalive_s: int,
    session_expiry_s: int,
    window: int,
    most_bytes: int,
    username: str | None,
    password: str | None,
) -> bytes:
    """Return CONNECT for a session that outlives the connection."""
    flags = (username is not None) << 7 | (password is not None) << 6
    body = _text("MQTT") + struct.pack(">BBH", version, flags, keepalive_s)
    if version is Version.V5:
        properties = struct.pack(">BIBHBI", 0x11, session_expiry_s, 0x21, window, 0x27, most_bytes)
        body += variable_byte_integer(len(properties)) + properties
    body += _text(client_id)
    if username is not None:
        body += _text(username)
    if password is not None:
        body += _text(password)
    return _packet(0x10, body)


def subscribe(version: Version, topics: Sequence[str]) -> bytes:
    """Return SUBSCRIBE with QoS 1."""
    body = struct.pack(">H", SUBSCRIBE_ID) + (b"\0" if version is Version.V5 else b"")
    return _packet(0x82, body + b"".join(_text(topic) + b"\x01" for topic in topics))


def unsubscribe(version: Version, topics: Sequence[str]) -> bytes:
    """Return UNSUBSCRIBE; its answer says nothing that matters."""
    body = struct.pack(">H", UNSUBSCRIBE_ID) + (b"\0" if version is Version.V5 else b"")
    return _packet(0xA2, body + b"".join(map(_text, topics)))


def acknowledge(packet_ids: Sequence[int]) -> bytes:
    """Return one PUBACK after another; each is four bytes, so a number of 32 bits."""
    return struct.pack(f">{len(packet_ids)}I", *[0x4002_0000 | packet_id for packet_id in packet_ids])


def disconnect(version: Version, reason: int = 0) -> bytes:
    """Return DISCONNECT; 3.1.1 has no reasons, and forbids it after a protocol error."""
    if version is Version.V5 and reason:
        return b"\xe0\x01" + bytes([reason])
    return b"" if reason else b"\xe0\x00"


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + variable_byte_integer(len(body)) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded
