"""Break everything that can break under a steady load, and count what is lost and what is stored twice.

`python -m bench.faults` does all at full size and takes more than an hour; names choose some of them,
`--quick` takes small sizes and writes nothing. Each result is written as soon as it is there, to
`faults.json` and into the table of README.md, so that a run that is cut off keeps the rest.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench import mutants, saves
from bench.__main__ import with_table
from bench.machine import Machine
from bench.ordeals import (
    Outcome,
    Sizes,
    database_away,
    fill_database_disk,
    fill_evidence_disk,
    kill_broker,
    kill_collector,
    restart_broker,
    restart_database,
    stop_collector,
    suffer,
    suffer_cuts,
)
from bench.show import changed
from bench.spread import Row

FOLDER = Path(__file__).resolve().parent
RESULTS, PAGE = FOLDER / "faults.json", FOLDER / "README.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What breaks, at which sizes, and its lines in the table."""

    run: Callable[[Any], Any]
    rows: Callable[[Any], Sequence[Row]]
    full: Any
    quick: Any


def under_load(what: str, run: Callable[[Sizes], Outcome], full: Sizes, quick: Sizes) -> Fault:
    """Return a fault that comes under a steady load."""
    return Fault(run=run, rows=lambda outcome: [row(what, outcome)], full=full, quick=quick)


FAULTS: Mapping[str, Fault] = {
    "kill-collector": under_load(
        "kill -9 of the collector", partial(suffer, kill_collector), Sizes(times=100), Sizes(times=10)
    ),
    "stop-collector": under_load(
        "collector stopped with SIGSTOP past its keep-alive",
        partial(suffer, stop_collector),
        Sizes(lasts_s=60),
        Sizes(lasts_s=3),
    ),
    "restart-database": under_load(
        "PostgreSQL restarted: fast, immediate and kill -9 in turns",
        partial(suffer, restart_database),
        Sizes(times=20),
        Sizes(times=3),
    ),
    "database-away": under_load(
        "PostgreSQL away", partial(suffer, database_away), Sizes(lasts_s=600), Sizes(lasts_s=20)
    ),
    "restart-broker": under_load(
        "Mosquitto restarted in order", partial(suffer, restart_broker), Sizes(times=20), Sizes(times=3)
    ),
    "cut-gateway": under_load(
        "gateway ↔ broker cut in mid-packet",
        partial(suffer_cuts, "gateway"),
        Sizes(times=100),
        Sizes(times=10),
    ),
    "cut-collector": under_load(
        "broker ↔ collector cut in mid-packet",
        partial(suffer_cuts, "collector"),
        Sizes(times=100),
        Sizes(times=10),
    ),
    "cut-database": under_load(
        "collector ↔ PostgreSQL cut in mid-packet",
        partial(suffer_cuts, "database"),
        Sizes(times=100),
        Sizes(times=10),
    ),
    "full-evidence-disk": under_load(
        "disk full in the data directory",
        partial(suffer, fill_evidence_disk),
        Sizes(lasts_s=60),
        Sizes(lasts_s=8),
    ),
    "full-database-disk": under_load(
        "disk of PostgreSQL's tables full",
        partial(suffer, fill_database_disk),
        Sizes(lasts_s=60),
        Sizes(lasts_s=8),
    ),
    "kill-broker": under_load(
        "Mosquitto kill -9, collector there", partial(suffer, kill_broker), Sizes(times=20), Sizes(times=3)
    ),
    **{
        f"save-{setting.interval}-{'changes' if setting.on_changes else 's'}": Fault(
            run=partial(saves.measure, setting), rows=saves.rows, full=saves.FULL, quick=saves.QUICK
        )
        for setting in saves.SETTINGS
    },
    "mutants": Fault(run=mutants.measure, rows=mutants.rows, full=mutants.FULL, quick=mutants.QUICK),
}


def row(what: str, outcome: Outcome) -> Row:
    """Return the fault's line of the table."""
    compared, published = outcome.compared, outcome.published
    kept = [f"{name.replace('_', ' ')} {value:,g}" for name, value in outcome.seen.items()]
    peaks = ", ".join(f"{name} {value:,.0f} MiB" for name, value in outcome.peak_mib.items())
    return Row(
        what=f"{what}, {outcome.faults}×" + (f" for {outcome.lasted_s:g} s" if outcome.lasted_s else ""),
        value=f"**{compared.lost} lost, {compared.twice} twice** of {compared.published:,}",
        note="; ".join(
            [
                f"{compared.duplicate:,} arrived again and were known",
                f"gateway reconnected {published.reconnects}× and resent {published.resent:,}",
                f"caught up in {outcome.caught_up_s:g} s",
                f"books wrong for {compared.books_wrong} devices",
                *kept,
                f"peaks: {peaks}",
            ]
        ),
    )


def main() -> None:
    """Run the faults that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="fault", help=", ".join(FAULTS))
    parser.add_argument("--quick", action="store_true", help="small sizes: writes nothing")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SIZE=N", help="another size, such as times=5"
    )
    given = parser.parse_args()
    unknown = set(given.names) - FAULTS.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: no such fault; there are {', '.join(FAULTS)}")
    # So that a run that is told to stop stops its servers too.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    for name in given.names or FAULTS:
        fault = FAULTS[name]
        sizes = changed(fault.quick if given.quick else fault.full, given.set)
        found = fault.run(sizes)
        print(json.dumps({name: asdict(found)}, ensure_ascii=False), flush=True)
        for line in fault.rows(found):
            print(f"{line.what}: {line.value}  ({line.note})", flush=True)
        if not given.quick:
            keep(name, sizes, found)


def keep(name: str, sizes: Any, found: Any) -> None:
    """Put one result beside those that are there, and write the table anew."""
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[name] = {
        "machine": asdict(Machine.this()),
        "sizes": asdict(sizes),
        "found": asdict(found),
        "rows": [asdict(line) for line in FAULTS[name].rows(found)],
    }
    RESULTS.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    known = [results[one] for one in FAULTS if one in results]
    body = [f"| {line['what']} | {line['value']} | {line['note']} |" for one in known for line in one["rows"]]
    table = "\n".join(["| what broke | result | beside it |", "|---|---|---|", *body])
    page = with_table(PAGE.read_text(encoding="utf-8"), table, begin=BEGIN, end=END)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
