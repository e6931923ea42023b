"""A network camera without hardware: plays films over RTSP (RFC 2326), with the faults that cameras have.

H.264 as RTP (RFC 6184) within the RTSP connection; user and password by Basic or Digest (RFC 2617).
"""

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import av
from av.video.frame import VideoFrame

from gridwatch.model import Picture

RTP_CLOCK = 90_000
FIRST_TICK = 3_456_789
"""RTP begins anywhere."""
LARGEST_PAYLOAD = 1400
REALM, NONCE = "camera", "6d5f3ba1"
START_CODE = re.compile(b"\x00\x00\x00?\x01")
SPS, PPS = 7, 8

Units = Sequence[bytes]
"""The NAL units of one picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """Encoded pictures at an even rate, played over and over; the first is a key frame."""

    pictures: Sequence[Units]
    fps: float

    @property
    def parameter_sets(self) -> Units:
        """What a decoder must know first."""
        return [unit for unit in self.pictures[0] if unit[0] & 31 in (SPS, PPS)]


def encode_film(
    pictures: Iterable[Picture], *, fps: float, mbit_s: float = 4.0, key_every_s: float = 1.0
) -> Film:
    """Encode pictures as a camera does: H.264, key frames at even distances, no reordering."""
    context: av.VideoCodecContext | None = None
    encoded: list[Units] = []
    for number, picture in enumerate(pictures):
        if context is None:
            context = _encoder(picture.size_wh, fps, mbit_s, key_every_s)
        frame = VideoFrame.from_ndarray(picture.pixels, format="bgr24")
        frame.pts, frame.time_base = number, 1 / Fraction(fps).limit_denominator(1001)
        encoded += [_units(bytes(packet)) for packet in context.encode(frame)]
    if context is None:
        raise ValueError("a film needs at least one picture")
    encoded += [_units(bytes(packet)) for packet in context.encode(None)]
    return Film(pictures=encoded, fps=fps)


class NetworkCamera:
    """Serves a film to whoever asks on a loopback port; a test may change everything while it plays."""

    def __init__(
        self, film: Film, *, login: str | None = None, scheme: Literal["Basic", "Digest"] = "Digest"
    ) -> None:
        """`login`: `user:password` that is asked for."""
        self.film = film
        self.jump_s = 0.0
        """Added to the timestamps of the pictures from now on."""
        self.is_stalled = False
        """Whether nothing is sent although connections stay open."""
        self.leaves_out = 0
        """Of so many pictures one is lost; 0: none."""
        self.connections = 0
        """Since the start, those that were sent away included."""
        self._login = login
        self._scheme = scheme
        self._listening: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Return its address, without a password."""
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """End every connection, as a cable that is pulled."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Be away, until it is started again."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        self.cut()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with connection, suppress(OSError, ValueError):
                _Session(self, connection).run()
        finally:
            self._open.discard(connection)

    def lets_in(self, method: str, authorization: str) -> bool:
        """Tell whether a request's header proves that user and password are known."""
        if self._login is None:
            return True
        if self._scheme == "Basic":
            return authorization == "Basic " + base64.b64encode(self._login.encode()).decode()
        said = dict(re.findall(r'(\w+)="([^"]*)"', authorization))
        user, _, password = self._login.partition(":")
        secret = _md5(f"{user}:{REALM}:{password}")
        asked = _md5(f"{method}:{said.get('uri', '')}")
        wanted = _md5(f"{secret}:{NONCE}:{asked}")
        return said.get("username") == user and said.get("response") == wanted

    @property
    def challenge(self) -> str:
        """Return how user and password are asked for."""
        nonce = f', nonce="{NONCE}"' if self._scheme == "Digest" else ""
        return f'{self._scheme} realm="{REALM}"{nonce}'


