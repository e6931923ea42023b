"""Read a camera's stream, a video device or a file: encoded pictures, each with its time in UTC."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TypeAlias

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gridwatch.errors import GridwatchError
from gridwatch.media import DEFAULT_INTERVAL, VIDEO_FORMATS, encode_jpeg
from ingest.edge.cameras import Kind, Source
from ingest.edge.clock import StreamClock
from ingest.edge.encoded import Codec, Encoded

OPEN_WITHIN_S = 10.0
SILENT_S = 10.0
"""A camera sends 5 pictures a second at least; one that sends none for so long has stalled."""

AT_ONCE_S = 0.01
"""Packets that are there so soon had been waiting, for the format to be known or in the camera: how late they
are says nothing of the clock."""
MOST_AT_ONCE = 500

RTSP: dict[str, str] = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "analyzeduration": "2000000",
    "fflags": "+discardcorrupt",
    "protocol_whitelist": "rtp,tcp,tls,udp,crypto",
    "format_whitelist": "rtsp,sdp,rtp,mpegts,h264,hevc,mjpeg",
}
"""TCP: a picture arrives whole, or the connection breaks and that shows. What a camera answers can't make us
open files or other addresses."""

DEVICE_FORMAT = "video4linux2,v4l2"
RAW, JPEG = "rawvideo", "mjpeg"
RAW_QUALITY = 92


class SourceAway(GridwatchError):
    """A source can't be opened or read; trying again later is right."""


class SourceRefused(SourceAway):
    """A camera does not accept the user name and password."""


Packet: TypeAlias = "av.Packet[VideoStream]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A packet and its times in seconds: of the stream, of decoding, and of the computer."""

    packet: Packet
    stream_s: float
    order_s: float
    arrived_s: float
    had_waited: bool


def read_live(source: Source, stop: threading.Event) -> Iterator[Encoded]:
    """Yield what a camera sends until `stop`; raises SourceAway where it sends no more."""
    with _open(source) as container:
        stream = _video_of(container)
        encode = _Encoding(stream, turns=0)
        for arrival, at in _clocked(_arrivals(container, stream)):
            if stop.is_set():
                return
            yield from encode(arrival.packet, at)
    raise SourceAway("the camera ended its stream")


def read_file(
    source: Source, stop: threading.Event, *, start: datetime | None, realtime: bool
) -> Iterator[Encoded]:
    """Yield what a file holds until `stop`, at its own pace where `realtime`; raises SourceAway.

    Without `start` its last picture is taken now, or its first one where `realtime`.
    """
    with _open(source) as container:
        stream = _video_of(container)
        encode = _Encoding(stream, turns=_turns(source))
        begins_s = float((stream.start_time or 0) * (stream.time_base or 0))
        start = start or _start(container, realtime=realtime)
        began_s = time.monotonic()
        for arrival in _arrivals(container, stream):
            since_start_s = arrival.stream_s - begins_s
            if realtime:
                stop.wait(max(0.0, began_s + since_start_s - time.monotonic()))
            if stop.is_set():
                return
            yield from encode(arrival.packet, start + timedelta(seconds=since_start_s))


def _open(source: Source) -> InputContainer:
    """Open a source; what is said of a failure does not hold its address."""
    form, options = None, {"format_whitelist": VIDEO_FORMATS}
    if source.kind is Kind.NETWORK:
        form, options = "rtsp", RTSP
    elif source.kind is Kind.DEVICE:
        form, options = DEVICE_FORMAT, {}
    try:
        return av.open(source.address, format=form, options=options, timeout=(OPEN_WITHIN_S, SILENT_S))
    except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError):
        refused = True
    except (OSError, av.error.FFmpegError, ValueError) as error:
        refused, reason = False, _reason(error)
    if refused:
        raise SourceRefused("the camera refuses the user name or password, or wants one")
    raise SourceAway(f"it can't be opened: {reason}")


def _reason(error: Exception) -> str:
    """Return the library's words without the address that it adds."""
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {SILENT_S:.0f} s"
    return getattr(error, "strerror", None) or type(error).__name__


def _video_of(container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise SourceAway("there is no video in it")
    return container.streams.video[0]


def _arrivals(container: InputContainer, stream: VideoStream) -> Iterator[Arrival]:
    """Yield packets to the stream's end; raises SourceAway where it breaks or stalls."""
    packets = container.demux(stream)
    time_base = float(stream.time_base or 1 / 90_000)
    step_s = 1 / float(stream.average_rate) if stream.average_rate else DEFAULT_INTERVAL.total_seconds()
    order_s = -step_s
    while True:
        before = time.monotonic()
        try:
            packet = next(packets, None)
        except (OSError, av.error.FFmpegError, ValueError) as error:
            reason = _reason(error)
            break
        if packet is None:
            return
        if not packet.size:
            continue
        times = [ticks * time_base for ticks in (packet.dts, packet.pts) if ticks is not None]
        order_s = times[0] if times else order_s + step_s
        yield Arrival(
            packet=packet,
            stream_s=times[-1] if times else order_s,
            order_s=order_s,
            arrived_s=time.time(),
            had_waited=time.monotonic() - before < AT_ONCE_S,
        )
    raise SourceAway(f"the stream broke off: {reason}")


def _clocked(arrivals: Iterator[Arrival]) -> Iterator[tuple[Arrival, datetime]]:
    """Yield packets with their time in UTC, once one came that had not been waiting."""
    first = []
    for arrival in islice(arrivals, MOST_AT_ONCE):
        first.append(arrival)
        if len(first) > 1 and not arrival.had_waited:
            break
    if not first:
        return
    clock = StreamClock(min(arrival.arrived_s - arrival.order_s for arrival in first))
    for arrival in chain(first, arrivals):
        yield arrival, clock.at(arrival.stream_s, arrival.order_s, arrival.arrived_s)


class _Encoding:
    """Takes packets out of their stream, from the first one on that can be decoded by itself."""

    def __init__(self, stream: VideoStream, *, turns: int) -> None:
        name = stream.codec_context.name
        self._is_raw = name == RAW
        self._codec = Codec(JPEG if self._is_raw else name, stream.codec_context.extradata, turns)
        self._has_begun = False

    def __call__(self, packet: Packet, at: datetime) -> Iterator[Encoded]:
        self._has_begun |= packet.is_keyframe
        if not self._has_begun:
            return
        if self._is_raw:
            yield from (self._encoded(data, at, is_key=True) for data in _as_jpeg(packet))
        else:
            yield self._encoded(bytes(packet), at, is_key=packet.is_keyframe)

    def _encoded(self, data: bytes, at: datetime, *, is_key: bool) -> Encoded:
        return Encoded(codec=self._codec, at=at, is_key=is_key, data=data)


def _as_jpeg(packet: Packet) -> Iterator[bytes]:
    """Encode a raw picture: a second of them would take 150 MB."""
    for frame in packet.decode():
        if isinstance(frame, VideoFrame):
            pixels = frame.to_ndarray(format="bgr24")
            yield encode_jpeg(pixels.astype(np.uint8, copy=False), quality=RAW_QUALITY)


def _start(container: InputContainer, *, realtime: bool) -> datetime:
    duration = timedelta(microseconds=0 if realtime else container.duration or 0)
    return datetime.now(UTC) - duration


def _turns(source: Source) -> int:
    """Return how often a file's pictures are to be turned by 90°: a decoder tells it with a picture."""
    with _open(source) as container:
        try:
            frame = next(container.decode(_video_of(container)), None)
        except (av.error.FFmpegError, ValueError):
            return 0
    return 0 if frame is None else round(frame.rotation / 90) % 4
