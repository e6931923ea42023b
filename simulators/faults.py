"""Messages that no device should send: what the way in must survive.

Each is the end of a topic after `gw/v1/{device}/` and its payload.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np

from gridwatch.media import encode_jpeg, encode_mp4
from gridwatch.model import Picture, Pixels
from gridwatch.picture_format import JPEG_START, PNG_START
from gridwatch.wire import MAX_OBSERVATIONS

T_MS = 1_760_000_000_000
"""When faulty pictures and clips claim to be taken."""

SIZE_WH = (160, 120)
VIDEO_FRAMES, DECODABLE_FRAMES = 682, 341
OVERSIZED_BYTES = 48 * 1024 * 1024
"""Less than a broker refuses, more than any picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A malformed message; `topic_end` follows the device in its topic."""

    topic_end: str
    payload: Callable[[], bytes]


def _reading(**parts: object) -> Callable[[], bytes]:
    body = {"t": T_MS / 1000, "values": {"temperature_c": 20.0}} | parts
    return lambda: msgspec.json.encode(body)


def _picture(index: int = 0) -> Pixels:
    """Return a picture with enough detail that its encoding is not tiny."""
    rng = np.random.default_rng(index)
    return rng.integers(0, 255, (SIZE_WH[1], SIZE_WH[0], 3), dtype=np.uint8)


def jpeg_of_claimed_size(width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size than its picture has."""
    data = bytearray(encode_jpeg(_picture()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def png_of_claimed_size(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims a size that it does not hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return PNG_START + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def truncated_video() -> bytes:
    """Return an MP4 whose header says VIDEO_FRAMES pictures, of which about DECODABLE_FRAMES can be decoded.

    Its index stands in front, as cameras write it, and the second half of the pictures is missing.
    """
    start = datetime.fromtimestamp(T_MS / 1000, UTC)
    scene = _picture()
    pictures = (
        Picture(pixels=np.roll(scene, 2 * index, axis=1), at=start + timedelta(seconds=index / 25))
        for index in range(VIDEO_FRAMES)
    )
    video = encode_mp4(pictures)
    content = video.index(b"mdat") + len(b"mdat")
    return video[: content + (len(video) - content) * DECODABLE_FRAMES // VIDEO_FRAMES]


FAULTS: Mapping[str, Fault] = {
    "broken json": Fault(topic_end="readings", payload=lambda: b'{"t": 1760000000, "values": {"temp'),
    "not text": Fault(topic_end="readings", payload=lambda: b"\xff\xfe\x00\x01"),
    "empty": Fault(topic_end="readings", payload=lambda: b""),
    "no object": Fault(topic_end="readings", payload=lambda: b"42"),
    "time of the wrong type": Fault(topic_end="readings", payload=_reading(t={"s": 1})),
    "time in milliseconds": Fault(topic_end="readings", payload=_reading(t=T_MS)),
    "value of the wrong type": Fault(topic_end="readings", payload=_reading(values={"co_ppm": "high"})),
    "no values": Fault(topic_end="readings", payload=_reading(values={})),
    "not a number": Fault(
        topic_end="readings", payload=lambda: b'{"t": 1760000000, "values": {"co_ppm": NaN}}'
    ),
    "quantity with a bad name": Fault(topic_end="readings", payload=_reading(values={"CO ppm!": 1.0})),
    "deep nesting": Fault(topic_end="readings", payload=lambda: b"[" * 100_000),
    "too many readings": Fault(
        topic_end="readings",
        payload=lambda: b"[" + b",".join([_reading()()] * (MAX_OBSERVATIONS + 1)) + b"]",
    ),
    "unknown topic": Fault(topic_end="telemetry", payload=_reading()),
    "status of a third kind": Fault(topic_end="status", payload=lambda: b"perhaps"),
    "finding without a label": Fault(topic_end="finding", payload=_reading()),
    "frame without a time": Fault(topic_end="frame/now", payload=lambda: encode_jpeg(_picture())),
    "frame that is no picture": Fault(topic_end=f"frame/{T_MS}", payload=lambda: b"GIF89a" + b"\0" * 100),
    "oversized frame": Fault(
        topic_end=f"frame/{T_MS + 1}", payload=lambda: JPEG_START.ljust(OVERSIZED_BYTES, b"\0")
    ),
    "truncated jpeg": Fault(topic_end=f"frame/{T_MS + 2}", payload=lambda: encode_jpeg(_picture())[:2000]),
    "jpeg that lies about its size": Fault(
        topic_end=f"frame/{T_MS + 3}", payload=lambda: jpeg_of_claimed_size(8000, 6000)
    ),
    "png that lies about its size": Fault(
        topic_end=f"frame/{T_MS + 4}", payload=lambda: png_of_claimed_size(800, 600)
    ),
    "png of 40,000 x 40,000": Fault(
        topic_end=f"frame/{T_MS + 5}", payload=lambda: png_of_claimed_size(40_000, 40_000)
    ),
    "truncated video": Fault(topic_end=f"clip/{T_MS}", payload=truncated_video),
    "video that ends in its header": Fault(
        topic_end=f"clip/{T_MS + 2}", payload=lambda: truncated_video()[:500]
    ),
    "clip that is no video": Fault(topic_end=f"clip/{T_MS + 1}", payload=lambda: b"\0" * 10_000),
}
"""What each is called. The same messages from a device that nobody registered are one more fault."""
