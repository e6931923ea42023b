"""Run every measurement; write bench/results.json and the table in bench/README.md."""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import latency, media, memory, rate, shared, startup
from bench.machine import Machine
from bench.spread import Row

FOLDER = Path(__file__).resolve().parent
RESULTS, PAGE = FOLDER / "results.json", FOLDER / "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One module's sizes, its work and its lines."""

    full: Any
    quick: Any
    measure: Callable[[Any], Any]
    rows: Callable[[Any], Sequence[Row]]


MEASUREMENTS = {
    module.__name__.rpartition(".")[2]: Measurement(
        full=module.FULL, quick=module.QUICK, measure=module.measure, rows=module.rows
    )
    for module in (latency, rate, shared, media, memory, startup)
}


def main() -> None:
    """Measure; only full sizes are written."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that it runs, writes nothing"
    )
    quick: bool = parser.parse_args().quick
    machine = Machine.this()
    print(f"{machine.cpu}, {machine.cores} cores, load {machine.load_1min}, commit {machine.commit}")
    found: dict[str, Any] = {}
    lines: list[Row] = []
    began = time.monotonic()
    for name, one in MEASUREMENTS.items():
        sizes = one.quick if quick else one.full
        began_one = time.monotonic()
        result = one.measure(sizes)
        took = round(time.monotonic() - began_one, 1)
        found[name] = {"sizes": asdict(sizes), "took_s": took, "found": asdict(result)}
        lines += one.rows(result)
        print(f"{time.monotonic() - began:6.0f} s  {name}", flush=True)
        for row in one.rows(result):
            print(f"    {row.what}: {row.value}")
    if not quick:
        said = {"machine": asdict(machine), **found}
        RESULTS.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_table(page, table(machine, lines)), encoding="utf-8")


def table(machine: Machine, lines: Sequence[Row]) -> str:
    """Return the results as Markdown, after a line on what they were measured on."""
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    changed = f" with {machine.changed_files} changed files" if machine.changed_files else ""
    head = (
        f"Measured {machine.measured_at} on commit `{machine.commit}`{changed}: {machine.cpu}, "
        f"{machine.cores} cores, {machine.memory_gib:g} GiB, {machine.system}, load {machine.load_1min:g} "
        f"before the start; {versions}. Spreads are median (least – greatest)."
    )
    body = [f"| {row.what} | {row.value} | {row.note} |" for row in lines]
    return "\n".join([head, "", "| what | result | beside it |", "|---|---|---|", *body])


def with_table(page: str, text: str, *, begin: str = BEGIN, end: str = END) -> str:
    """Return `page` with `text` between its two marks; raise ValueError where it has none."""
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


if __name__ == "__main__":
    main()
