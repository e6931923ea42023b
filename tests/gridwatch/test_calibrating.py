"""A camera is calibrated from clicks; what can't be right is refused with its reason."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gridwatch.facade import Corner, Landmark, WindowGrid
from gridwatch.facade.calibrating import CalibrationError, calibrate
from tests.gridwatch.facade_geometry import SIZE_WH, PinholeCamera, Scene, make_scene

GRID = WindowGrid(floors=12, windows=6)
CAMERA = PinholeCamera(x_m=10, away_m=40, z_m=2, pitch_deg=22, fov_deg=60)


def scene(away_m: float = 30, pitch_deg: float = 36, yaw_deg: float = 0, *, seed: int = 3) -> Scene:
    return make_scene(np.random.default_rng(seed), away_m, pitch_deg, yaw_deg=yaw_deg)


def clicked(places_m: Sequence[tuple[float, float]], camera: PinholeCamera = CAMERA) -> list[Landmark]:
    """Click places that are named in metres, exactly."""
    pixels = camera.see([(x, 0, z) for x, z in places_m])
    return [
        Landmark(x=float(x), y=float(y), x_m=x_m, z_m=z_m)
        for (x, y), (x_m, z_m) in zip(pixels, places_m, strict=True)
    ]


@pytest.mark.parametrize(("away_m", "pitch_deg", "yaw_deg"), [(25, 42, 0), (30, 36, 15), (40, 33, -25)])
def test_camera_and_scale_are_found_from_eight_clicks(
    away_m: float, pitch_deg: float, yaw_deg: float
) -> None:
    given = scene(away_m, pitch_deg, yaw_deg)
    view = given.view()
    found = view.calibration
    assert found is not None
    assert found.camera_away_m == pytest.approx(away_m, rel=0.08)
    assert found.camera_x_m == pytest.approx(given.camera.x_m, abs=1.5)
    assert found.camera_z_m == pytest.approx(3, abs=2)
    assert 0 < found.residual_px < 3
    assert found.residual_m < 0.15
    floor, window = given.seen[len(given.seen) // 2]
    left, lower, right, upper = given.grid.box_m(floor, window)
    middle = ((left + right) / 2, (lower + upper) / 2)
    x, y = given.camera.see((middle[0], 0, middle[1]))
    assert found.on_facade((x, y)) == pytest.approx(middle, abs=0.2)
    ends = given.camera.see([(middle[0], 0, middle[1] + 0.5), (middle[0], 0, middle[1] - 0.5)])
    assert view.px_per_m(x, y) == pytest.approx(np.linalg.norm(ends[0] - ends[1]), rel=0.03)


def test_a_stated_field_of_view_tells_the_distance_where_the_landmarks_do_not() -> None:
    camera = replace(CAMERA, pitch_deg=3, z_m=15, fov_deg=38)
    marks = clicked([(4, 6), (16, 6), (16, 26), (4, 26)], camera)
    guessed = calibrate(SIZE_WH, marks, GRID)
    stated = calibrate(SIZE_WH, marks, GRID, vertical_fov_deg=38)
    assert stated.camera_away_m == pytest.approx(40, rel=0.01)
    assert stated.camera_z_m == pytest.approx(15, abs=0.2)
    assert abs(guessed.camera_away_m - 40) > 2


def test_four_landmarks_leave_no_residual_to_judge_by() -> None:
    found = calibrate(SIZE_WH, clicked([(0, 3), (20, 3), (20, 33), (0, 33)]), GRID)
    assert found.residual_px == pytest.approx(0, abs=0.01)
    assert found.error_m > 0.01


def _off(marks: list[Landmark], number: int) -> list[Landmark]:
    marks[number - 1] = replace(marks[number - 1], z_m=(marks[number - 1].z_m or 0) + 3)
    return marks


SQUARE = [(0.0, 3.0), (20.0, 3.0), (20.0, 33.0), (0.0, 33.0)]
EIGHT = [*SQUARE, (0.0, 15.0), (20.0, 15.0), (10.0, 3.0), (10.0, 33.0)]


@pytest.mark.parametrize(
    ("reason", "marks"),
    [
        ("few", clicked(SQUARE[:3])),
        ("many", clicked(EIGHT) * 8),
        ("twice", [*clicked(SQUARE[:3]), *clicked(SQUARE[:1])]),
        ("line", clicked([(0, 3), (10, 3), (20, 3), (10, 33)])),
        ("line", clicked([(0, 3), (0, 12), (0, 24), (0, 33), (20, 12)])),
        ("outside", clicked([*SQUARE[:3], (0.0, 90.0)])),
        ("mirrored", [replace(mark, x_m=20 - (mark.x_m or 0)) for mark in clicked(EIGHT)]),
        ("mirrored", [replace(mark, z_m=36 - (mark.z_m or 0)) for mark in clicked(EIGHT)]),
        ("worst", _off(clicked(EIGHT), 6)),
        ("residual", _off(clicked(EIGHT[:5]), 5)),
        ("extrapolated", clicked([(8, 6), (9.5, 6), (9.5, 7.5), (8, 7.5)])),
        ("not_seen", [replace(mark, z_m=(mark.z_m or 0) + 90) for mark in clicked(EIGHT)]),
        ("camera", [replace(m, x_m=(m.x_m or 0) / 40, z_m=(m.z_m or 0) / 40) for m in clicked(EIGHT)]),
    ],
)
def test_what_can_not_be_right_is_refused_with_its_reason(reason: str, marks: list[Landmark]) -> None:
    small = WindowGrid(floors=1, first_floor_m=-1.5, window_pitch_m=0.5, window_width_m=0.4)
    grid = small if reason == "camera" else GRID
    with pytest.raises(CalibrationError) as refused:
        calibrate(SIZE_WH, marks, grid)
    assert refused.value.reason == reason


def test_two_names_that_are_swapped_are_impossible() -> None:
    marks = clicked(SQUARE)
    swapped = [*marks[:2], replace(marks[2], x_m=0.0), replace(marks[3], x_m=20.0)]
    with pytest.raises(CalibrationError, match="contradict each other"):
        calibrate(SIZE_WH, swapped, GRID)


def test_a_landmark_on_a_window_that_the_grid_lacks_is_named() -> None:
    stray = Landmark(x=9, y=9, floor=40, window=1, corner=Corner.TOP_LEFT)
    with pytest.raises(CalibrationError, match="landmark 5: floor 40, window 1: the grid has none"):
        calibrate(SIZE_WH, [*clicked(SQUARE), stray], GRID)


def test_the_landmark_with_the_wrong_floor_is_named() -> None:
    with pytest.raises(CalibrationError, match="landmark 6 fits worst"):
        calibrate(SIZE_WH, _off(clicked(EIGHT), 6), GRID)


def test_a_polygon_beside_the_facade_and_a_wrong_field_of_view_are_refused() -> None:
    marks = clicked(EIGHT)
    with pytest.raises(CalibrationError, match="lie in the polygon"):
        calibrate(SIZE_WH, marks, GRID, polygon=((0, 1800), (900, 1800), (900, 1900)))
    with pytest.raises(CalibrationError, match="field of view of 15°"):
        calibrate(SIZE_WH, marks, GRID, vertical_fov_deg=15)
