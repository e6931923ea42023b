"""Measure the detector of throws on rendered clips; write results.jsonl and the tables of README.md.

Each clip's result is kept at once: a run that is stopped, or asked for more seeds, goes on where it was. When
the detector or the simulator has changed since, it begins anew.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import cv2

from bench.__main__ import with_table
from bench.machine import Machine
from bench.throwing import tables
from bench.throwing.pictures import draw_pictures
from bench.throwing.real import watch_real
from bench.throwing.sets import FAMILIES, Clip, Family, Split, draw_clip
from bench.throwing.showing import digest, render
from bench.throwing.watching import JUDGED, Record, watch

FOLDER = Path(__file__).resolve().parent
RESULTS, REAL, PAGE = FOLDER / "results.jsonl", FOLDER / "real.json", FOLDER / "README.md"
DATA_VARIABLE = "GRIDWATCH_BENCH_DATA"

SEEDS: Mapping[Family, int] = {
    "throws": 80,
    "air": 90,
    "home": 420,
    "street": 95,
    "rain": 15,
    "snow": 15,
    "light": 20,
    "shake": 25,
    "calm": 15,
}
"""Clips of each family in the whole run, for a thousand tracks of each disturber; `--seeds` gives another
number for all that are named."""

BASELINE_SEEDS: Mapping[Family, int] = {"throws": 12}
BASELINE_SEEDS_ELSEWHERE = 3
"""Clips of each family, the first ones, that the baselines see too, but for those of 1080p: they take most of
the time."""


def main() -> None:
    """Watch what has not been watched, then write the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.throwing", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--seeds", type=int, metavar="N", help="clips of each family, instead of the usual")
    parser.add_argument("--pictures", action="store_true", help="draw the pictures of the page, and end")
    parser.add_argument("--split", choices=get_args(Split), default="report", help="train writes no tables")
    parser.add_argument(
        "--minutes", type=float, metavar="M", help="end after so many minutes, with a whole clip"
    )
    parser.add_argument(
        "--clips",
        type=Path,
        metavar="DIR",
        help="keep rendered clips there, and show what is there: a new detector need not wait for them",
    )
    parser.add_argument("--render", action="store_true", help="only render what --clips has not yet, and end")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get(DATA_VARIABLE),
        metavar="DIR",
        help=f"folder of the real clips (or {DATA_VARIABLE}); they are left out without it",
    )
    given = parser.parse_args()
    if unknown := set(given.families) - set(FAMILIES):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(FAMILIES)}")
    if given.render and given.clips is None:
        parser.error("--render needs --clips")
    cv2.setNumThreads(1)
    if given.pictures:
        draw_pictures(FOLDER)
        return
    results = RESULTS if given.split == "report" else FOLDER / f"{given.split}.jsonl"
    families: Sequence[Family] = given.families or FAMILIES
    wanted = _wanted(given.split, families, given.seeds)
    if given.render:
        for clip in wanted:
            print(render(clip, given.clips).name, flush=True)
        return
    records = run(wanted, results, minutes=given.minutes, clips=given.clips)
    if given.data is None:
        print(f"The real clips are left out: give their folder with --data or {DATA_VARIABLE}.")
    elif not (found := watch_real(Path(given.data))):
        print(f"The real clips are left out: none of them is in {given.data}.")
    elif given.split == "report":
        REAL.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = page(records)
    if given.split == "report":
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    else:
        print(text)


def run(
    wanted: Iterable[Clip], results: Path, *, minutes: float | None, clips: Path | None = None
) -> list[Record]:
    """Return the records of all clips that are wanted, those watched before and those watched now."""
    state = digest(JUDGED)
    records = {record["clip"]: record for record in _kept(results) if record["state"] == state}
    _write(results, records.values())
    end = None if minutes is None else time.monotonic() + 60 * minutes
    for clip in wanted:
        if clip.name in records:
            continue
        if end is not None and time.monotonic() >= end:
            break
        few = BASELINE_SEEDS.get(clip.family, BASELINE_SEEDS_ELSEWHERE)
        beside = clip.number < few and max(clip.size_wh) < 1920
        record = watch(clip, state=state, baselines=beside, clips=clips)
        records[clip.name] = record
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        print(_line(record), flush=True)
    return list(records.values())


def _wanted(split: Split, families: Sequence[Family], seeds: int | None) -> Iterator[Clip]:
    """Yield the clips of families, in turns: a run that is stopped early has seen some of each."""
    numbers = {family: seeds or SEEDS[family] for family in families}
    order = sorted(
        (
            (number / numbers[family], family, number)
            for family in families
            for number in range(numbers[family])
        ),
        key=lambda one: one[0],
    )
    for _, family, number in order:
        yield draw_clip(split, family, number)


def _kept(results: Path) -> list[Record]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def _write(results: Path, records: Any) -> None:
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    results.write_text("".join(lines), encoding="utf-8")


def _line(record: Record) -> str:
    own = record["methods"][tables.OURS]
    found = sum(answer["found"] for answer in own["answers"])
    return (
        f"{record['clip']}: {record['light']}, {record['weather']}; {found} of {len(own['answers'])} found, "
        f"false {own['false'] or 0}, suspected {own['false_suspected'] or 0}, {own['ms']} ms"
    )


def page(records: Sequence[Record]) -> str:
    """Return the tables, after a line on what they were measured on."""
    machine = Machine.this()
    real = json.loads(REAL.read_text(encoding="utf-8")) if REAL.exists() else []
    thrown = [event for _, event, _ in tables.events(records)]
    parts = [
        f"{machine.cpu}, {machine.cores} cores, one thread; {machine.measured_at[:10]}, commit "
        f"`{machine.commit}`. {len(records)} rendered clips, {sum(r['seconds'] for r in records) / 3600:.2f} "
        f"hours, {len(thrown)} throws, of which {sum(map(tables.counts, thrown))} count: at least "
        f"{tables.LEAST_PX:g} px, a contrast of {tables.LEAST_CONTRAST:g} grey levels and a fall of "
        f"{tables.LEAST_FLOORS:g} floors in the picture, outside masks ({sum(map(tables.is_masked, thrown))} "
        "more fell so, but behind a masked tree). Shares have counts and "
        "Wilson's 95 % interval.",
        "### Beside the baselines\n\n" + tables.methods_table(records),
        "### By condition\n\n" + tables.recall_table(records),
        "### By size and contrast\n\n" + tables.sizes_table(records),
        "### By thing\n\n" + tables.things_table(records),
        "### Where from\n\n" + tables.floors_table(records),
        "### What is not thrown\n\n" + tables.disturbers_table(records),
        "### False alerts per camera-day\n\n" + tables.hours_table(records),
        "### Real clips\n\n" + tables.real_table(real),
    ]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
