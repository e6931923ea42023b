"""Where a camera on a ridge looks: bearings from its pose, and what it leaves out in each direction."""

import pytest

from gridwatch.facade import FacadeView, Preset, StatedView

SKY = ((0.0, 400.0), (1920.0, 400.0), (1920.0, 1080.0), (0.0, 1080.0))
MAST = ((0.0, 0.0), (100.0, 0.0), (100.0, 1080.0), (0.0, 1080.0))


def test_a_bearing_follows_the_tangent_from_the_middle_and_passes_north() -> None:
    pose = Preset(azimuth_deg=350, horizontal_fov_deg=60)
    assert pose.bearing_deg(960, 1920) == pytest.approx(350)
    assert pose.bearing_deg(1920, 1920) == pytest.approx(20)
    assert pose.bearing_deg(0, 1920) == pytest.approx(320)
    # Half way to the edge: atan(tan(30°) / 2) = 16.1°.
    assert pose.bearing_deg(1440, 1920) == pytest.approx(6.102, abs=0.001)


def test_without_a_pose_there_is_no_bearing() -> None:
    assert Preset(azimuth_deg=90).bearing_deg(10, 100) is None
    assert Preset(horizontal_fov_deg=60).bearing_deg(10, 100) is None


def test_each_direction_leaves_out_its_own_and_a_lone_one_what_the_view_says() -> None:
    view = FacadeView(
        size_wh=(1920, 1080),
        masks=(MAST,),
        presets=(Preset(azimuth_deg=10, horizontal_fov_deg=50), Preset(name="north", polygon=SKY)),
    )
    assert bool(view.looking("").inside(50, 800)) is False
    assert bool(view.looking("north").inside(50, 800)) is True
    assert bool(view.looking("north").inside(50, 100)) is False
    assert bool(view.looking("south").inside(50, 100)) is True
    assert view.preset("").bearing_deg(960, 1920) == pytest.approx(10)


def test_presets_are_kept_through_files_and_the_size_of_pictures() -> None:
    stated = StatedView(size_wh=(1920, 1080), presets=(Preset(name="north", azimuth_deg=0, masks=(MAST,)),))
    view = FacadeView.from_json(stated.view().as_json())
    assert view.presets == stated.presets
    assert StatedView.of(view) == stated
    smaller = view.fitted((960, 540))
    assert smaller is not None
    assert smaller.presets[0].masks[0][2] == (50.0, 540.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"azimuth_deg": 360.0}, "azimuth_deg 360"),
        ({"horizontal_fov_deg": 0.5}, "horizontal_fov_deg 0.5"),
        ({"name": "x" * 65}, "64 printable"),
        ({"masks": [[[0.0, 0.0], [1.0, 1.0]]]}, "3 to 60 corners"),
    ],
)
def test_what_can_not_be_right_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FacadeView.from_json({"size_wh": [1920, 1080], "presets": [given]})


def test_two_presets_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        FacadeView(size_wh=(1920, 1080), presets=(Preset(name="a"), Preset(name="a")))
