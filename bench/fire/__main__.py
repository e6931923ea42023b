"""Measure the rules for ground sensors in simulated valleys; write ground.jsonl and the table of README.md.

Each season of a valley is kept at once: a run that is stopped, or asked for more, goes on where it was.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, get_args

from bench.__main__ import with_table
from bench.fire.ground import Record, watch
from bench.fire.valleys import LEARN_DAYS, RAISED_SIGMA, Season, Split
from bench.machine import Machine
from bench.spread import quantile
from bench.throwing.tables import share
from gridwatch.rates import most_per

FOLDER = Path(__file__).resolve().parent
RESULTS, PAGE = FOLDER / "ground.jsonl", FOLDER / "README.md"
SEASONS, DAYS, POSTS = 8, LEARN_DAYS + 8, 30
MONTH_DAYS = 30.0
IN_TIME_S = 300.0
BANDS = ((RAISED_SIGMA, 5.0), (5.0, 10.0), (10.0, float("inf")))


def main() -> None:
    """Watch the seasons that were not watched yet, then write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fire", description=__doc__)
    parser.add_argument("--split", choices=get_args(Split), default="report", help="train writes no table")
    parser.add_argument(
        "--seasons", type=int, default=SEASONS, metavar="N", help="valleys, each with its season"
    )
    parser.add_argument("--days", type=int, default=DAYS, help=f"of each, {LEARN_DAYS} of them to learn from")
    given = parser.parse_args()
    results = RESULTS if given.split == "report" else FOLDER / "train.jsonl"
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    records: list[Record] = [json.loads(line) for line in lines]
    there = {record["season"] for record in records}
    for number in range(given.seasons):
        season = Season(split=given.split, number=number, days=given.days)
        if season.name in there:
            continue
        record = watch(season, posts=POSTS)
        records.append(record)
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(f"{season.name}: {len(record['events'])} events", flush=True)
    text = page(records)
    print(text)
    if given.split == "report":
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


def page(records: Sequence[Record]) -> str:
    """Return the tables, after a line on what they were measured on."""
    machine = Machine.this()
    months = sum(record["sensor_days"] for record in records) / MONTH_DAYS
    fires = {(record["season"], event["fire"]) for record in records for event in record["events"]}
    events = sum(len(record["events"]) for record in records)
    return "\n".join(
        [
            f"{machine.measured_at[:10]}, commit `{machine.commit}`: {len(records)} valleys, {months:.1f} "
            f"sensor-months, {len(fires)} fires that raise a channel of some post by {RAISED_SIGMA:g} σ, "
            f"{events} times that one does. Shares have counts and Wilson's 95 % interval; rates the most "
            "that they may be (Poisson, 95 %).",
            "",
            "| method, stage | told of a fire at each post | within 5 min | delay p50 / p95 "
            "| told at any post | within 5 min | false per sensor-month |",
            "|---|---|---|---|---|---|---|",
            *(_line(records, name, stage, months) for name, stage in _told_by(records)),
            "",
            "| raised by | gridwatch, warning or alarm | gridwatch, alarm |",
            "|---|---|---|",
            *(_band(records, low, high) for low, high in BANDS),
        ]
    )


def _told_by(records: Sequence[Record]) -> list[tuple[str, str]]:
    names = list(records[0]["methods"]) if records else []
    return [
        (name, stage)
        for name in names
        for stage in ("warning", "alarm")
        if stage == "alarm" or name == names[0]
    ]


def _line(records: Sequence[Record], name: str, stage: str, months: float) -> str:
    delays = _delays(records, name, stage, lambda _: True)
    told = [delay for delay in delays if delay is not None]
    in_time = sum(delay <= IN_TIME_S for delay in told)
    false = sum(record["methods"][name]["false"][stage] for record in records)
    fires = _fires(records, name, stage)
    fires_told = [delay for delay in fires if delay is not None]
    fires_in_time = sum(delay <= IN_TIME_S for delay in fires_told)
    times = f"{median(told) / 60:.0f} / {quantile(told, 0.95) / 60:.0f} min" if told else "–"
    return (
        f"| {name}, {stage if stage == 'alarm' else 'warning or alarm'} | {share(len(told), len(delays))} "
        f"| {share(in_time, len(delays))} | {times} | {share(len(fires_told), len(fires))} "
        f"| {share(fires_in_time, len(fires))} | {false / months:.2f} ({false}; at most "
        f"{most_per(false, months):.2f}) |"
    )


def _band(records: Sequence[Record], low: float, high: float) -> str:
    def within(event: dict[str, Any]) -> bool:
        return bool(low <= event["sigma"] < high)

    cells = []
    for stage in ("warning", "alarm"):
        delays = _delays(records, "gridwatch", stage, within)
        cells.append(share(sum(delay is not None for delay in delays), len(delays)))
    upto = f"to {high:g}" if high < float("inf") else "or more"
    return f"| {low:g} {upto} σ | {cells[0]} | {cells[1]} |"


def _fires(records: Sequence[Record], name: str, stage: str) -> list[float | None]:
    """Return of each fire how long after it raised a channel of any post a stage was told of any."""
    delays: list[float | None] = []
    for record in records:
        raised: dict[int, list[float]] = defaultdict(list)
        told: dict[int, list[float]] = defaultdict(list)
        for event, answer in zip(record["events"], record["methods"][name]["answers"], strict=True):
            raised[event["fire"]].append(event["raised_s"])
            if answer[stage] is not None:
                told[event["fire"]].append(event["raised_s"] + answer[stage])
        delays += [min(told[fire]) - min(raised[fire]) if told[fire] else None for fire in raised]
    return delays


def _delays(
    records: Sequence[Record], name: str, stage: str, wanted: Callable[[dict[str, Any]], bool]
) -> list[float | None]:
    """Return how many seconds after a channel was raised a stage was told of each event, None: never."""
    return [
        answer[stage]
        for record in records
        for event, answer in zip(record["events"], record["methods"][name]["answers"], strict=True)
        if wanted(event)
    ]


if __name__ == "__main__":
    main()
