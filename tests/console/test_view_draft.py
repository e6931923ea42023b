"""What is drawn on the page of a camera, without a browser."""

from dataclasses import replace

import pytest

from api.console.view_draft import Draft, overlay_svg
from gridwatch.facade import CalibrationError, Corner, FacadeView, Landmark, calibrate
from tests.gridwatch.facade_geometry import SIZE_WH
from tests.gridwatch.test_calibrating import CAMERA, EIGHT, GRID, clicked


def corner_at(floor: int, window: int, corner: Corner) -> tuple[float, float]:
    x_m, z_m = GRID.place_m(Landmark(x=0, y=0, floor=floor, window=window, corner=corner))
    x, y = CAMERA.see((x_m, 0, z_m))
    return float(x), float(y)


def known() -> FacadeView:
    made = calibrate(SIZE_WH, clicked(EIGHT), GRID)
    polygon = ((10.0, 10.0), (900.0, 10.0), (900.0, 1900.0))
    return FacadeView(size_wh=SIZE_WH, polygon=polygon, masks=(polygon,), calibration=made)


def test_a_draft_goes_on_from_a_known_view() -> None:
    draft = Draft()
    draft.take(known())
    assert draft.view() == known()
    svg = overlay_svg(draft, draft.view(), 0.5)
    assert svg.count("gw-mark-number") == 8, "landmarks by metres are shown too"
    assert svg.count('class="gw-window"') == 12 * 6
    assert 'class="gw-polygon" points="5.0,5.0 450.0,5.0' in svg


def test_a_further_click_is_named_by_the_calibration() -> None:
    draft = Draft()
    draft.take(known())
    draft.add_mark(*corner_at(7, 4, Corner.BOTTOM_RIGHT))
    named = draft.marks[-1]
    assert (named.floor, named.window, named.corner) == (7, 4, Corner.BOTTOM_RIGHT)


def test_the_first_clicks_repeat_the_last_name_and_make_no_calibration() -> None:
    draft = Draft(size_wh=SIZE_WH)
    assert draft.view().calibration is None
    draft.add_mark(10, 20)
    draft.marks[-1].floor = 3
    draft.add_mark(30, 40)
    assert draft.marks[-1].floor == 3
    with pytest.raises(CalibrationError, match="2 landmarks"):
        draft.view()


def test_a_grid_that_can_not_be_names_its_field() -> None:
    draft = Draft(size_wh=SIZE_WH, grid={"floors": 0, "windows": 1})
    with pytest.raises(ValueError, match="floors: 0 lies outside"):
        draft.view()


def test_a_calibration_whose_landmarks_were_not_kept_stays_until_something_is_changed() -> None:
    view = known()
    assert view.calibration is not None
    kept = replace(view, calibration=replace(view.calibration, landmarks=()))
    draft = Draft()
    draft.take(kept)
    assert draft.view() is kept
    draft.grid["window_pitch_m"] += 0.01
    assert draft.view().calibration is None
