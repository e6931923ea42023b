"""Pictures as they come out of a camera's H.264 coder and the receiver's decoder."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av import VideoFrame

from gridwatch.model import Picture

FULL_HD_PX_S = 1920 * 1080 * 25
"""Pixels per second for which bit rates of cameras are stated."""

SECONDS_PER_WHOLE = 2
"""Between pictures that are coded without others: what cameras do by default."""


def recoded(pictures: Iterable[Picture], *, kbit_s: float, fps: float) -> Iterator[Picture]:
    """Yield pictures after a round trip through H.264, in their order and with their times.

    `kbit_s` is the rate for 1080p at 25 pictures a second; smaller pictures get their share. As in cameras no
    picture waits for later ones, and the rate is kept within a second. Width and height must be even.
    """
    coder: Any = None
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    waiting: list[datetime] = []
    for number, picture in enumerate(pictures):
        if coder is None:
            coder = _set(av.CodecContext.create("libx264", "w"), picture.size_wh, kbit_s, fps)
        waiting.append(picture.at)
        yield from _decoded(decoder, coder.encode(_frame(picture, number, coder)), waiting)
    if coder is not None:
        yield from _decoded(decoder, coder.encode(None), waiting)
        yield from _shown(decoder.decode(None), waiting)


def write_coded(path: Path, pictures: Iterable[Picture], *, kbit_s: float, fps: float) -> None:
    """Write pictures, coded as in `recoded`, as an MPEG transport stream; their times are left out."""
    with av.open(str(path), "w", format="mpegts") as file:
        stream: Any = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = file.add_stream("libx264", rate=Fraction(round(fps * 1000), 1000))
                coder = _set(stream.codec_context, picture.size_wh, kbit_s, fps)
            file.mux(stream.encode(_frame(picture, number, coder)))
        if stream is not None:
            file.mux(stream.encode(None))


def read_coded(path: Path, moments: Sequence[datetime]) -> Iterator[Picture]:
    """Yield what `write_coded` wrote, with the times of the pictures that were written."""
    with av.open(str(path)) as file:
        file.streams.video[0].codec_context.thread_count = 1
        yield from _shown(file.decode(video=0), list(moments))


def _frame(picture: Picture, number: int, coder: Any) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture.pixels), format="bgr24")
    frame.pts, frame.time_base = number, coder.time_base
    return frame


def _set(coder: Any, size_wh: tuple[int, int], kbit_s: float, fps: float) -> Any:
    """Return a coder, set to what a camera's does."""
    rate = round(1000 * kbit_s * size_wh[0] * size_wh[1] * fps / FULL_HD_PX_S)
    coder.width, coder.height = size_wh
    coder.pix_fmt = "yuv420p"
    coder.framerate = Fraction(round(fps * 1000), 1000)
    coder.time_base = 1 / coder.framerate
    coder.bit_rate = rate
    coder.gop_size = round(SECONDS_PER_WHOLE * fps)
    coder.max_b_frames = 0
    coder.thread_count = 1
    coder.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "maxrate": str(rate),
        "bufsize": str(rate),
        "profile": "main",
    }
    return coder


def _decoded(decoder: Any, packets: Iterable[Any], waiting: list[datetime]) -> Iterator[Picture]:
    for packet in packets:
        yield from _shown(decoder.decode(packet), waiting)


def _shown(frames: Iterable[VideoFrame], waiting: list[datetime]) -> Iterator[Picture]:
    for frame in frames:
        yield Picture(pixels=np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), at=waiting.pop(0))
