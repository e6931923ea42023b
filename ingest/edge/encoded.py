"""Pictures as they come from a camera, encoded, each with its time: what is kept costs little memory."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import av
import av.error
import numpy as np
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from gridwatch.model import Picture
from gridwatch.picture_format import check_size
from ingest.edge.clock import EPOCH

MOST_PIXELS = 50_000_000
"""Of one picture: decoded it takes 150 MB."""

TICK = Fraction(1, 1_000_000)
"""Seconds: what a picture's time is counted in on its way through a decoder."""

KEPT = timedelta(seconds=20)
"""The longest fall of a skyscraper takes ten seconds, is told two seconds later, and three before it are
shown."""

MOST_KEPT_BYTES = 24 * 2**20
"""Of one camera: KEPT at 8 Mbit/s. One that sends more has shorter clips."""


@dataclass(frozen=True, eq=False, slots=True)
class Codec:
    """How the pictures of one connection are encoded; `turns` of 90° anticlockwise make them upright."""

    name: str
    extradata: bytes | None = None
    turns: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """One encoded picture; one that `is_key` needs no other to be decoded."""

    codec: Codec
    at: datetime
    is_key: bool
    data: bytes


class Decoder:
    """Decodes pictures one after another; those that are damaged are left out and counted."""

    def __init__(self) -> None:
        self.damaged = 0
        self._codec: Codec | None = None
        self._context: VideoCodecContext | None = None

    def pictures(self, encoded: Encoded) -> Iterator[Picture]:
        """Yield what can be shown once `encoded` is there; raises UnreadableMedia for one too large."""
        if encoded.codec is not self._codec:
            yield from self.rest()
            self._codec, self._context = encoded.codec, _context(encoded.codec)
        packet = av.Packet(encoded.data)
        packet.pts = packet.dts = (encoded.at - EPOCH) // timedelta(microseconds=1)
        packet.time_base = TICK
        packet.is_keyframe = encoded.is_key
        yield from self._decoded(packet)

    def rest(self) -> Iterator[Picture]:
        """Yield what the decoder still holds; the next picture must be one that is key."""
        yield from self._decoded(None)
        self._codec = self._context = None

    def _decoded(self, packet: "av.Packet[Stream] | None") -> Iterator[Picture]:
        if self._context is None or self._codec is None:
            return
        try:
            frames = self._context.decode(packet)
        except (av.error.FFmpegError, ValueError):
            self.damaged += 1
            return
        for frame in frames:
            ticks = frame.pts if frame.pts is not None else frame.dts
            if frame.is_corrupt or ticks is None:
                self.damaged += 1
            else:
                yield _picture(frame, ticks, self._codec.turns)


class Ring:
    """The newest pictures of one camera, encoded; bounded in time and bytes."""

    def __init__(self) -> None:
        self._kept: deque[Encoded] = deque()
        self._bytes = 0

    def add(self, encoded: Encoded) -> None:
        """Keep one more, and let go of what is too old or too much."""
        self._kept.append(encoded)
        self._bytes += len(encoded.data)
        while self._bytes > MOST_KEPT_BYTES or abs(encoded.at - self._kept[0].at) > KEPT:
            self._bytes -= len(self._kept.popleft().data)

    def since(self, first: datetime) -> Sequence[Encoded]:
        """Return what shows all from `first` on, as far as it is kept: it begins with one that is key."""
        kept = list(self._kept)
        keys = [number for number, encoded in enumerate(kept) if encoded.is_key]
        begin = max((number for number in keys if kept[number].at <= first), default=min(keys, default=None))
        return [] if begin is None else kept[begin:]


def decoded(kept: Iterable[Encoded], *, first: datetime, last: datetime) -> Iterator[Picture]:
    """Decode what is kept; yield the pictures from `first` to `last`."""
    decoder = Decoder()
    for encoded in kept:
        yield from (picture for picture in decoder.pictures(encoded) if first <= picture.at <= last)
    yield from (picture for picture in decoder.rest() if first <= picture.at <= last)


def _context(codec: Codec) -> VideoCodecContext:
    context = av.CodecContext.create(codec.name, "r")
    if not isinstance(context, VideoCodecContext):
        raise TypeError(f"{codec.name} is no codec of videos")
    context.extradata = codec.extradata
    context.options = {"max_pixels": str(MOST_PIXELS)}
    # One picture in, one picture out: more threads would hold pictures back, and each camera has one.
    context.thread_count = 1
    return context


def _picture(frame: VideoFrame, ticks: int, turns: int) -> Picture:
    check_size((frame.width, frame.height), max_pixels=MOST_PIXELS)
    pixels = frame.to_ndarray(format="bgr24")
    if turns:
        pixels = np.rot90(pixels, turns)
    at = EPOCH + timedelta(microseconds=ticks)
    return Picture(pixels=np.ascontiguousarray(pixels, dtype=np.uint8), at=at)
