"""`gridwatch simulate`: a district without hardware."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gridwatch import running
from gridwatch.broker_address import BrokerAddress
from gridwatch.cli.stopping import until_stopped
from gridwatch.errors import GridwatchError, SettingsError
from gridwatch.settings import Settings, read_settings
from gridwatch.store.connection import Store
from simulators.district import build_district
from simulators.publishing import Publisher
from simulators.registering import register, remove
from simulators.scenarios import SCENARIOS, ScenarioName
from simulators.simulation import FOREVER, Simulation, run
from simulators.truth import TruthFile

USAGE_ERROR = 2

DEFAULT_DEVICES = 20
DEFAULT_RATE = 4.0
"""Messages per second: each sensor of the default district speaks every 4 s."""


def simulate_command(
    *,
    scenario: Annotated[
        ScenarioName, typer.Option(help="What happens; quiet has nothing that deserves an alert.")
    ] = "mixed",
    devices: Annotated[
        int, typer.Option(min=1, max=100_000, help="Sensors and cameras in all.")
    ] = DEFAULT_DEVICES,
    rate: Annotated[
        float,
        typer.Option(
            min=0.01, max=100_000, help="Messages of readings per second; pictures and clips come on top."
        ),
    ] = DEFAULT_RATE,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same district and events.")] = 1,
    duration: Annotated[float, typer.Option(min=0, help="Seconds; 0: until stopped.")] = 0,
    truth: Annotated[
        Path | None, typer.Option(help="Where to write what really happens, as JSON lines.")
    ] = None,
    remove_all: Annotated[
        bool, typer.Option("--remove", help="Delete everything simulated and do nothing else.")
    ] = False,
) -> None:
    """Publish readings, pictures and clips of a simulated district; Ctrl-C stops it."""
    console = Console(stderr=True, highlight=False)
    try:
        settings = read_settings()
        if remove_all:
            asyncio.run(_remove(settings, console))
            return
        if devices < (needed := SCENARIOS[scenario].devices):
            raise SettingsError(f"scenario {scenario} needs at least {needed} devices: --devices {needed}")
        simulation = Simulation(
            scenario=scenario,
            district=build_district(devices, seed=seed),
            seed=seed,
            rate=rate,
            start=datetime.now(UTC),
            duration=timedelta(seconds=duration) if duration else FOREVER,
        )
        path = truth or settings.data_dir / "simulate" / f"truth-{seed}.jsonl"
        asyncio.run(until_stopped(_simulate(settings, simulation, path, console)))
    except GridwatchError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(USAGE_ERROR) from error


async def _simulate(settings: Settings, simulation: Simulation, path: Path, console: Console) -> None:
    address = BrokerAddress.parse(running.mqtt_url(settings))
    async with Store.open(running.database_url(settings), connections=1) as store:
        new = await register(store, simulation.district)
    ids = [device.id for device in simulation.district.devices]
    console.print(
        f"{len(ids)} simulated devices ({new} new), scenario {simulation.scenario}; truth in {path}"
    )
    publisher = Publisher(address, ids, statuses=True)
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
                await run(simulation, publisher, truth)
        finally:
            truth.end(publisher.counts, datetime.now(UTC))
            console.print(f"{publisher.total} messages published")


async def _remove(settings: Settings, console: Console) -> None:
    address = BrokerAddress.parse(running.mqtt_url(settings))
    async with Store.open(running.database_url(settings), connections=1) as store:
        count = await remove(store, address)
    console.print(f"{count} simulated devices removed, with all that they sent")
