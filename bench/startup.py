"""How long `gridwatch up` takes to be ready, and `make setup` in a fresh clone."""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.machine import CHECKOUT
from bench.show import show
from bench.spread import Row, Spread
from bench.up import clean_environment, data_folder, running

SETUP_WITHIN_S = 600.0
CLONE_WITHIN_S = 60.0
READY_TARGET_S, SETUP_TARGET_S = 10.0, 180.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How often `up` is started, and whether a clone is set up."""

    runs: int = 5
    setup: bool = True


FULL = Sizes()
QUICK = Sizes(runs=1, setup=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Startup:
    """Seconds from the command to its `ready`."""

    first: Spread
    """With a fresh data directory: the database is made, the simulated district registered."""
    later: Spread
    setup_s: float | None
    setup_note: str


def measure(sizes: Sizes) -> Startup:
    """Start with a fresh data directory, stop, start again; as often as said."""
    first, later = [], []
    for _ in range(sizes.runs):
        with data_folder() as data:
            first.append(_ready_after(data))
            later.append(_ready_after(data))
    setup_s, note = set_up_a_clone() if sizes.setup else (None, "not measured")
    return Startup(first=Spread.of(first), later=Spread.of(later), setup_s=setup_s, setup_note=note)


def _ready_after(data: Path) -> float:
    with running(data) as up:
        return up.ready_after_s


def set_up_a_clone() -> tuple[float | None, str]:
    """Return how long `make setup` takes in a fresh clone, or None and why that is not known."""
    with TemporaryDirectory(prefix="gridwatch-bench-clone-") as folder:
        clone = Path(folder) / "gridwatch"
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True, timeout=CLONE_WITHIN_S)
        environment = {n: v for n, v in clean_environment().items() if n != "VIRTUAL_ENV"}
        # As on a fresh machine: everything comes from the package index.
        environment["PIP_NO_CACHE_DIR"] = "1"
        environment["PATH"] = os.pathsep.join(
            entry
            for entry in environment.get("PATH", os.defpath).split(os.pathsep)
            if not entry.startswith(str(CHECKOUT))
        )
        began = time.monotonic()
        done = subprocess.run(
            ["make", "setup"],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SETUP_WITHIN_S,
            check=False,
        )
        took = time.monotonic() - began
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        return None, f"make setup failed, perhaps without a package index: {last}"
    return took, "nothing from pip's cache; Mosquitto was there"


def rows(found: Startup) -> list[Row]:
    """Return the lines of the table."""
    target = f"target: {READY_TARGET_S:g} s; {found.first.runs} starts"
    setup = "not measured" if found.setup_s is None else f"{found.setup_s:.0f} s"
    return [
        Row(
            what="`gridwatch up` to ready, fresh data directory",
            value=f"{found.first.text('.1f')} s",
            note=target,
        ),
        Row(what="`gridwatch up` to ready, later starts", value=f"{found.later.text('.1f')} s", note=target),
        Row(
            what="`make setup` in a fresh clone",
            value=setup,
            note=f"target: {SETUP_TARGET_S:g} s; once; {found.setup_note}",
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
