"""Run measurements; write results.json and the table in README.md, both beside this file."""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from bench import (
    access,
    areas,
    edge,
    history,
    ingest,
    latency,
    media,
    memory,
    overload,
    rate,
    shared,
    startup,
)
from bench.machine import Machine
from bench.spread import Row

FOLDER = Path(__file__).resolve().parent
RESULTS, PAGE = "results.json", "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One module's sizes, its work and its lines."""

    full: Any
    quick: Any
    measure: Callable[[Any], Any]
    rows: Callable[[Any], Sequence[Row]]


def measurements(*modules: ModuleType) -> Mapping[str, Measurement]:
    """Return the measurements of modules by their names, in this order."""
    return {
        module.__name__.rpartition(".")[2]: Measurement(
            full=module.FULL, quick=module.QUICK, measure=module.measure, rows=module.rows
        )
        for module in modules
    }


MEASUREMENTS = measurements(
    latency, rate, ingest, overload, shared, history, media, edge, memory, startup, areas, access
)


LONG = ("history", "ingest", "overload", "access")
"""Many minutes each: they run only when they are named."""


def main(
    known: Mapping[str, Measurement] = MEASUREMENTS,
    *,
    folder: Path = FOLDER,
    long: Sequence[str] = LONG,
    prog: str = "python -m bench",
) -> None:
    """Measure; only full sizes are written into a folder, and only what was measured changes."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that it runs, writes nothing"
    )
    given = parser.parse_args()
    names: list[str] = given.names or [name for name in known if name not in long]
    if unknown := set(names) - known.keys():
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(known)}")
    machine = Machine.this()
    print(f"{machine.cpu}, {machine.cores} cores, load {machine.load_1min}, commit {machine.commit}")
    began = time.monotonic()
    for name in names:
        one = known[name]
        sizes = one.quick if given.quick else one.full
        began_one = time.monotonic()
        found = one.measure(sizes)
        rows = one.rows(found)
        print(f"{time.monotonic() - began:6.0f} s  {name}", flush=True)
        for row in rows:
            print(f"    {row.what}: {row.value}")
        if not given.quick:
            keep(
                folder,
                name,
                order=list(known),
                machine=asdict(machine),
                sizes=asdict(sizes),
                took_s=round(time.monotonic() - began_one, 1),
                found=asdict(found),
                rows=[asdict(row) for row in rows],
            )


def keep(folder: Path, name: str, *, order: Sequence[str], **result: Any) -> None:
    """Write one measurement into the results, and the table anew."""
    file, page = folder / RESULTS, folder / PAGE
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results[name] = result
    file.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = table([results[one] for one in order if one in results])
    page.write_text(with_table(page.read_text(encoding="utf-8"), text), encoding="utf-8")


def table(ordered: Sequence[Mapping[str, Any]]) -> str:
    """Return results as Markdown, after a line on what the last ones were measured on."""
    machine = max((result["machine"] for result in ordered), key=lambda one: str(one["measured_at"]))
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    head = (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']:g} GiB, {machine['system']}; "
        f"{versions}. Spreads are median (least – greatest); taken: day, commit, load before the start."
    )
    body = [
        f"| {row['what']} | {row['value']} | {row['note']} | {_taken(result['machine'])} |"
        for result in ordered
        for row in result["rows"]
    ]
    return "\n".join([head, "", "| what | result | beside it | taken |", "|---|---|---|---|", *body])


def _taken(machine: dict[str, Any]) -> str:
    changed = f" and {machine['changed_files']} files" if machine["changed_files"] else ""
    return f"{machine['measured_at'][:10]}, `{machine['commit']}`{changed}, {machine['load_1min']:g}"


def with_table(page: str, text: str, *, begin: str = BEGIN, end: str = END) -> str:
    """Return `page` with `text` between its two marks; raise ValueError where it has none."""
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"


if __name__ == "__main__":
    main()
