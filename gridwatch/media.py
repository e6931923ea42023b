"""Read pictures and videos that may be broken or hostile, and write those that a browser shows."""

import io
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from gridwatch.errors import UnreadableMedia
from gridwatch.model import Picture, Pixels
from gridwatch.picture_format import check_size, read_header

MAX_PIXELS = 50_000_000
"""Of one picture: decoded it takes 150 MB."""

MAX_DURATION = timedelta(hours=24)
"""Of one video. A day is the longest that recorders write into one file; more is a broken time base."""

MAX_RATE = 240
"""Pictures per second: the fastest slow-motion camera in use. It bounds what a file may hold."""

MISSING_SHARE = 0.1
MISSING_FEW = 3
"""A video may lack a tenth of the pictures that it declares, or three: honest ones lack two of 750."""

VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv"
"""Containers that cameras and recorders write. Others may read further files or take text for video."""

OPEN_TIMEOUT_S = 30
"""For opening and for each read: local files answer in milliseconds, a stuck network mount never."""

MAX_STREAMS = 16
"""Of one container whose probing is bounded: recorders write two or three, with sound and subtitles."""

DEFAULT_INTERVAL = timedelta(seconds=1 / 25)
"""Between pictures that say nothing of their time, where the stream says no rate either: PAL's."""

MP4_CLOCK = Fraction(1, 90_000)
"""Seconds per tick of written videos: the clock of MPEG, which divides by 24, 25 and 30."""


