"""Pictures and videos on disk become the messages of a device."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from gridwatch.errors import SettingsError, UnreadableMedia
from gridwatch.media import encode_jpeg, encode_mp4, read_video
from gridwatch.model import Picture
from simulators.faults import jpeg_of_claimed_size, truncated_video
from simulators.publication import Publication, milliseconds
from simulators.recordings import OVERLAP, Recording, find_recordings, publications
from simulators.replay import Pace

START = datetime(2026, 5, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def video(seconds: float, fps: float = 10) -> bytes:
    """Return a video that counts its pictures in grey levels."""
    times = [START + timedelta(seconds=index / fps) for index in range(round(seconds * fps))]
    return encode_mp4(
        Picture(pixels=np.full((64, 64, 3), index % 200, np.uint8), at=at) for index, at in enumerate(times)
    )


def messages(path: Path, *, frames: bool = False, fps: float = 5) -> list[Publication]:
    (recording,) = find_recordings([path], interval=SECOND, videos_as="frames" if frames else "clip")
    return list(publications(recording, "cam", START, fps=fps))


def test_a_short_video_is_sent_whole_when_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video(12))
    (clip,) = messages(path)
    assert clip.payload == path.read_bytes()
    assert clip.topic == f"gw/v1/cam/clip/{milliseconds(START)}"
    assert abs(clip.at - START - timedelta(seconds=12)) < timedelta(seconds=0.1)


def test_a_long_video_is_cut_into_clips_that_overlap_and_miss_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video(35))
    clips = messages(path)
    spans = []
    for clip in clips:
        start = datetime.fromtimestamp(int(clip.topic.rsplit("/", 1)[1]) / 1000, UTC)
        times = [picture.at for picture in read_video(clip.payload, start=start)]
        assert times[-1] - times[0] <= timedelta(seconds=10)
        assert clip.at - times[-1] <= SECOND
        spans.append((times[0], times[-1]))
    assert len(clips) == 5
    assert spans[0][0] == START
    assert spans[-1][1] == START + timedelta(seconds=34.9)
    for (_, ends), (begins, _) in pairwise(spans):
        assert abs((ends - begins) - OVERLAP) <= timedelta(milliseconds=100)


def test_a_video_whose_pictures_lie_far_apart_is_cut_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video(60, fps=1 / 12))
    assert len(messages(path)) == 5


def test_a_video_becomes_frames_at_the_rate_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(video(3, fps=10))
    frames = messages(path, frames=True, fps=2)
    assert [frame.at - START for frame in frames] == [index * SECOND / 2 for index in range(6)]
    assert all(frame.topic == f"gw/v1/cam/frame/{milliseconds(frame.at)}" for frame in frames)
    first = cv2.imdecode(np.frombuffer(frames[2].payload, np.uint8), cv2.IMREAD_COLOR)
    assert first is not None
    assert abs(float(first.mean()) - 10) < 4


def test_a_folder_is_published_in_the_order_of_names_and_other_files_are_left(tmp_path: Path) -> None:
    picture = encode_jpeg(np.full((32, 32, 3), 90, np.uint8))
    for name in ("b.jpg", "a.JPG", "sub/c.jpeg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(picture)
    found = find_recordings([tmp_path], interval=SECOND, videos_as="clip")
    assert [recording.path.name for recording in found] == ["a.JPG", "b.jpg", "c.jpeg"]
    assert next(publications(found[0], "cam", START, fps=5)).payload == picture


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lies.jpg", jpeg_of_claimed_size(8000, 6000)),
        ("cut.mp4", truncated_video()),
        ("text.jpg", b"hello"),
        ("text.mp4", b"hello"),
        ("empty.mp4", b""),
    ],
)
def test_what_can_t_be_read_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableMedia):
        messages(tmp_path / name)


def test_a_path_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.mp4", tmp_path):
        with pytest.raises(SettingsError, match=r"no such file|no picture or video"):
            find_recordings([path], interval=SECOND, videos_as="clip")


@pytest.mark.parametrize(("speed", "before_s"), [(1, 0), (10, 90), (0, 100), (0.5, 0)])
def test_content_never_lies_in_the_future_when_it_is_sent(speed: float, before_s: float) -> None:
    recordings = [Recording(path=Path("x"), kind="picture", duration=SECOND)] * 100
    assert Pace(speed=speed).start(recordings, START) == START - timedelta(seconds=before_s)


@pytest.mark.parametrize("speed", [-1, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Pace(speed=speed)
