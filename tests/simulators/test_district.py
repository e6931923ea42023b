"""The made-up district holds together."""

from typing import Any

import pytest

from gridwatch.model import DeviceKind, Location
from simulators.district import MARK, build_district


def inside(place: Location, boundary: Any) -> bool:
    ring = boundary["coordinates"][0]
    lons, lats = [point[0] for point in ring], [point[1] for point in ring]
    return bool(min(lons) <= place.lon <= max(lons) and min(lats) <= place.lat <= max(lats))


@pytest.mark.parametrize("count", [1, 2, 4, 20, 1000])
def test_it_has_as_many_devices_as_asked_for_and_always_a_sensor(count: int) -> None:
    district = build_district(count, seed=1)
    ids = [device.id for device in district.devices]
    assert len(set(ids)) == count
    assert district.wood_sensors


def test_every_device_lies_in_its_area_near_shuangliu() -> None:
    district = build_district(500, seed=3)
    boundary_of = {area.code: area.boundary for area in district.areas}
    for device in district.devices:
        assert device.location is not None
        assert inside(device.location, boundary_of[device.area or ""])
        assert abs(device.location.lon - 103.92) < 0.05
        assert abs(device.location.lat - 30.57) < 0.05


def test_every_area_lies_in_its_parent_which_comes_first() -> None:
    boundary_of: dict[str, Any] = {}
    for area in build_district(1, seed=1).areas:
        if area.parent is not None and area.boundary is not None:
            for lon, lat in area.boundary["coordinates"][0]:
                assert inside(Location(lon=lon, lat=lat), boundary_of[area.parent])
        boundary_of[area.code] = area.boundary
    assert len(boundary_of) > 10


def test_boundaries_are_closed_rings() -> None:
    for area in build_district(1, seed=1).areas:
        assert area.boundary is not None
        ring = area.boundary["coordinates"][0]
        assert ring[0] == ring[-1]


def test_everything_says_that_it_is_simulated() -> None:
    district = build_district(50, seed=1)
    assert all(device.simulated and device.id.startswith("sim-") for device in district.devices)
    assert all(area.simulated for area in district.areas)
    names = [device.name for device in district.devices] + [area.name for area in district.areas]
    assert all(name.startswith(MARK) for name in names)


def test_the_cameras_watch_one_scene_each() -> None:
    cameras = build_district(4, seed=1).cameras
    assert [camera.scene for camera in cameras] == ["elevator", "throwing", "fire"]
    assert {camera.kind for camera in cameras} == {DeviceKind.CAMERA}
