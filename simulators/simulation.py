"""A scenario goes out: readings at their rate, films at their time, the truth beside them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from simulators.acts import Act
from simulators.district import District, location
from simulators.footage import Film, Footage
from simulators.publication import Publication
from simulators.publishing import Publisher
from simulators.rendered import Truth
from simulators.scenarios import SCENARIOS, ScenarioName
from simulators.sensors import sensor_readings
from simulators.smoulder import Ignition, Smoulder
from simulators.studio import Studio
from simulators.truth import TruthFile
from simulators.weather import Weather

LEAD = timedelta(seconds=30)
"""A film is rendered so long before its time: enough on a busy machine, and few films wait in memory."""

FOREVER = timedelta(days=36_500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """What is simulated: the same values give the same messages."""

    scenario: ScenarioName
    district: District
    seed: int
    rate: float
    """Readings messages per second, of all sensors together; pictures and clips come on top."""
    start: datetime
    duration: timedelta = FOREVER

    @property
    def end(self) -> datetime:
        """Return when it ends."""
        return self.start + self.duration

    @property
    def weather(self) -> Weather:
        """Return the weather of this seed."""
        return Weather(self.seed)

    def acts(self) -> Iterator[Act]:
        """Yield what happens within the duration."""
        acts = SCENARIOS[self.scenario].acts(self.district, self.seed)
        return takewhile(lambda act: act.at_s < self.duration.total_seconds(), acts)

    def moment(self, act: Act) -> datetime:
        """Return when an act begins."""
        return self.start + timedelta(seconds=act.at_s)

    def readings(self) -> Iterator[Publication]:
        """Yield the readings within the duration."""
        readings = sensor_readings(
            self.district.sensors,
            acts=self.acts(),
            weather=self.weather,
            start=self.start,
            rate=self.rate,
            seed=self.seed,
        )
        return takewhile(lambda publication: publication.at < self.end, readings)

    def films(self, act: Act) -> bool:
        """Say whether an act is a film of a camera that is there."""
        return isinstance(act, Film) and any(camera.id == act.device for camera in self.district.cameras)


async def run(simulation: Simulation, publisher: Publisher, truth: TruthFile) -> None:
    """Publish a simulation until its end; every part of it that fails ends it."""
    rendered: asyncio.Queue[Footage | None] = asyncio.Queue(maxsize=1)
    try:
        async with Studio.open() as studio, asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.publish_all(simulation.readings()), name="readings")
            tasks.create_task(_render(simulation, studio, rendered), name="rendering")
            tasks.create_task(_publish_films(simulation, publisher, rendered, truth), name="films")
            tasks.create_task(_tell_fires(simulation, truth), name="fires")
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    await publisher.drain()


async def _render(simulation: Simulation, studio: Studio, rendered: "asyncio.Queue[Footage | None]") -> None:
    for act in simulation.acts():
        await _sleep_until(simulation.moment(act) - LEAD)
        if isinstance(act, Film) and simulation.films(act):
            await rendered.put(await studio.shoot(act, simulation.moment(act)))
    await rendered.put(None)


async def _publish_films(
    simulation: Simulation,
    publisher: Publisher,
    rendered: "asyncio.Queue[Footage | None]",
    truth: TruthFile,
) -> None:
    """Show each film in its time: a camera on a ridge takes minutes, others have theirs meanwhile."""
    async with asyncio.TaskGroup() as showing:
        while (footage := await rendered.get()) is not None:
            showing.create_task(_show(simulation, publisher, footage, truth), name="film")


async def _show(simulation: Simulation, publisher: Publisher, footage: Footage, truth: TruthFile) -> None:
    shown = [publication for publication in footage.publications if publication.at < simulation.end]
    for index, publication in enumerate(shown):
        await publisher.publish_when_due(publication)
        if index == 0:
            for event in footage.truth:
                truth.event(publication.device, event, [each.topic for each in footage.publications])


async def _tell_fires(simulation: Simulation, truth: TruthFile) -> None:
    for act in simulation.acts():
        await _sleep_until(simulation.moment(act))
        if isinstance(act, Ignition):
            fire = Smoulder(act, simulation.moment(act), simulation.weather.at)
            truth.event(act.sensor.device.id, _truth_of(fire, act), ())


def _truth_of(fire: Smoulder, ignition: Ignition) -> Truth:
    place = location(fire.x_m, fire.y_m)
    return Truth(
        label="smoke",
        started_at=fire.started_at,
        ended_at=fire.ended_at,
        detail={"lon": place.lon, "lat": place.lat, "smoke_g_s": ignition.smoke_g_s},
    )


async def _sleep_until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
