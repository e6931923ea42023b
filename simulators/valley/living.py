"""A valley that lives: its posts send what they sense, its cameras pictures, and a fire begins each quarter
of an hour."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from math import ceil, isnan
from random import Random

import numpy as np

from gridwatch.areas.area import Area
from gridwatch.model import Channel, Device, DeviceKind, Location, Observation
from gridwatch.wire import encode_observation, topic_of
from simulators.district import DISTRICT, HILLS, MARK, VALLEY, District, Sensor, location
from simulators.publication import Publication
from simulators.publishing import Publisher
from simulators.rendered import Truth
from simulators.truth import TruthFile
from simulators.valley.climate import Array, Weather
from simulators.valley.filming import in_view, landscape_before, pictures, scenes
from simulators.valley.happenings import Day, Fire
from simulators.valley.layout import CAMERAS, Post, RidgeCamera, Valley, draw_valley
from simulators.valley.plume import FLYING_S, Source
from simulators.valley.sensing import QUANTITIES, STATION_QUANTITIES, Sensed, Senses, drift_unit
from simulators.weather import DAY_S, LOCAL_OFFSET_S

FIRST_FIRE_S, FIRE_EVERY_S, FIRE_LASTS_S = 60.0, 900.0, 480.0
"""After the start: a visitor wants to see one soon."""
FIRE_UPWIND_M = (4.0, 7.0)
FIRE_SMOKE_G_S, FIRE_GROWS_S = (6.0, 12.0), 180.0
"""Close and soon strong enough for sensors that have not learned yet what is usual, and for the cameras."""
FIRST_FIRE_NUMBER = 1_000_000_000
"""Those that chance brings have smaller ones."""
DRIFT_SIGMAS, FLAT_S = 1.5, 1800.0
"""What the registry says of each channel: a drift of 2 sigma shows within a day."""
WINDOW_S = 600.0
"""So much is sensed at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ValleySimulation:
    """What is simulated: the same values give the same messages."""

    valley: Valley
    seed: int
    rate: float
    """Messages per second of all posts together."""
    start: datetime
    duration: timedelta

    scenario = "valley"

    @property
    def district(self) -> District:
        """Return the area of the valley, its posts and cameras, as a registry takes them."""
        return District(
            areas=_areas(),
            sensors=[_sensor(number, post) for number, post in enumerate(self.valley.posts)],
            cameras=[_camera(number, camera) for number, camera in enumerate(self.valley.cameras)],
        )

    def readings(self) -> Iterator[Publication]:
        """Yield what the posts send within the duration, in order of time."""
        senses = Senses(self.valley, self.seed)
        interval_s = len(self.valley.posts) / self.rate
        window_s = max(1, round(WINDOW_S / interval_s)) * interval_s
        end = self.start + self.duration
        for window in count():
            begin_s = self.start.timestamp() + window * window_s
            lit = self._lit(begin_s - FIRE_LASTS_S - FLYING_S, begin_s + window_s)
            sensed = senses.between(begin_s, begin_s + window_s, interval_s=interval_s, lit=lit)
            for publication in self._sent(sensed, interval_s):
                if publication.at >= end:
                    return
                yield publication

    def pictures(self, camera: RidgeCamera) -> Iterator[Publication]:
        """Yield what a camera sends within the duration, rendered as it is asked for."""
        landscape = landscape_before(camera, self.seed)
        weather = Weather(self.valley, self.seed)
        begin_s = self.start.timestamp()
        for first_s, last_s in scenes(begin_s, begin_s + self.duration.total_seconds()):
            yield from pictures(
                camera,
                landscape,
                seed=self.seed,
                begins_s=first_s,
                ends_s=last_s,
                fires=list(self._lit(first_s, last_s)),
                climate=weather.at(np.array([first_s])),
            )

    def happenings(self) -> Iterator[tuple[float, str, Truth]]:
        """Yield when what happens begins, at which post and what it is, in order of time."""
        begin_s, lasts_s = self.start.timestamp(), self.duration.total_seconds()
        senses = Senses(self.valley, self.seed)
        first_day = int((begin_s + LOCAL_OFFSET_S) // DAY_S)
        fires = self._lit(begin_s, begin_s + lasts_s)
        fire = next(fires, None)
        for day in takewhile(lambda day: (day - first_day - 1) * DAY_S < lasts_s, count(first_day)):
            day_ends_s = (day + 1) * DAY_S - LOCAL_OFFSET_S
            told = list(self._of_day(senses.begun(day)))
            while fire is not None and fire.source.begins_s < day_ends_s:
                told += [self._told(fire), *self._seen(fire)]
                fire = next(fires, None)
            yield from sorted(
                (one for one in told if begin_s <= one[0] < begin_s + lasts_s), key=lambda one: one[0]
            )

    def _lit(self, from_s: float, until_s: float) -> Iterator[Fire]:
        """Yield the fires of this scenario that begin from one to another Unix second."""
        weather = Weather(self.valley, self.seed)
        order = list(self.valley.posts)
        Random(f"order/{self.seed}").shuffle(order)
        first_s = self.start.timestamp() + FIRST_FIRE_S
        for number in count(max(0, ceil((from_s - first_s) / FIRE_EVERY_S))):
            begins_s = first_s + FIRE_EVERY_S * number
            if begins_s >= until_s:
                return
            random, post = Random(f"fire/{self.seed}/{number}"), order[number % len(order)]
            climate = weather.at(np.array([begins_s]))
            upwind = random.uniform(*FIRE_UPWIND_M) / float(climate.wind_ms[0])
            x = post.x_m - upwind * float(climate.wind_x_ms[0])
            y = post.y_m - upwind * float(climate.wind_y_ms[0])
            source = Source(
                x_m=x,
                y_m=y,
                z_m=self.valley.height_m(x, y),
                begins_s=begins_s,
                grows_s=FIRE_GROWS_S,
                lasts_s=FIRE_LASTS_S,
                smoke_g_s=random.uniform(*FIRE_SMOKE_G_S),
            )
            yield Fire(number=FIRST_FIRE_NUMBER + number, source=source)

    def _sent(self, sensed: Sensed, interval_s: float) -> Iterator[Publication]:
        """Yield what was sensed, each post at its own part of the interval."""
        names = (*QUANTITIES, *STATION_QUANTITIES)
        columns: Array = np.stack([sensed.values[name] for name in names], axis=2)
        posts = self.valley.posts
        for second, rows in zip(sensed.seconds.tolist(), columns.tolist(), strict=True):
            for number, (post, row) in enumerate(zip(posts, rows, strict=True)):
                values = {name: one for name, one in zip(names, row, strict=True) if not isnan(one)}
                if values:
                    at = datetime.fromtimestamp(second + interval_s * number / len(posts), UTC)
                    observation = Observation(device=post.id, observed_at=at, values=values)
                    yield Publication(
                        device=post.id,
                        kind="readings",
                        topic=topic_of(post.id, "readings"),
                        payload=encode_observation(observation),
                        at=at,
                    )

    def _of_day(self, day: Day) -> Iterator[tuple[float, str, Truth]]:
        for fire in day.fires:
            yield self._told(fire)
        for nuisance in day.nuisances:
            post = self.valley.posts[nuisance.post]
            yield nuisance.begins_s, post.id, _truth(nuisance.kind, nuisance.begins_s, nuisance.lasts_s)
        for fault in day.faults:
            post = self.valley.posts[fault.post]
            truth = _truth(fault.kind, fault.begins_s, fault.lasts_s, channel=fault.channel)
            yield fault.begins_s, post.id, truth

    def _told(self, fire: Fire) -> tuple[float, str, Truth]:
        """Return the truth of a fire, at the post that is nearest."""
        source = fire.source
        nearest = min(
            self.valley.posts, key=lambda post: (post.x_m - source.x_m) ** 2 + (post.y_m - source.y_m) ** 2
        )
        place = _place(source.x_m, source.y_m)
        truth = _truth(
            "smoke",
            source.begins_s,
            source.lasts_s,
            lon=place.lon,
            lat=place.lat,
            smoke_g_s=source.smoke_g_s,
        )
        return source.begins_s, nearest.id, truth

    def _seen(self, fire: Fire) -> Iterator[tuple[float, str, Truth]]:
        """Yield the truth of a fire for each camera that looks there."""
        source = fire.source
        for camera in self.valley.cameras:
            seen = in_view(camera, source.x_m, source.y_m)
            if seen is not None:
                _, bearing_deg, far_m = seen
                truth = _truth(
                    "smoke", source.begins_s, source.lasts_s, bearing_deg=bearing_deg, distance_m=far_m
                )
                yield source.begins_s, camera.id, truth


async def live(simulation: ValleySimulation, publisher: Publisher, truth: TruthFile) -> None:
    """Publish a valley until its end, and write the truth as it happens."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.publish_all(simulation.readings()), name="readings")
        for camera in simulation.valley.cameras:
            tasks.create_task(_film(simulation, camera, publisher), name="pictures")
        tasks.create_task(_tell(simulation, truth), name="truth")
    await publisher.drain()


def plan_valley(
    devices: int, *, seed: int, rate: float, start: datetime, duration: timedelta
) -> ValleySimulation:
    """Return a valley of so many devices: its cameras and posts, or where there are very few, posts alone."""
    posts = devices - CAMERAS if devices > 2 * CAMERAS else devices
    valley = draw_valley(seed, posts=posts)
    if posts == devices:
        valley = replace(valley, cameras=())
    return ValleySimulation(valley=valley, seed=seed, rate=rate, start=start, duration=duration)


async def _film(simulation: ValleySimulation, camera: RidgeCamera, publisher: Publisher) -> None:
    taken = simulation.pictures(camera)
    while (publication := await asyncio.to_thread(next, taken, None)) is not None:
        await publisher.publish_when_due(publication)


async def _tell(simulation: ValleySimulation, truth: TruthFile) -> None:
    for begins_s, post, happening in simulation.happenings():
        await asyncio.sleep(max(0.0, begins_s - datetime.now(UTC).timestamp()))
        truth.event(post, happening, ())


def _truth(label: str, begins_s: float, lasts_s: float, **detail: float | str) -> Truth:
    return Truth(
        label=label,
        started_at=datetime.fromtimestamp(begins_s, UTC),
        ended_at=datetime.fromtimestamp(begins_s + lasts_s, UTC),
        detail=detail,
    )


def _areas() -> Sequence[Area]:
    return [plot.area for plot in (DISTRICT, HILLS, VALLEY)]


def _sensor(number: int, post: Post) -> Sensor:
    wind = [Channel(quantity=name) for name in STATION_QUANTITIES] if post.station else []
    device = Device(
        id=post.id,
        scene="fire",
        kind=DeviceKind.SENSOR,
        name=f"{MARK}青岭谷{number + 1}号林火传感器",
        area=VALLEY.area.code,
        location=_place(post.x_m, post.y_m),
        channels=(*(_channel(name) for name in QUANTITIES), *wind),
        simulated=True,
    )
    return Sensor(device=device, place="woods", x_m=post.x_m, y_m=post.y_m)


def _camera(number: int, camera: RidgeCamera) -> Device:
    return Device(
        id=camera.id,
        scene="fire",
        kind=DeviceKind.CAMERA,
        name=f"{MARK}青岭谷{number + 1}号山脊瞭望摄像机",
        area=VALLEY.area.code,
        location=_place(camera.x_m, camera.y_m),
        simulated=True,
    )


def _channel(name: str) -> Channel:
    return Channel(quantity=name, quality={"flat_s": FLAT_S, "drift": DRIFT_SIGMAS * drift_unit(name)})


def _place(x_m: float, y_m: float) -> Location:
    """Return a place of the valley on the map of the district."""
    east, north = VALLEY.ground.middle
    return location(x_m + east, y_m + north)
