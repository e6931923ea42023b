"""What evidence of a throw shows: the façade, the track and the likely windows, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from gridwatch.drawing import composite, draw, likely
from gridwatch.facade import Calibration, FacadeView, Landmark, WindowGrid
from gridwatch.model import Finding, Origin, Picture, TrackPoint

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
SCALE = 10.0
WHERE = (Origin(p=0.7, floor=5, window=2), Origin(p=0.25, floor=6, window=2), Origin(p=0.05, place="roof"))

VIEW = FacadeView(
    size_wh=(640, 480),
    polygon=((200, 100), (500, 100), (500, 470), (200, 470)),
    calibration=Calibration(
        grid=WindowGrid(floors=12, windows=6),
        landmarks=(Landmark(x=230, y=470, x_m=0, z_m=0),),
        to_facade=((1 / SCALE, 0, -23.0), (0, -1 / SCALE, 47.0), (0, 0, 1)),
        camera_x_m=10,
        camera_z_m=10,
        camera_away_m=40,
        residual_px=0.5,
        residual_m=0.05,
    ),
)


def fall() -> Finding:
    """Return a fall at x = 272 from y = 320 to 440."""
    track = tuple(
        TrackPoint(at=START + timedelta(seconds=i / 10), x=272, y=320 + 1.2 * i * i) for i in range(11)
    )
    return Finding(label="falling_object", confidence=0.9, observed_at=START, track=track, where=WHERE)


def speckled() -> Picture:
    pixels = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    return Picture(pixels=pixels, at=START)


def test_all_but_facade_and_track_is_unrecognisable() -> None:
    picture = speckled()
    drawn = draw(picture, fall(), masked=True, view=VIEW)
    assert np.array_equal(drawn[150:200, 400:490], picture.pixels[150:200, 400:490])
    for rows, columns in (
        (slice(60, 95), slice(0, 640)),
        (slice(60, 480), slice(0, 195)),
        (slice(60, 480), slice(505, 640)),
    ):
        assert np.abs(drawn[rows, columns].astype(int) - 127).max() < 30


def test_a_view_of_another_crop_hides_the_facade_too() -> None:
    other = Picture(pixels=speckled().pixels[:, :500], at=START)
    drawn = draw(other, fall(), masked=True, view=VIEW)
    assert np.abs(drawn[150:200, 400:490].astype(int) - 127).max() < 35


def test_what_is_no_throw_shows_no_facade() -> None:
    finding = Finding(label="camera_moved", confidence=0.9, observed_at=START)
    drawn = draw(speckled(), finding, masked=True, view=VIEW)
    assert np.abs(drawn[60:].astype(int) - 127).max() < 30


def test_the_likely_windows_are_outlined() -> None:
    grey = Picture(pixels=np.full((480, 640, 3), 90, np.uint8), at=START)
    drawn = draw(grey, fall(), masked=True, view=VIEW).astype(int)
    bluish = (drawn[..., 0] - drawn[..., 2]) > 120
    (left, _), _, (right, top), _ = VIEW.window_xy(5, 2)
    assert bluish[round(top), round(left) + 2 : round(right) - 2].mean() > 0.8
    assert bluish[round(top) - 30, round(left) + 2 : round(right) - 2].mean() > 0.8, (
        "the floor above is likely too"
    )
    assert not bluish[120:250].any()
    # In a picture of half the size they are where they are.
    small = Picture(pixels=np.full((240, 320, 3), 90, np.uint8), at=START)
    half = draw(small, fall(), masked=True, view=VIEW).astype(int)
    assert (half[round(top / 2), round(left / 2) + 2, 0] - half[round(top / 2), round(left / 2) + 2, 2]) > 120


def test_windows_are_marked_from_a_tenth_on_and_the_likeliest_always() -> None:
    assert likely(WHERE) == list(WHERE[:2])
    assert likely([Origin(p=0.9, place="elsewhere"), Origin(p=0.06, floor=3), Origin(p=0.04, floor=2)]) == [
        Origin(p=0.06, floor=3)
    ]
    assert likely(()) == []


def test_the_composite_shows_the_thing_at_many_places_of_one_scene() -> None:
    finding = fall()
    pictures = []
    for point in finding.track:
        pixels = np.full((480, 640, 3), 90, np.uint8)
        pixels[round(point.y) - 2 : round(point.y) + 3, 270:275] = 255
        pictures.append(Picture(pixels=pixels, at=point.at))
    after = [replace(pictures[0], at=START + timedelta(seconds=2))]
    made = composite([*pictures, *after], finding)
    white = (made.pixels[:, 272, 0] == 255).astype(int)
    assert int((np.diff(white) == 1).sum()) >= 5
    assert made.at == START