@dataclass(kw_only=False, slots=True)
class _Session:
    """One connection, from its first request to its end."""

    camera: NetworkCamera
    connection: socket.socket
    sequence: int = 0
    buffer: bytes = b""
    sending: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        while (request := self._request()) is not None:
            line, headers = request
            method = line.split(" ", 1)[0]
            if method != "OPTIONS" and not self.camera.lets_in(method, headers.get("authorization", "")):
                self._answer(headers, "401 Unauthorized", f"WWW-Authenticate: {self.camera.challenge}\r\n")
                continue
            if method == "DESCRIBE":
                self._answer(headers, "200 OK", "Content-Type: application/sdp\r\n", self._sdp())
            elif method == "SETUP":
                ask = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                self._answer(headers, "200 OK", ask)
            elif method == "PLAY":
                self._answer(headers, "200 OK")
                threading.Thread(target=self._play, daemon=True).start()
            else:
                self._answer(headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")
            if method == "TEARDOWN":
                return

    def _request(self) -> tuple[str, Mapping[str, str]] | None:
        """Return the next request's first line and headers; what comes as RTCP is passed over."""
        while True:
            if self.buffer[:1] == b"$" and len(self.buffer) >= 4:
                length = 4 + int.from_bytes(self.buffer[2:4])
                if len(self.buffer) >= length:
                    self.buffer = self.buffer[length:]
                    continue
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if found and self.buffer[:1] != b"$":
                self.buffer = rest
                line, *lines = head.decode().split("\r\n")
                pairs = (line.partition(":")[::2] for line in lines)
                return line, {name.strip().lower(): value.strip() for name, value in pairs}
            data = self.connection.recv(65_536)
            if not data:
                return None
            self.buffer += data

    def _answer(self, headers: Mapping[str, str], status: str, more: str = "", body: str = "") -> None:
        head = f"RTSP/1.0 {status}\r\nCSeq: {headers.get('cseq', '0')}\r\nSession: 1\r\n{more}"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        with self.sending:
            self.connection.sendall(f"{head}{length}\r\n{body}".encode())

    def _sdp(self) -> str:
        sets = ",".join(base64.b64encode(unit).decode() for unit in self.camera.film.parameter_sets)
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
            "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track1\r\n"
        )

    def _play(self) -> None:
        """Send pictures when they are due, the first at once."""
        began, number, played = time.monotonic(), 0, 0
        film = self.camera.film
        with suppress(OSError):
            while True:
                if film is not self.camera.film:
                    film, number = self.camera.film, 0
                units = film.pictures[number % len(film.pictures)]
                number += 1
                due_s = played / film.fps
                played += 1
                time.sleep(max(0.0, began + due_s - time.monotonic()))
                lost = self.camera.leaves_out and number % self.camera.leaves_out == 0
                if not self.camera.is_stalled and not lost:
                    ticks = (FIRST_TICK + round((due_s + self.camera.jump_s) * RTP_CLOCK)) % 2**32
                    self._send_picture(units, ticks)

    def _send_picture(self, units: Units, ticks: int) -> None:
        payloads = [payload for unit in units for payload in _payloads(unit)]
        data = b""
        for position, payload in enumerate(payloads):
            marker = 0x80 if position == len(payloads) - 1 else 0
            header = struct.pack(">BBHII", 0x80, marker | 96, self.sequence, ticks, 0x1234)
            self.sequence = (self.sequence + 1) % 2**16
            data += b"$\x00" + (len(header) + len(payload)).to_bytes(2) + header + payload
        with self.sending:
            self.connection.sendall(data)


def _payloads(unit: bytes) -> Iterable[bytes]:
    """Yield a NAL unit as RTP carries it: whole, or in fragments (FU-A)."""
    if len(unit) <= LARGEST_PAYLOAD:
        yield unit
        return
    indicator, kind, rest = unit[0] & 0xE0 | 28, unit[0] & 31, unit[1:]
    pieces = [rest[at : at + LARGEST_PAYLOAD] for at in range(0, len(rest), LARGEST_PAYLOAD)]
    for position, piece in enumerate(pieces):
        bounds = (0x80 if position == 0 else 0) | (0x40 if position == len(pieces) - 1 else 0)
        yield bytes([indicator, bounds | kind]) + piece


def _encoder(
    size_wh: tuple[int, int], fps: float, mbit_s: float, key_every_s: float
) -> "av.VideoCodecContext":
    context = av.CodecContext.create("libx264", "w")
    if not isinstance(context, av.VideoCodecContext):
        raise TypeError("libx264 encodes videos")
    context.width, context.height = size_wh
    context.pix_fmt = "yuv420p"
    context.framerate = Fraction(fps).limit_denominator(1001)
    context.time_base = 1 / context.framerate
    context.bit_rate = round(mbit_s * 1e6)
    context.gop_size = max(1, round(key_every_s * fps))
    context.thread_count = 1
    context.options = {"preset": "superfast", "tune": "zerolatency", "bf": "0"}
    return context


def _units(annex_b: bytes) -> Units:
    return [unit for unit in START_CODE.split(annex_b) if unit]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