def read_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode a whole JPEG or PNG, turned upright as its EXIF says.

    The size in the header is checked before memory is taken. Raises UnreadableMedia with the reason where the
    picture is empty, foreign, too large or small, truncated, damaged, or of another size than claimed.
    """
    header = read_header(data, max_pixels=max_pixels)
    decoded_wh = _decode_strictly(data, header.format, max_pixels)
    if decoded_wh != header.size_wh:
        raise UnreadableMedia(f"the header claims {header.size_wh} pixels, the picture has {decoded_wh}")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadableMedia(f"the {header.format.upper()} can't be decoded") from error
    if pixels is None:
        raise UnreadableMedia(f"the {header.format.upper()} can't be decoded")
    if sorted(pixels.shape[:2]) != sorted(header.size_wh):
        raise UnreadableMedia(f"the header claims {header.size_wh} pixels, decoded are {pixels.shape[1::-1]}")
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _decode_strictly(data: bytes, name: str, max_pixels: int) -> tuple[int, int]:
    """Return the size that decodes; raise where anything is missing.

    OpenCV fills what a truncated JPEG lacks with grey and prints a warning; libavcodec can be told to refuse.
    """
    codec = av.CodecContext.create("mjpeg" if name == "jpeg" else "png", "r")
    codec.options = {"err_detect": "explode+crccheck+bitstream+buffer", "max_pixels": str(max_pixels)}
    codec.thread_count = 1
    try:
        frames = codec.decode(av.Packet(data)) or codec.decode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableMedia(f"the {name.upper()} is truncated or damaged") from error
    if not frames or not isinstance(frames[0], VideoFrame):
        raise UnreadableMedia(f"the {name.upper()} holds no picture")
    return frames[0].width, frames[0].height


def read_video(
    source: bytes | Path,
    *,
    start: datetime,
    max_pixels: int = MAX_PIXELS,
    max_duration: timedelta = MAX_DURATION,
) -> Iterator[Picture]:
    """Decode a video one picture at a time; `at` is `start` plus the presentation time and always grows.

    All pictures have the size of the first: where a stream changes its size, later ones are scaled. Raises
    UnreadableMedia where it is no video, is larger or longer than allowed, or decodes to far fewer pictures
    than its container declares; that last one only after the pictures that do decode.
    """
    name = str(source) if isinstance(source, Path) else "the video"
    file: Any = name if isinstance(source, Path) else io.BytesIO(source)
    # Opening decodes a picture or two of each stream to learn its format.
    probing: Any = [{"max_pixels": str(max_pixels)}] * MAX_STREAMS
    try:
        container = av.open(
            file, options={"format_whitelist": VIDEO_FORMATS}, stream_options=probing, timeout=OPEN_TIMEOUT_S
        )
    except (OSError, av.error.FFmpegError) as error:
        raise UnreadableMedia(f"{name} can't be opened: {error.strerror or error}") from error
    except ValueError as error:
        raise UnreadableMedia(f"{name} can't be opened as a video") from error
    with container:
        yield from _Reading(container, start, max_pixels, max_duration).pictures()


class _Reading:
    """One pass through an opened video, with the count of what it promised and what came."""

    def __init__(
        self,
        container: "av.container.InputContainer",
        start: datetime,
        max_pixels: int,
        max_duration: timedelta,
    ) -> None:
        if not container.streams.video:
            raise UnreadableMedia("there is no video stream in it")
        self.container = container
        self.stream: VideoStream = container.streams.video[0]
        self.stream.codec_context.options = {"max_pixels": str(max_pixels)}
        self.start = start
        self.max_pixels = max_pixels
        self.max_duration = max_duration
        self.decoded = 0
        self.lost = 0
        self.hidden = 0
        rate = self.stream.average_rate
        self.interval = timedelta(seconds=1 / float(rate)) if rate else DEFAULT_INTERVAL
        self.last: timedelta | None = None
        self.size_wh: tuple[int, int] | None = None

    def pictures(self) -> Iterator[Picture]:
        """Yield what decodes; raise at the end where too much is missing."""
        self._check_declared()
        for frame in self._frames():
            if frame.is_corrupt:
                self.lost += 1
                continue
            pixels = self._pixels(frame)
            at = self.start + self._moment(frame)
            self.decoded += 1
            yield Picture(pixels=pixels, at=at)
        self._check_complete()

    def _check_declared(self) -> None:
        check_size((self.stream.width, self.stream.height), max_pixels=self.max_pixels)
        most = self.max_duration.total_seconds() * MAX_RATE
        if self.stream.frames > most:
            raise UnreadableMedia(f"it declares {self.stream.frames} pictures: at most {most:.0f} are taken")
        if (declared := self.container.duration) and declared / 1e6 > self.max_duration.total_seconds():
            raise UnreadableMedia(f"it declares {declared / 1e6:.0f} s: at most {self.max_duration} is taken")

    def _frames(self) -> Iterator[VideoFrame]:
        """Yield frames in order of presentation; count packets that can't be decoded."""
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError):
                return  # The file breaks off here; what is missing is counted at the end.
            if packet is None:
                return
            self.hidden += packet.is_discard
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                self.lost += 1
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame):
                    yield frame

    def _moment(self, frame: VideoFrame) -> timedelta:
        """Return the frame's time after the start; a missing or backward one becomes the next in step."""
        moment = None
        if frame.pts is not None and frame.time_base:
            origin = self.stream.start_time or 0
            seconds = float((frame.pts - origin) * frame.time_base)
            if seconds > self.max_duration.total_seconds():
                raise UnreadableMedia(
                    f"a picture lies {seconds:.0f} s after the start: the time base is broken"
                )
            moment = timedelta(seconds=seconds)
        if self.last is None:
            moment = max(moment or timedelta(), timedelta())
        elif moment is None or moment <= self.last:
            moment = self.last + self.interval
        if moment > self.max_duration:
            raise UnreadableMedia(f"it is longer than {self.max_duration}")
        self.last = moment
        return moment

    def _pixels(self, frame: VideoFrame) -> Pixels:
        check_size((frame.width, frame.height), max_pixels=self.max_pixels)
        pixels: NDArray[Any] = frame.to_ndarray(format="bgr24")
        if turns := round(frame.rotation / 90) % 4:
            pixels = np.rot90(pixels, turns)
        size_wh = (pixels.shape[1], pixels.shape[0])
        if self.size_wh is None:
            self.size_wh = size_wh
        elif size_wh != self.size_wh:
            pixels = cv2.resize(pixels, self.size_wh, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(pixels, dtype=np.uint8)

    def _check_complete(self) -> None:
        if self.decoded == 0:
            raise UnreadableMedia("no picture in it can be decoded")
        shown = self.decoded + self.hidden
        expected = max(self.stream.frames, shown + self.lost, self._frames_in_declared_time())
        if expected - shown > max(MISSING_FEW, MISSING_SHARE * expected):
            raise UnreadableMedia(
                f"truncated: it declares {expected} pictures, only {self.decoded} can be decoded"
            )

    def _frames_in_declared_time(self) -> int:
        """Return how many pictures must be there where only a duration is declared (Matroska, MPEG-TS).

        Rates vary and sound may outlast the picture, so only half of the declared time is counted on.
        """
        if self.stream.frames or not self.container.duration or self.last is None:
            return 0
        if self.last >= timedelta(microseconds=self.container.duration) / 2:
            return 0
        return round(timedelta(microseconds=self.container.duration) / self.interval)


def encode_jpeg(pixels: Pixels, *, quality: int = 85) -> bytes:
    """Encode a picture as JPEG; `quality` 0..100."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {pixels.shape} can't become a JPEG")
    return data.tobytes()


def encode_mp4(pictures: Iterable[Picture]) -> bytes:
    """Encode pictures as H.264 MP4 that browsers play while it loads; timing from `at`.

    The size is that of the first picture, cut to even numbers; others are scaled to it. Raises ValueError
    where there is no picture.
    """
    with tempfile.TemporaryDirectory(prefix="gridwatch-") as folder:
        # The index can only move to the front of a file that can be opened again by its name.
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            _write_pictures(container, pictures)
        return path.read_bytes()


def _write_pictures(container: "av.container.OutputContainer", pictures: Iterable[Picture]) -> None:
    stream: VideoStream | None = None
    first: datetime | None = None
    last_tick = -1
    for picture in pictures:
        if stream is None or first is None:
            first = picture.at
            stream = _h264_stream(container, picture.size_wh)
        pixels = picture.pixels
        if picture.size_wh[0] // 2 * 2 != stream.width or picture.size_wh[1] // 2 * 2 != stream.height:
            pixels = cv2.resize(pixels, (stream.width, stream.height)).astype(np.uint8)
        even = np.ascontiguousarray(pixels[: stream.height, : stream.width])
        planes = np.asarray(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        tick = max(last_tick + 1, round((picture.at - first).total_seconds() / MP4_CLOCK))
        frame.pts, frame.time_base, last_tick = tick, MP4_CLOCK, tick
        container.mux(stream.encode(frame))
        del picture, pixels, even, planes, frame  # While the next one is drawn: 20 MB in full HD.
    if stream is None:
        raise ValueError("a video needs at least one picture")
    container.mux(stream.encode(None))


def _h264_stream(container: "av.container.OutputContainer", size_wh: tuple[int, int]) -> VideoStream:
    # Baseline of what every phone decodes; one thread, because each worker process has a core of its own.
    # Without looking ahead full HD needs two thirds of the time and a third of the memory (178 MB otherwise);
    # files are larger by half.
    options = {"preset": "superfast", "crf": "23", "profile": "high", "tune": "zerolatency"}
    stream = container.add_stream("libx264", rate=25, options=options)
    stream.width, stream.height = size_wh[0] // 2 * 2, size_wh[1] // 2 * 2
    stream.pix_fmt = "yuv420p"
    stream.time_base = MP4_CLOCK
    stream.codec_context.time_base = MP4_CLOCK
    stream.codec_context.thread_count = 1
    return stream
