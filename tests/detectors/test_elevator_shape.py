"""A cabin judged by the outline of what stands in it: rendered visits of seeds that nothing was fitted on."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors.elevator import ElevatorDetector
from gridwatch.model import Finding, Picture
from simulators.cabin_visit import render_visit
from simulators.rendered import Rendered
from simulators.visitors import VisitorKind

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
REPORT_SEED = 9_000_000
"""Seeds from here on were never fitted on."""


def rendered(visitor: VisitorKind, seed: int) -> Rendered:
    rng = np.random.default_rng(seed)
    return render_visit(rng, start=START, visitor=visitor, fps=4.0, empty_s=3.0, size_wh=(480, 270))


def watched(pictures: Iterable[Picture]) -> list[Finding]:
    detector = ElevatorDetector()
    state = detector.new_state()
    found = [finding for picture in pictures for finding in detector.see(state, picture)]
    assert detector.scores(state) == {}
    return [*found, *detector.finish(state)]


def labels(pictures: Iterable[Picture]) -> list[str]:
    return [finding.label for finding in watched(pictures)]


def test_rendered_ebikes_are_suspected_and_told_once_a_visit() -> None:
    visits = [labels(rendered("ebike", REPORT_SEED + seed).pictures) for seed in range(10)]
    assert sum("suspected_ebike" in told for told in visits) >= 7
    assert all(told.count("suspected_ebike") <= 1 and "ebike" not in told for told in visits)


@pytest.mark.parametrize("visitor", ["person", "wheelchair", "pram", "empty"])
def test_rendered_visits_without_a_two_wheeler_hardly_ever_raise(visitor: VisitorKind) -> None:
    visits = [labels(rendered(visitor, REPORT_SEED + seed).pictures) for seed in range(5)]
    assert sum("suspected_ebike" in told for told in visits) <= (0 if visitor == "empty" else 1)


def test_the_finding_lies_on_the_ebike_and_is_never_surer_than_the_shape_allows() -> None:
    visit = next(
        v
        for s in range(20)
        if "suspected_ebike" in labels((v := rendered("ebike", REPORT_SEED + s)).pictures)
    )
    finding = next(finding for finding in watched(visit.pictures) if finding.label == "suspected_ebike")
    index = [picture.at for picture in visit.pictures].index(finding.observed_at)
    truth = visit.truth[0].boxes[index]
    assert truth is not None
    assert finding.box_xyxy is not None
    x, y = (truth[0] + truth[2]) / 2, (truth[1] + truth[3]) / 2
    assert finding.box_xyxy[0] < x < finding.box_xyxy[2]
    assert finding.box_xyxy[1] < y < finding.box_xyxy[3]
    assert 0.3 <= finding.confidence <= 0.6


def test_a_second_visit_is_told_again() -> None:
    seed = next(
        s for s in range(20) if "suspected_ebike" in labels(rendered("ebike", REPORT_SEED + s).pictures)
    )
    once = rendered("ebike", REPORT_SEED + seed).pictures
    length = once[-1].at - once[0].at + timedelta(seconds=0.25)
    twice = [*once, *(Picture(pixels=picture.pixels, at=picture.at + length) for picture in once)]
    assert labels(twice).count("suspected_ebike") == 2
