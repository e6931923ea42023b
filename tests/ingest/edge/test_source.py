"""Network cameras and files are read, whatever happens to them; no password is ever in what is said of it."""

import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from gridwatch.model import Picture
from ingest.edge.cameras import Kind, Source
from ingest.edge.encoded import Decoder, Encoded
from ingest.edge.source import SourceAway, SourceRefused, read_file, read_live
from simulators.network_camera import Film, NetworkCamera
from tests.ingest.edge.films import FPS, START, bar_film, moving_bar, source_of

LOGIN = "admin:p@ss/w:rd"
STEP = timedelta(seconds=1 / FPS)


@pytest.fixture(scope="module")
def film() -> Film:
    """Return two seconds of pictures."""
    return bar_film()


@pytest.fixture
def camera(film: Film) -> Iterator[NetworkCamera]:
    """Return a network camera that asks for no password."""
    camera = NetworkCamera(film)
    camera.start()
    yield camera
    camera.stop()


def take(source: Source, count: int) -> list[Encoded]:
    """Return the first pictures of a live source."""
    stop, taken = threading.Event(), []
    for encoded in read_live(source, stop):
        taken.append(encoded)
        if len(taken) == count:
            stop.set()
    return taken


def shown(encoded: Sequence[Encoded]) -> list[Picture]:
    """Decode pictures."""
    decoder = Decoder()
    pictures = [picture for one in encoded for picture in decoder.pictures(one)]
    return [*pictures, *decoder.rest()]


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_a_camera_that_asks_for_a_password_is_read(film: Film, scheme: str) -> None:
    camera = NetworkCamera(film, login=LOGIN, scheme="Basic" if scheme == "Basic" else "Digest")
    camera.start()
    try:
        taken = take(source_of(camera, LOGIN), 30)
    finally:
        camera.stop()
    pictures = shown(taken)
    assert len(pictures) == 30
    assert {picture.size_wh for picture in pictures} == {(320, 240)}
    assert taken[0].is_key
    steps = {later.at - earlier.at for earlier, later in pairwise(taken)}
    assert all(abs(step - STEP) < timedelta(milliseconds=2) for step in steps)
    assert abs(datetime.now(UTC) - taken[-1].at) < timedelta(seconds=5)


def test_a_wrong_password_is_told_apart_and_never_told(film: Film) -> None:
    camera = NetworkCamera(film, login=LOGIN)
    camera.start()
    try:
        with pytest.raises(SourceRefused) as caught:
            take(source_of(camera, "admin:geheim"), 1)
    finally:
        camera.stop()
    said = "".join(traceback.format_exception(caught.value, chain=True))
    assert "geheim" not in said.replace('"admin:geheim"', "")
    with pytest.raises(SourceAway) as away:
        take(source_of(camera, "admin:geheim"), 1)
    assert str(away.value) == "it can't be opened: Connection refused"
    assert away.value.__context__ is None


def test_a_connection_that_is_cut_is_noticed_at_once(camera: NetworkCamera) -> None:
    reading = read_live(source_of(camera), threading.Event())
    for _ in range(10):
        next(reading)
    camera.cut()
    with pytest.raises(SourceAway):
        deque(reading)


def test_a_camera_that_stalls_is_noticed(camera: NetworkCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.edge.source.SILENT_S", 1.0)
    reading = read_live(source_of(camera), threading.Event())
    next(reading)
    camera.is_stalled = True
    with pytest.raises(SourceAway, match="nothing came"):
        deque(reading)


def test_pictures_of_another_size_come_as_they_are(camera: NetworkCamera) -> None:
    stop, taken, larger = threading.Event(), [], bar_film((480, 272), 25)
    for encoded in read_live(source_of(camera), stop):
        taken.append(encoded)
        if len(taken) == 10:
            camera.film = larger
        if len(taken) == 80:
            stop.set()
    assert [picture.size_wh for picture in shown(taken)][::79] == [(320, 240), (480, 272)]


def test_timestamps_that_jump_back_are_seen_once_and_time_goes_on(camera: NetworkCamera) -> None:
    camera.jump_s = 1000.0
    stop, taken = threading.Event(), []
    for encoded in read_live(source_of(camera), stop):
        taken.append(encoded)
        if len(taken) == 10:
            camera.jump_s = 0.0
        if len(taken) == 80:
            stop.set()
    steps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(taken)]
    back = [step for step in steps if step < 0]
    assert len(back) == 1
    assert back[0] < -900
    assert abs(taken[-1].at - taken[0].at) < timedelta(seconds=10)


def test_a_file_has_the_times_that_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write(path, "libx264", "yuv420p", 10, turned=90)
    source = Source(kind=Kind.FILE, place=str(path))
    pictures = shown(list(read_file(source, threading.Event(), start=START, realtime=False)))
    assert [round((picture.at - START) / STEP, 3) for picture in pictures] == list(range(10))
    assert {picture.size_wh for picture in pictures} == {(240, 320)}


def test_a_file_at_its_own_pace_takes_its_time(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    write(path, "rawvideo", "yuyv422", 10)
    source = Source(kind=Kind.FILE, place=str(path))
    began = time.monotonic()
    taken = list(read_file(source, threading.Event(), start=None, realtime=True))
    assert time.monotonic() - began >= 9 / FPS
    assert {(encoded.codec.name, encoded.is_key) for encoded in taken} == {("mjpeg", True)}
    first = next(moving_bar()).pixels.astype(int)
    assert np.abs(shown(taken)[0].pixels.astype(int) - first).mean() < 10


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_text("#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1/secret\n")
    source = Source(kind=Kind.FILE, place=str(path))
    with pytest.raises(SourceAway, match="can't be opened"):
        list(read_file(source, threading.Event(), start=START, realtime=False))


def write(path: Path, codec: str, pixel_format: str, count: int, *, turned: int = 0) -> None:
    """Write a film into a file; `turned` is how a player shall turn it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, pixel_format
        if turned:
            stream.set_display_rotation(turned)
        for picture in moving_bar(count=count):
            container.mux(
                stream.encode(
                    VideoFrame.from_ndarray(picture.pixels, format="bgr24").reformat(format=pixel_format)
                )
            )
        container.mux(stream.encode(None))


def test_a_device_is_asked_by_video4linux() -> None:
    """This one is none and says so: a library without video4linux would not know the format."""
    with pytest.raises(SourceAway, match=r"^it can't be opened: Inappropriate ioctl for device$"):
        take(Source(kind=Kind.DEVICE, place="/dev/null"), 1)


def test_raw_pictures_of_a_device_are_kept_as_jpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands for the driver: YUYV without coding, as webcams send it."""
    monkeypatch.setattr("ingest.edge.source.DEVICE_FORMAT", "nut")
    path = tmp_path / "device.nut"
    filmed = list(moving_bar(count=12))
    with av.open(path, "w", format="nut") as container:
        stream = container.add_stream("rawvideo", rate=round(FPS))
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuyv422"
        for picture in filmed:
            frame = VideoFrame.from_ndarray(picture.pixels, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    before = datetime.now(UTC)
    encoded = take(Source(kind=Kind.DEVICE, place=str(path)), 10)
    assert all(one.is_key and one.codec.name == "mjpeg" for one in encoded)
    pictures = shown(encoded)
    assert len(pictures) == 10
    assert np.abs(pictures[5].pixels.astype(int) - filmed[5].pixels).mean() < 8
    assert all(abs(b.at - a.at - STEP) < STEP / 10 for a, b in pairwise(pictures))
    assert abs(pictures[0].at - before) < timedelta(seconds=10)
