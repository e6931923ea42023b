"""A client of MQTT 3.1.1 that sends whatever it is told, right or wrong, byte for byte."""

import socket
import ssl
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self

ANSWERED_WITHIN_S = 10.0

CONNACK, PUBACK, SUBACK, PUBLISH = 2, 4, 9, 3
REFUSED = 0x80


def text(value: str | bytes) -> bytes:
    """Return a string with its length before it."""
    encoded = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(encoded)) + encoded


def packet(first: int, body: bytes) -> bytes:
    """Return a packet of that first byte."""
    return bytes([first]) + number(len(body)) + body


def number(value: int) -> bytes:
    """Return a length as MQTT writes it."""
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


def connect(
    client_id: str | bytes,
    user: str | bytes | None = None,
    secret: str | None = None,
    *,
    will: tuple[str, bytes] | None = None,
    kept: bool = False,
) -> bytes:
    """Return CONNECT; `will`: topic and payload of a retained Last Will with QoS 1."""
    flags = (0 if kept else 2) | (0x2C if will else 0) | (0x80 if user is not None else 0)
    flags |= 0x40 if secret is not None else 0
    body = text("MQTT") + struct.pack(">BBH", 4, flags, 30) + text(client_id)
    if will is not None:
        body += text(will[0]) + text(will[1])
    for part in (user, secret):
        body += b"" if part is None else text(part)
    return packet(0x10, body)


def publish(topic: str | bytes, payload: bytes, *, qos: int = 1, mid: int = 1, retain: bool = False) -> bytes:
    """Return PUBLISH."""
    head = text(topic) + (struct.pack(">H", mid) if qos else b"")
    return packet(0x30 | qos << 1 | retain, head + payload)


def subscribe(*topics: str, mid: int = 1) -> bytes:
    """Return SUBSCRIBE with QoS 1."""
    return packet(0x82, struct.pack(">H", mid) + b"".join(text(topic) + b"\x01" for topic in topics))


class Wire:
    """One connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Raises OSError (ssl.SSLError among them) where the listener refuses."""
        plain = socket.create_connection(("127.0.0.1", port), timeout=ANSWERED_WITHIN_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._socket = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        except BaseException:
            plain.close()
            raise
        self._left = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Break the connection without a word."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes. Raises OSError where nobody takes them."""
        self._socket.sendall(data)

    def wait_for(self, kind: int, *, within_s: float = ANSWERED_WITHIN_S) -> bytes | None:
        """Return the body of the next packet of a kind; None where the connection ends or nothing comes."""
        self._socket.settimeout(within_s)
        try:
            while True:
                first = self._read(1)[0]
                length, shift = 0, 0
                while True:
                    byte = self._read(1)[0]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if not byte & 0x80:
                        break
                body = self._read(length)
                if first >> 4 == kind:
                    return body
        except OSError:
            return None

    def is_ended(self, *, within_s: float = ANSWERED_WITHIN_S) -> bool:
        """Say whether the broker ends the connection."""
        self._socket.settimeout(within_s)
        try:
            while self._socket.recv(65_536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def _read(self, count: int) -> bytes:
        while len(self._left) < count:
            more = self._socket.recv(65_536)
            if not more:
                raise ConnectionResetError("the broker ended it")
            self._left += more
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def come_in(
    port: int,
    tls: ssl.SSLContext | None,
    client_id: str,
    user: str | None,
    secret: str | None,
    *,
    will: tuple[str, bytes] | None = None,
) -> Wire | None:
    """Return a connection that was let in, None where it was not."""
    try:
        wire = Wire(port, tls)
    except OSError:
        return None
    answer = None
    with suppress(OSError):
        wire.send(connect(client_id, user, secret, will=will))
        answer = wire.wait_for(CONNACK)
    if answer is None or answer[1] != 0:
        wire.close()
        return None
    return wire


def may_come_in(wire: Wire | None) -> bool:
    """Say whether a connection was let in, and end it."""
    if wire is not None:
        wire.close()
    return wire is not None
