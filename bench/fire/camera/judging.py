"""Verdicts in Pyronear's form, and what a method does with the boxes of a sequence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import mean, median
from typing import Protocol

from bench.fire.camera.peers import Fsm, Pool, Single
from bench.fire.camera.sequences import GAP_S, START
from bench.spread import quantile
from bench.throwing.tables import share
from detectors.fire.tubes import Box, Watched, watch_boxes
from gridwatch.model import BoxXyxy


class Method(Protocol):
    """Rules over time: takes the boxes of one picture after another."""

    def see(self, boxes: Sequence[Box], size_wh: tuple[int, int]) -> list[BoxXyxy]:
        """Return the boxes of the alarm that this picture gives."""
        ...


@dataclass(slots=True)
class Ours:
    """The rules that our cameras use."""

    watched: Watched = field(default_factory=Watched)
    pictures: int = 0

    def see(self, boxes: Sequence[Box], size_wh: tuple[int, int]) -> list[BoxXyxy]:
        """Return the boxes of the alarm that this picture gives."""
        at = START + timedelta(seconds=GAP_S * self.pictures)
        self.pictures += 1
        told = watch_boxes(self.watched, boxes, at=at, size_wh=size_wh)
        return [finding.box_xyxy for finding in told if finding.box_xyxy is not None]


METHODS: dict[str, Callable[[], Method]] = {
    "gridwatch": Ours,
    "five in a row (tracking-fsm-baseline)": Fsm,
    "pool, alarm 0.35 (pyro-predictor as deployed)": lambda: Pool(alarm=0.35),
    "pool, alarm 0.15 (pyro-predictor's default)": lambda: Pool(alarm=0.15),
    "one picture": Single,
}


@dataclass(slots=True)
class Verdicts:
    """How many sequences with a fire and without were told of, and after how many pictures."""

    hits: list[int] = field(default_factory=list)
    missed: int = 0
    false: int = 0
    quiet: int = 0

    def add(self, told_at: int | None, *, has_fire: bool) -> None:
        """Count one sequence; `told_at` is the number of the picture that first gave an alarm, from 0 on."""
        if has_fire and told_at is not None:
            self.hits.append(told_at)
        elif has_fire:
            self.missed += 1
        elif told_at is not None:
            self.false += 1
        else:
            self.quiet += 1

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return 2 * len(self.hits) / max(1, 2 * len(self.hits) + self.false + self.missed)

    def row(self, name: str) -> str:
        """Return a line of the table."""
        hits = self.hits
        delay = f"{mean(hits):.1f} / {median(hits):g} / {quantile(hits, 0.95):g}" if hits else "–"
        precision, recall = (
            share(len(hits), len(hits) + self.false),
            share(len(hits), len(hits) + self.missed),
        )
        return (
            f"| {name} | {precision} | {recall} | {self.f1:.3f} "
            f"| {share(self.false, self.false + self.quiet)} | {delay} |"
        )


HEAD = (
    "| rules | precision | recall | F1 | false sequences (FPR) | delay in pictures, mean / p50 / p95 |",
    "|---|---|---|---|---|---|",
)


def first_alarm(method: Method, pictures: Sequence[Sequence[Box]], size_wh: tuple[int, int]) -> int | None:
    """Return the number of the first picture at which a method gives an alarm."""
    for number, boxes in enumerate(pictures):
        if method.see(boxes, size_wh):
            return number
    return None
