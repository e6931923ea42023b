"""Evidence is kept whole and private, and shows the finding without showing who lives there."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from gridwatch.drawing import clip, draw
from gridwatch.errors import EvidenceError
from gridwatch.evidence import EvidenceFiles
from gridwatch.media import read_video
from gridwatch.model import Finding, Picture, TrackPoint

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let files be made with every permission that the program asks for."""
    before = os.umask(0)
    yield
    os.umask(before)


def speckled(at: datetime = START) -> Picture:
    """Return a picture in which every pixel differs from its neighbours."""
    pixels = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    return Picture(pixels=pixels, at=at)


def fall() -> Finding:
    """Return a fall along x = 100 from y = 60 to y = 180 that takes one second."""
    track = tuple(
        TrackPoint(at=START + timedelta(seconds=i / 10), x=100, y=60 + 1.2 * i * i) for i in range(11)
    )
    return Finding(
        label="falling_object", confidence=0.9, observed_at=START, box_xyxy=(95, 55, 105, 185), track=track
    )


@pytest.mark.usefixtures("open_umask")
def test_evidence_is_found_by_its_content_and_closed_to_others(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path / "data" / "evidence")
    stored = files.put(b"picture", "image/jpeg")
    path = files.path_of(stored.sha256, "image/jpeg")
    assert stored.sha256 == hashlib.sha256(b"picture").hexdigest()
    assert stored.size == 7
    assert path.read_bytes() == b"picture"
    assert path.relative_to(files.folder).as_posix() == (
        f"{stored.sha256[:2]}/{stored.sha256[2:4]}/{stored.sha256}.jpg"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (path.parent, path.parent.parent, files.folder):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_stood_open_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    folder.chmod(0o755)
    EvidenceFiles(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_same_content_is_stored_once_though_many_write_it(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        stored = set(pool.map(lambda _: files.put(b"x" * 100_000, "video/mp4"), range(40)))
    assert len(stored) == 1
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "A" * 64, "0" * 63])
def test_a_name_that_is_no_hash_leads_nowhere(tmp_path: Path, sha256: str) -> None:
    with pytest.raises(EvidenceError, match="SHA-256"):
        EvidenceFiles(tmp_path).path_of(sha256, "image/jpeg")


def test_a_kind_that_is_not_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="text/html"):
        EvidenceFiles(tmp_path).put(b"<script>", "text/html")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file is in the way")
    with pytest.raises(EvidenceError, match="evidence can't be written"):
        EvidenceFiles(tmp_path / "evidence")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = EvidenceFiles(tmp_path)
    monkeypatch.setattr("gridwatch.evidence.tempfile.mkstemp", lambda **_: _full_device(tmp_path))
    with pytest.raises(EvidenceError, match="no space left"):
        files.put(b"picture", "image/jpeg")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def _full_device(folder: Path) -> tuple[int, str]:
    link = folder / "full"
    link.touch()
    return os.open("/dev/full", os.O_WRONLY), str(link)


def test_drawing_leaves_the_picture_as_it_was() -> None:
    picture = speckled()
    before = picture.pixels.copy()
    drawn = draw(picture, fall(), masked=False)
    assert np.array_equal(picture.pixels, before)
    assert not np.array_equal(drawn, before)
    assert np.array_equal(drawn[60:, 200:], before[60:, 200:]), "far from the finding nothing changes"


def test_a_mask_leaves_only_the_neighbourhood_of_the_track() -> None:
    picture = speckled()
    drawn = draw(picture, fall(), masked=True)
    assert np.array_equal(drawn[118:122, 106:108], picture.pixels[118:122, 106:108])
    far = drawn[100:220, 160:300].astype(int)
    assert np.abs(far - 127).max() < 30, "cells of noise are all the same grey"


def test_a_mask_without_a_place_hides_everything() -> None:
    finding = Finding(label="lens_covered", confidence=1, observed_at=START)
    drawn = draw(speckled(), finding, masked=True)
    assert np.abs(drawn[60:].astype(int) - 127).max() < 30


def test_a_box_beyond_the_picture_is_drawn_at_its_edge() -> None:
    finding = Finding(label="ebike", confidence=0.5, observed_at=START, box_xyxy=(-500, -10, 9999, 9999))
    assert draw(speckled(), finding, masked=True).shape == (240, 320, 3)


def test_a_clip_shows_the_track_grow() -> None:
    grey = np.full((240, 320, 3), 90, np.uint8)
    pictures = [Picture(pixels=grey, at=START + timedelta(seconds=i / 10)) for i in range(11)]
    read = list(read_video(clip(pictures, fall(), masked=True), start=START))
    assert len(read) == 11

    def coloured(index: int) -> int:
        """Count pixels of the track's amber below the label."""
        part = read[index].pixels[70:170, 98:103].astype(int)
        return int(((part[..., 2] - part[..., 0]) > 80).sum())

    assert coloured(0) < coloured(6) < coloured(10)
