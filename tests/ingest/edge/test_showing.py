"""A clip shows what was kept around a finding, in a size that a broker takes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gridwatch.media import read_video
from gridwatch.model import Finding
from ingest.edge.cameras import EdgeCamera, Kind, Source
from ingest.edge.showing import Wanted, shown_from, shown_until, with_clip
from tests.ingest.edge.films import FPS, START
from tests.ingest.edge.test_encoded import bar

SECOND = timedelta(seconds=1)
FINDING = Finding(
    label="falling_object",
    confidence=0.9,
    observed_at=START + SECOND,
    started_at=START + SECOND,
    ended_at=START + 1.2 * SECOND,
    box_xyxy=(10, 10, 60, 200),
)
CAMERA = EdgeCamera(
    device="wall-1", scene="throwing", source=Source(kind=Kind.FILE, place="film.mp4"), originals=True
)


def test_what_was_not_kept_is_missing_from_the_clip() -> None:
    shown = with_clip(Wanted(camera=CAMERA, finding=FINDING, kept=bar()))
    assert shown.criteria == {"clip_s": pytest.approx(49 / FPS, abs=0.06)}
    assert [(one.media_type, one.masked) for one in shown.evidence] == [
        ("image/jpeg", True),
        ("video/mp4", True),
        ("image/jpeg", False),
        ("video/mp4", False),
    ]
    assert len(list(read_video(shown.evidence[1].content, start=START))) == 50


def test_a_clip_that_is_too_large_is_halved_in_size(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = with_clip(Wanted(camera=CAMERA, finding=FINDING, kept=bar())).evidence[3].content
    most = len(whole) - 1
    monkeypatch.setattr("ingest.edge.showing.MOST_BYTES", most)
    smaller = with_clip(Wanted(camera=CAMERA, finding=FINDING, kept=bar())).evidence[3].content
    assert len(smaller) <= most
    first = next(read_video(smaller, start=START))
    assert first.size_wh == (160, 120)


def test_what_lasts_is_shown_from_its_beginning_and_not_for_ever() -> None:
    lasting = replace(FINDING, ended_at=START + timedelta(hours=1))
    assert shown_from(lasting) == START - 2 * SECOND
    assert shown_until(lasting) == START + 18 * SECOND
    assert shown_until(FINDING) == START + 4.2 * SECOND


def test_a_clip_without_pictures_is_none() -> None:
    with pytest.raises(ValueError, match="kept"):
        with_clip(Wanted(camera=CAMERA, finding=FINDING, kept=[]))
