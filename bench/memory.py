"""Resident memory of each process of `gridwatch up`: idle, in a simulated district, after a load."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.publisher import Load, device_name
from bench.sensors import publish_all
from bench.show import show
from bench.spread import Row
from bench.up import Operator, Up, data_folder, running
from bench.waiting import end

MIB = 1024**2
DEVICES = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How long each state lasts before it is looked at, in seconds."""

    idle_s: float = 10.0
    simulated_s: float = 120.0
    load_s: float = 30.0
    load_rate: float = 1_000.0


FULL = Sizes()
QUICK = Sizes(idle_s=2.0, simulated_s=15.0, load_s=5.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The memory of one part, summed over its processes.

    `rss_mib` counts what processes share once for each of them, `pss_mib` once in all; the latter is None
    where the system does not tell it.
    """

    name: str
    processes: int
    rss_mib: float
    pss_mib: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """The parts in each state."""

    idle: list[Part]
    simulated: list[Part]
    simulated_s: float
    loaded: list[Part]
    load_s: float
    load_rate: float


def measure(sizes: Sizes) -> Memory:
    """Bring one installation through the three states."""
    with data_folder() as data, running(data, "--no-simulate") as up:
        time.sleep(sizes.idle_s)
        idle = parts_of(up)
        with _district(up):
            time.sleep(sizes.simulated_s)
            simulated = parts_of(up)
        Operator(up.port).register([device_name(number) for number in range(DEVICES)])
        load = Load(
            devices=DEVICES,
            messages=int(sizes.load_s * sizes.load_rate),
            begin_t=time.time(),
            rate=sizes.load_rate,
        )
        publish_all(up.mqtt_port, load)
        return Memory(
            idle=idle,
            simulated=simulated,
            simulated_s=sizes.simulated_s,
            loaded=parts_of(up),
            load_s=sizes.load_s,
            load_rate=sizes.load_rate,
        )


@contextmanager
def _district(up: Up) -> Iterator[None]:
    """Run the mixed scenario at its usual size and rate."""
    command = [sys.executable, "-m", "gridwatch", "simulate", "--scenario", "mixed"]
    process = subprocess.Popen(
        command, env=up.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the simulated district ended")
    finally:
        end(process, signal.SIGINT)


def parts_of(up: Up) -> list[Part]:
    """Return what each part of a running installation holds, the largest first."""
    ours = psutil.Process(up.process.pid)
    named: dict[str, list[tuple[int, int | None]]] = {"up itself": [_held(ours)]}
    for child in ours.children():
        for process in (child, *child.children(recursive=True)):
            try:
                named.setdefault(_name(child, process), []).append(_held(process))
            except psutil.NoSuchProcess:
                continue
    parts = [
        Part(
            name=name,
            processes=len(held),
            rss_mib=round(sum(rss for rss, _ in held) / MIB, 1),
            pss_mib=round(sum(pss or 0 for _, pss in held) / MIB, 1) if held[0][1] is not None else None,
        )
        for name, held in named.items()
    ]
    return sorted(parts, key=lambda part: -part.rss_mib)


def _name(child: psutil.Process, process: psutil.Process) -> str:
    """Name a process by its part; detectors apart from their collector."""
    command = child.cmdline()
    if "gridwatch" in command:
        part = command[command.index("gridwatch") + 1]
        if part == "ingest" and process != child:
            return "detectors" if "spawn_main" in " ".join(process.cmdline()) else "collector's tracker"
        return {"ingest": "collector"}.get(part, part)
    program = " ".join(command)
    named = {"postgres": "database", "mosquitto": "broker", "amqtt": "broker", "guard": "guard"}
    return next((name for word, name in named.items() if word in program), "others")


def _held(process: psutil.Process) -> tuple[int, int | None]:
    full = process.memory_full_info()
    return full.rss, getattr(full, "pss", None)


def rows(found: Memory) -> list[Row]:
    """Return one line for each part and one for all."""
    states = (found.idle, found.simulated, found.loaded)
    names = list(dict.fromkeys(part.name for state in states for part in state))
    by_name = [{part.name: part for part in state} for state in states]
    lines = [_row(name, [state.get(name) for state in by_name], found) for name in names]
    sums = [sum(part.pss_mib or 0.0 for part in state) for state in states]
    return [*lines, Row(what="memory, all parts", value=" / ".join(f"{s:.0f}" for s in sums) + " MiB PSS")]


def _row(name: str, held: list[Part | None], found: Memory) -> Row:
    rss = " / ".join("–" if part is None else f"{part.rss_mib:.0f}" for part in held)
    pss = " / ".join("–" if part is None or part.pss_mib is None else f"{part.pss_mib:.0f}" for part in held)
    most = max(part.processes for part in held if part is not None)
    return Row(
        what=f"memory, {name}" + (f" ({most} processes)" if most > 1 else ""),
        value=f"{rss} MiB RSS; {pss} PSS",
        note=f"idle / after {found.simulated_s:g} s of the mixed district / after {found.load_s:g} s of "
        f"{found.load_rate:,.0f} msg/s",
    )


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
