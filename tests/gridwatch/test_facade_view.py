"""What a camera watches: polygons, masks, metres, and pictures of other sizes."""

import json

import numpy as np
import pytest

from gridwatch.facade import Calibration, Corner, FacadeView, Landmark, WindowGrid

GRID = WindowGrid(floors=10, windows=4, first_floor_m=1.0)
SCALE = 12.0


def flat_view() -> FacadeView:
    """A camera that looks straight at a façade: 12 px/m, x = 0 at 200 px, z = 0 at 700 px."""
    to_facade = ((1 / SCALE, 0.0, -200 / SCALE), (0.0, -1 / SCALE, 700 / SCALE), (0.0, 0.0, 1.0))
    return FacadeView(
        size_wh=(1280, 720),
        polygon=((100, 20), (1100, 20), (1100, 700), (100, 700)),
        masks=(((100, 600), (200, 600), (200, 700)),),
        calibration=Calibration(
            grid=GRID,
            landmarks=(Landmark(x=200, y=700, x_m=0, z_m=0),),
            to_facade=to_facade,
            camera_x_m=20,
            camera_z_m=20,
            camera_away_m=30,
            residual_px=0.4,
            residual_m=0.03,
        ),
    )


def test_inside_is_the_polygon_without_its_masks() -> None:
    view = flat_view()
    assert view.inside([500, 50, 190, 500], [300, 300, 690, 710]).tolist() == [True, False, False, False]
    assert FacadeView(size_wh=(64, 64)).inside(3, 4)


def test_metres_and_pixels_are_each_other_turned_round() -> None:
    view = flat_view()
    assert view.calibration is not None
    there = view.calibration.on_facade([(320, 580), (200, 700)])
    assert there == pytest.approx(np.array([(10, 10), (0, 0)]))
    assert view.calibration.in_picture(there) == pytest.approx(np.array([(320, 580), (200, 700)]))
    assert view.px_per_m([300, 900], [100, 600]) == pytest.approx([SCALE, SCALE])
    assert FacadeView(size_wh=(64, 64)).px_per_m(3, 4) is None


def test_a_view_fits_pictures_of_another_size_but_not_of_another_shape() -> None:
    half = flat_view().fitted((640, 360))
    assert half is not None
    assert half.calibration is not None
    assert half.px_per_m(160, 290) == pytest.approx(SCALE / 2)
    assert half.calibration.on_facade((160, 290)) == pytest.approx([10, 10])
    assert half.inside(250, 150)
    assert not half.inside(95, 345)
    assert flat_view().fitted((640, 480)) is None


def test_json_brings_back_the_same_view() -> None:
    view = flat_view()
    assert FacadeView.from_json(json.loads(json.dumps(view.as_json()))) == view


def test_windows_lie_where_the_grid_says() -> None:
    assert GRID.box_m(1, 1) == pytest.approx((0, 1.9, 1.5, 3.4))
    mark = Landmark(x=1, y=1, floor=3, window=2, corner=Corner.TOP_RIGHT)
    assert GRID.place_m(mark) == pytest.approx((3.6 + 1.5, 1 + 6 + 2.4))
    assert WindowGrid(floors=3, first_floor=-1).numbers == (-1, 1, 2)
    with pytest.raises(ValueError, match="floor 11, window 1"):
        GRID.box_m(11, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"polygon": [[0, 0], [10, 10]]}, "3 to 60 corners"),
        ({"polygon": [[0, 0], [50, 50], [20, 20]]}, "no area"),
        ({"masks": [[[0, 0], [900, 0], [0, 50]]]}, "mask 1: 900, 0 lies outside"),
        ({"size_wh": [4, 4]}, "size_wh"),
        ({"calibration": {}}, "grid"),
        ({"polygon": [[0, 0], [float("nan"), 10], [5, 5]]}, "not finite"),
    ],
)
def test_a_wrong_view_is_refused_with_the_field(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FacadeView.from_json({"size_wh": [640, 480], **given})
