"""`gridwatch simulate`: a district without hardware."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from gridwatch.cli.stopping import until_stopped
from gridwatch.settings import read_settings

DEFAULT_DEVICES = 20
DEFAULT_RATE = 4.0
"""Messages per second: each sensor of the default district speaks every 4 s."""


def simulate_command(
    *,
    scenario: Annotated[
        Literal["quiet", "wildfire", "ebike", "throw", "mixed", "valley"],
        typer.Option(help="What happens; quiet has nothing that deserves an alert, valley is a forest's."),
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
    from gridwatch.cli.simulating import plan_simulation, publish_simulation, remove_simulation

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    settings = read_settings()
    if remove_all:
        asyncio.run(remove_simulation(settings, console))
        return
    simulation = plan_simulation(scenario, devices=devices, rate=rate, seed=seed, duration_s=duration)
    path = truth or settings.data_dir / "simulate" / f"truth-{seed}.jsonl"
    asyncio.run(until_stopped(publish_simulation(settings, simulation, path, console)))
