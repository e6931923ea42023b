"""A small made-up district near Shuangliu: areas, sensors and cameras, each inside its area.

Lengths are metres from the district's middle, x east and y north. Every name says that it is simulated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, radians, sqrt
from random import Random
from typing import Any, Literal

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.coordinates import METRES_PER_DEGREE
from gridwatch.model import Device, DeviceKind, Location
from simulators.footage import FACADE_CAMERA, LIFT_CAMERA, RIDGE_CAMERA

MIDDLE = Location(lon=103.92, lat=30.57)
MARK = "模拟·"
"""Begins the name of everything simulated."""

WOODS_SPACING_M = 60.0
"""Between neighbouring forest sensors where the woods have room for it."""
WOOD_EVERY = 3
"""Every third sensor stands in the woods, the others in stairwells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rectangle:
    """A piece of ground with sides along the axes, in metres."""

    west: float
    south: float
    east: float
    north: float

    @property
    def middle(self) -> tuple[float, float]:
        """Return x and y of its middle."""
        return (self.west + self.east) / 2, (self.south + self.north) / 2

    def polygon(self) -> Mapping[str, Any]:
        """Return it as a GeoJSON polygon, counter-clockwise."""
        x = (self.west, self.east, self.east, self.west, self.west)
        y = (self.south, self.south, self.north, self.north, self.south)
        corners = [location(east, north) for east, north in zip(x, y, strict=True)]
        return {"type": "Polygon", "coordinates": [[[corner.lon, corner.lat] for corner in corners]]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """An area and its ground."""

    area: Area
    ground: Rectangle


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensor:
    """A multi-sensor and where it hangs."""

    device: Device
    place: Literal["woods", "stairwell"]
    x_m: float
    y_m: float


@dataclass(frozen=True, kw_only=True, slots=True)
class District:
    """All areas, parents first, and the devices in them."""

    areas: Sequence[Area]
    sensors: Sequence[Sensor]
    cameras: Sequence[Device]

    @property
    def devices(self) -> Sequence[Device]:
        """Return all devices, cameras first."""
        return (*self.cameras, *(sensor.device for sensor in self.sensors))

    @property
    def wood_sensors(self) -> Sequence[Sensor]:
        """Return the sensors in the woods, the innermost first."""
        return [sensor for sensor in self.sensors if sensor.place == "woods"]


def location(x_m: float, y_m: float) -> Location:
    """Return the place so many metres east and north of the district's middle."""
    lat = MIDDLE.lat + y_m / METRES_PER_DEGREE
    lon = MIDDLE.lon + x_m / (METRES_PER_DEGREE * cos(radians(MIDDLE.lat)))
    return Location(lon=round(lon, 6), lat=round(lat, 6))


def _plot(
    name: str, level: AreaLevel, code: str, parent: Plot | None, ground: tuple[float, float, float, float]
) -> Plot:
    west, south, east, north = ground
    rectangle = Rectangle(west=west, south=south, east=east, north=north)
    area = Area(
        code=code,
        level=level,
        name=MARK + name,
        parent=parent.area.code if parent else None,
        boundary=rectangle.polygon(),
        simulated=True,
    )
    return Plot(area=area, ground=rectangle)


DISTRICT = _plot("双溪区", AreaLevel.DISTRICT, "sim-district", None, (-3000, -2500, 3000, 2500))
TOWN = _plot("竹溪街道", AreaLevel.TOWN, "sim-town-1", DISTRICT, (-2800, -2300, -100, 2300))
HILLS = _plot("青岭镇", AreaLevel.TOWN, "sim-town-2", DISTRICT, (100, -2300, 2800, 2300))
QUARTER = _plot("竹溪社区", AreaLevel.COMMUNITY, "sim-community-1", TOWN, (-2000, -800, -600, 800))
WOODS = _plot("青岭村", AreaLevel.COMMUNITY, "sim-community-2", HILLS, (400, -1200, 2400, 1200))
VALLEY = _plot("青岭谷", AreaLevel.COMMUNITY, "sim-valley", HILLS, (600, -2300, 2200, -1250))
"""Of the scenario `valley`."""
ESTATES = (
    _plot("锦竹苑", AreaLevel.ESTATE, "sim-estate-1", QUARTER, (-1900, -300, -1400, 300)),
    _plot("云溪庭", AreaLevel.ESTATE, "sim-estate-2", QUARTER, (-1250, -300, -750, 300)),
)
BUILDINGS = tuple(
    _plot(
        f"{estate.area.name.removeprefix(MARK)}{number}栋",
        AreaLevel.BUILDING,
        f"{estate.area.code.replace('estate', 'building')}-{number}",
        estate,
        (estate.ground.west + 60, south, estate.ground.west + 130, south + 25),
    )
    for estate in ESTATES
    for number, south in ((1, -230.0), (2, -30.0), (3, 170.0))
)
PLOTS = (DISTRICT, TOWN, HILLS, QUARTER, WOODS, *ESTATES, *BUILDINGS)

CAMERAS = (
    (LIFT_CAMERA, "elevator", "电梯摄像机", BUILDINGS[0]),
    (FACADE_CAMERA, "throwing", "外墙摄像机", BUILDINGS[1]),
    (RIDGE_CAMERA, "fire", "山脊瞭望摄像机", WOODS),
)


def build_district(devices: int, *, seed: int) -> District:
    """Lay out a district of so many devices: a sensor, then the three cameras, then sensors."""
    if devices < 1:
        raise ValueError(f"{devices} devices: at least 1")
    cameras = [_camera(*row) for row in CAMERAS][: max(0, devices - 1)]
    random = Random(f"district/{seed}")
    count = devices - len(cameras)
    woods = iter(_woods_grid(ceil(count / WOOD_EVERY)))
    sensors = [
        _wood_sensor(index, *next(woods)) if index % WOOD_EVERY == 0 else _stairwell_sensor(index, random)
        for index in range(count)
    ]
    return District(areas=tuple(plot.area for plot in PLOTS), sensors=sensors, cameras=cameras)


def _camera(id_: str, scene: str, name: str, plot: Plot) -> Device:
    return Device(
        id=id_,
        scene=scene,
        kind=DeviceKind.CAMERA,
        name=f"{plot.area.name}{name}",
        area=plot.area.code,
        location=location(*plot.ground.middle),
        simulated=True,
    )


def _woods_grid(count: int) -> Sequence[tuple[float, float]]:
    """Return places in the woods, the innermost first."""
    side = ceil(sqrt(count))
    room = min(WOODS.ground.east - WOODS.ground.west, WOODS.ground.north - WOODS.ground.south)
    spacing = min(WOODS_SPACING_M, room / (side + 1))
    x, y = WOODS.ground.middle
    places = [
        (x + (column - (side - 1) / 2) * spacing, y + (row - (side - 1) / 2) * spacing)
        for row in range(side)
        for column in range(side)
    ]
    return sorted(places, key=lambda place: (place[0] - x) ** 2 + (place[1] - y) ** 2)[:count]


def _wood_sensor(index: int, x_m: float, y_m: float) -> Sensor:
    device = _sensor_device(index, f"{WOODS.area.name}{index // WOOD_EVERY + 1}号林", WOODS, x_m, y_m)
    return Sensor(device=device, place="woods", x_m=x_m, y_m=y_m)


def _stairwell_sensor(index: int, random: Random) -> Sensor:
    plot = BUILDINGS[index % len(BUILDINGS)]
    x_m = random.uniform(plot.ground.west + 3, plot.ground.east - 3)
    y_m = random.uniform(plot.ground.south + 3, plot.ground.north - 3)
    name = f"{plot.area.name}{random.randint(1, 3)}单元{random.randint(1, 18)}楼"
    device = _sensor_device(index, name, plot, x_m, y_m)
    return Sensor(device=device, place="stairwell", x_m=x_m, y_m=y_m)


def _sensor_device(index: int, where: str, plot: Plot, x_m: float, y_m: float) -> Device:
    return Device(
        id=f"sim-sensor-{index + 1:05d}",
        scene="fire",
        kind=DeviceKind.SENSOR,
        name=f"{where}烟感",
        area=plot.area.code,
        location=location(x_m, y_m),
        simulated=True,
    )
