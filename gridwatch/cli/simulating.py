"""What `gridwatch simulate` does: register a district, publish it, remove it again."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from rich.console import Console

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.files import remove_files
from gridwatch.errors import SettingsError
from gridwatch.settings import Settings
from gridwatch.store.connection import Store
from gridwatch.store.simulation import running_simulator
from simulators.district import build_district
from simulators.publishing import Publisher
from simulators.registering import calibrate, register, remove
from simulators.scenarios import SCENARIOS, ScenarioName
from simulators.simulation import FOREVER, Simulation, run
from simulators.truth import TruthFile
from simulators.valley.living import ValleySimulation, live, plan_valley

Planned: TypeAlias = Simulation | ValleySimulation


def plan_simulation(
    scenario: ScenarioName | Literal["valley"], *, devices: int, rate: float, seed: int, duration_s: float
) -> Planned:
    """Return the simulation that was asked for; raise SettingsError for too small a district."""
    start = datetime.now(UTC)
    duration = timedelta(seconds=duration_s) if duration_s else FOREVER
    if scenario == "valley":
        return plan_valley(devices, seed=seed, rate=rate, start=start, duration=duration)
    if devices < (needed := SCENARIOS[scenario].devices):
        raise SettingsError(f"scenario {scenario} needs at least {needed} devices: --devices {needed}")
    return Simulation(
        scenario=scenario,
        district=build_district(devices, seed=seed),
        seed=seed,
        rate=rate,
        start=start,
        duration=duration,
    )


async def publish_simulation(settings: Settings, simulation: Planned, path: Path, console: Console) -> None:
    """Register the devices and publish until the end, or until somebody removes the simulated devices."""
    async with Store.open(running.database_url(settings), connections=1) as store:
        new = await register(store, simulation.district)
        await calibrate(store, seed=simulation.seed)
        count = len(simulation.district.devices)
        console.print(
            f"{count} simulated devices ({new} new), scenario {simulation.scenario}; truth in {path}"
        )
        async with running_simulator(store) as asked_to_end:
            publishing = asyncio.create_task(_publish(settings, simulation, path, console), name="publish")
            asked = asyncio.create_task(asked_to_end.wait(), name="asked to end")
            try:
                await asyncio.wait({publishing, asked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                asked.cancel()
                if not publishing.done():
                    publishing.cancel()
                with suppress(asyncio.CancelledError):
                    await publishing


async def _publish(settings: Settings, simulation: Planned, path: Path, console: Console) -> None:
    """Publish until the end, and write the truth to `path`."""
    ids = [device.id for device in simulation.district.devices]
    publisher = Publisher(BrokerAddress.parse(running.mqtt_url(settings)), ids, statuses=True)
    with TruthFile.open(path) as truth:
        try:
            async with publisher.connected():
                simulation = replace(simulation, start=datetime.now(UTC))
                truth.begin(
                    scenario=simulation.scenario,
                    seed=simulation.seed,
                    devices=len(ids),
                    rate=simulation.rate,
                    start=simulation.start,
                )
                if isinstance(simulation, ValleySimulation):
                    await live(simulation, publisher, truth)
                else:
                    await run(simulation, publisher, truth)
        finally:
            truth.end(publisher.counts, datetime.now(UTC))
            console.print(f"{publisher.total} messages published")


async def remove_simulation(settings: Settings, console: Console) -> None:
    """Delete everything simulated from the registry and the broker."""
    address = BrokerAddress.parse(running.mqtt_url(settings))
    async with Store.open(running.database_url(settings), connections=1) as store:
        deleted = await remove(store, address)
    remove_files(settings, deleted)
    console.print(f"{deleted.devices} simulated devices removed, with all that they sent")
