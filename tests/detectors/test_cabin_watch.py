"""A cabin judged over time: visits, what stands on the landing, lenses, and what the looks say together.

What is seen in a picture is taken from the rendered truth here: how good a recogniser is, is measured in
bench/elevator.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from detectors.elevator.background import Mask
from detectors.elevator.looks import Caution, Looks
from detectors.elevator.part import LEAST_PART, look_closely, part_of
from detectors.elevator.recogniser import Seen
from detectors.elevator.visit import Visit
from detectors.elevator.watch import CabinWatch
from gridwatch.interlock import GONE_SCORE, SEEN_SCORE
from gridwatch.model import BoxXyxy, Finding, Picture, Pixels
from simulators.cabin.still import Site, Still
from simulators.cabin.visit import Moment, Trick, depth_for, party_of, render_visit, site_for

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SIZE_WH = (160, 120)
LABELS = ("ebike", "bicycle", "wheelchair", "pram", "person")


class TruthTeller:
    """A recogniser that sees what was rendered, also through the open door."""

    name, least_score = "truth", 0.5

    def __init__(self) -> None:
        self.still: Still | None = None
        self.looked = 0

    def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
        """Tell what was rendered, with boxes in the part of it that is shown."""
        self.looked += 1
        if self.still is None:
            return Seen(scores={**dict.fromkeys(LABELS, 0.02), "empty": 0.9})
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(self.still.pixels, pixels, cv2.TM_SQDIFF))
        things = [thing for thing in self.still.things if thing.share > 0.004]
        found: dict[str, BoxXyxy] = {
            thing.label: (left - x, top - y, right - x, bottom - y)
            for thing in things
            for left, top, right, bottom in [thing.box_xyxy]
            if thing.label in LABELS
        }
        scores = {label: 0.9 if label in found else 0.02 for label in LABELS}
        return Seen(scores={**scores, "empty": 0.9 if not things else 0.02}, boxes=found)


@dataclass
class Cabin:
    """A cabin that is watched through several visits."""

    site: Site | None = None
    watch: CabinWatch = field(default_factory=CabinWatch)
    teller: TruthTeller = field(default_factory=TruthTeller)
    now: datetime = START
    scores: list[tuple[Moment, Mapping[str, float]]] = field(default_factory=list)

    def visit(self, seed: int, shows: str, trick: Trick | None = None, ride_s: float = 2.5) -> list[Finding]:
        """Let somebody visit; return what was found."""
        self.scores.clear()
        found: list[Finding] = []
        at = self.now
        for moment in render_visit(
            seed, shows=shows, size_wh=SIZE_WH, site=self.site, trick=trick, ride_s=ride_s
        ):
            self.teller.still = moment.still
            at = self.now + timedelta(seconds=moment.at_s)
            found += self.watch.see(self.teller, Picture(pixels=moment.still.pixels, at=at))
            self.scores.append((moment, self.watch.scores))
        self.now = at + timedelta(seconds=0.2)
        return found

    @property
    def ebike_seen(self) -> list[bool]:
        """Say for each picture whether its score speaks for an e-bike."""
        return [scores.get("ebike", 0.0) >= SEEN_SCORE for _, scores in self.scores]


def cabin_of(seed: int, *visits: tuple[int, str]) -> Cabin:
    depth_m = depth_for([party_of(number, kind) for number, kind in visits])
    return Cabin(site=site_for(seed, depth_m, SIZE_WH))


def test_each_visit_is_one_event_and_the_landing_counts_for_nothing() -> None:
    cabin = cabin_of(0, (1, "ebike"), (2, "ebike"), (5, "empty"))
    assert cabin.visit(5, "empty") == []
    found = [finding for finding in cabin.visit(1, "ebike") if finding.label == "ebike"]
    assert len({finding.id for finding in found}) == 1
    first, *_, last = found
    assert (first.ended_at, first.criteria) == (None, {"entered": 0.0, "left": 0.0})
    assert any(finding.criteria == {"entered": 1.0, "left": 0.0} for finding in found)
    assert last.criteria == {"entered": 1.0, "left": 1.0}
    assert last.ended_at is not None
    assert first.started_at == last.started_at
    seen = list(zip(cabin.scores, cabin.ebike_seen, strict=True))
    assert not any(speaks for (moment, _), speaks in seen if not moment.inside)
    full_s = next(moment.at_s for moment, _ in cabin.scores if moment.inside == 1)
    assert any(speaks for (moment, _), speaks in seen if moment.at_s <= full_s + 0.4)
    again = {finding.id for finding in cabin.visit(2, "ebike") if finding.label == "ebike"}
    assert len(again) == 1
    assert again != {first.id}


def test_who_turns_back_in_the_door_has_not_entered() -> None:
    cabin = cabin_of(4, (4, "ebike"), (5, "empty"))
    cabin.visit(5, "empty")
    found = cabin.visit(4, "ebike", trick="turns_back")
    assert all(finding.criteria["entered"] == 0.0 for finding in found if finding.label == "ebike")


def test_a_wheelchair_never_counts_as_an_e_bike() -> None:
    cabin = cabin_of(3, (7, "wheelchair"))
    labels = {finding.label for finding in cabin.visit(7, "wheelchair")}
    assert labels == {"wheelchair"}
    assert not any(cabin.ebike_seen)


def test_an_empty_cabin_is_hardly_ever_looked_at() -> None:
    cabin = cabin_of(3)
    cabin.visit(5, "empty")
    before = cabin.teller.looked
    cabin.visit(6, "empty")
    assert cabin.teller.looked - before <= 2  # of 52 pictures


def test_an_e_bike_that_was_there_from_the_first_picture_is_seen_all_the_same() -> None:
    cabin = cabin_of(0, (1, "ebike"))
    moments = list(render_visit(1, shows="ebike", size_wh=SIZE_WH, site=cabin.site, ride_s=8))
    riding = [moment for moment in moments if moment.inside == 1 and moment.still.opening == 0]
    found: list[Finding] = []
    for moment in riding:
        cabin.teller.still = moment.still
        picture = Picture(pixels=moment.still.pixels, at=START + timedelta(seconds=moment.at_s))
        found += cabin.watch.see(cabin.teller, picture)
    assert "ebike" in {finding.label for finding in found}
    assert cabin.watch.scores["ebike"] >= SEEN_SCORE


@pytest.mark.parametrize(("trick", "label"), [("covered", "lens_covered"), ("moved", "camera_moved")])
def test_what_happens_to_the_lens_is_told_once_and_nothing_is_seen_meanwhile(
    trick: Trick, label: str
) -> None:
    cabin = cabin_of(2, (6, "person"))
    assert {finding.label for finding in cabin.visit(5, "empty")} == set()
    found = cabin.visit(6, "person", trick=trick, ride_s=8)
    assert [finding.label for finding in found if finding.label.startswith(("lens", "camera"))] == [label]


def test_a_crowd_is_no_trouble_of_the_lens() -> None:
    cabin = cabin_of(2, (11, "person"))
    cabin.visit(5, "empty")
    found = cabin.visit(11, "person", ride_s=6)
    assert not {"lens_covered", "camera_moved"} & {finding.label for finding in found}


def test_a_clock_that_goes_back_ends_the_visit_and_begins_anew() -> None:
    cabin = cabin_of(0, (1, "ebike"))
    moments = list(render_visit(1, shows="ebike", size_wh=SIZE_WH, site=cabin.site))
    until = next(index for index, moment in enumerate(moments) if moment.inside == 1) + 4
    for moment in moments[:until]:
        cabin.teller.still = moment.still
        at = START + timedelta(seconds=moment.at_s)
        cabin.watch.see(cabin.teller, Picture(pixels=moment.still.pixels, at=at))
    back = START - timedelta(hours=1)
    found = cabin.watch.see(cabin.teller, Picture(pixels=moments[until].still.pixels, at=back))
    assert [finding.ended_at is not None for finding in found] == [True]


def look_at(scores: Iterable[float], caution: Caution | None = None, gap_s: float = 0.2) -> Sequence[float]:
    looks = Looks(caution=caution or Caution())
    seen = []
    for index, score in enumerate(scores):
        at = START + timedelta(seconds=gap_s * index)
        looks.add(at, {"ebike": score})
        seen.append(looks.together(at).get("ebike", 0.0))
    return seen


def test_two_wrong_looks_in_seven_say_nothing() -> None:
    assert max(look_at([0.1, 0.1, 0.95, 0.95, 0.1, 0.1, 0.1, 0.1, 0.1])) < GONE_SCORE


def test_what_is_gone_is_gone_after_two_looks() -> None:
    seen = look_at([0.9] * 8 + [0.05] * 3)
    assert seen[7] == pytest.approx(0.9)
    assert seen[9] < GONE_SCORE


def test_looks_that_are_far_apart_say_nothing_together() -> None:
    assert max(look_at([0.95] * 6, gap_s=3.0)) == 0.0


def test_caution_asks_for_more_than_the_recogniser_does() -> None:
    assert look_at([0.7] * 7)[-1] >= SEEN_SCORE
    assert look_at([0.7] * 7, Caution(off={"ebike": 1.0}))[-1] < SEEN_SCORE


WARY = Caution(off={"ebike": 2.0}, suspects_from=-1.0)


def together(**scores: float) -> Mapping[str, float]:
    looks = Looks(caution=WARY)
    for index in range(7):
        looks.add(START + timedelta(seconds=0.2 * index), scores)
    return looks.together(START + timedelta(seconds=1.2))


def test_a_likely_ebike_is_suspected_before_it_counts_and_not_where_a_pram_is_likelier() -> None:
    assert "suspected_ebike" not in Looks().together(START)
    likely = together(ebike=0.4, pram=0.1)
    assert likely["suspected_ebike"] >= SEEN_SCORE > likely["ebike"]
    assert together(ebike=0.2, pram=0.1)["suspected_ebike"] < SEEN_SCORE
    assert together(ebike=0.4, pram=0.5)["suspected_ebike"] == 0.0


@pytest.mark.parametrize(("score", "label"), [(0.45, "suspected_ebike"), (0.97, "ebike")])
def test_a_visit_is_suspected_or_told_never_both(score: float, label: str) -> None:
    watch, sayer, dice = CabinWatch(caution=WARY), Sayer(), np.random.default_rng(4)
    told = []
    for number in range(12):
        sayer.score = score if number > 2 else 0.0
        pixels = dice.integers(0, 255, (12, 16, 3), np.uint8)
        shown = np.asarray(cv2.resize(pixels, SIZE_WH, interpolation=cv2.INTER_CUBIC), np.uint8)
        picture = Picture(pixels=shown, at=START + timedelta(seconds=0.2 * number))
        told += [finding.label for finding in watch.see(sayer, picture) if finding.ended_at is None]
    assert set(told) == {label}


def test_a_visit_that_only_stops_to_be_seen_has_not_left() -> None:
    visit = Visit(label="ebike")
    at = START
    found = []
    for index in range(40):
        at = START + timedelta(seconds=0.2 * index)
        found.append(visit.look(at, 0.9 if index < 20 else 0.1, None, moves=index < 5))
    last = [finding for finding in found if finding is not None][-1]
    assert last.criteria == {"entered": 1.0, "left": 0.0}
    assert last.ended_at == START + timedelta(seconds=0.2 * 19)


class Sayer:
    """A recogniser that says what a test lets it say."""

    name, least_score = "sayer", 0.3

    def __init__(self) -> None:
        self.score = 0.0

    def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
        """Say how surely there is an e-bike."""
        return Seen(scores={"ebike": self.score})


def events(scores: Sequence[float], every_s: float, caution: Caution) -> int:
    """Return how many events a camera raises that sends another cabin with each picture."""
    watch, sayer, dice = CabinWatch(caution=caution), Sayer(), np.random.default_rng(4)
    ids = set()
    for number, score in enumerate(scores):
        sayer.score = score
        pixels = dice.integers(0, 255, (12, 16, 3), np.uint8)
        shown = np.asarray(cv2.resize(pixels, SIZE_WH, interpolation=cv2.INTER_CUBIC), np.uint8)
        picture = Picture(pixels=shown, at=START + timedelta(seconds=every_s * number))
        ids |= {finding.id for finding in watch.see(sayer, picture) if finding.label == "ebike"}
    return len(ids)


def test_pictures_that_come_seldom_are_judged_alone_the_first_one_too() -> None:
    scores = [0.4, 0.0, 0.7, 0.8, 0.2, 0.35]
    assert events(scores, 10.0, Caution.counting_from(Sayer.least_score)) == 4
    assert events(scores, 10.0, Caution()) == 2


def test_one_picture_of_a_fast_camera_tells_nothing() -> None:
    assert events([0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9, 0.0, 0.0], 0.2, Caution()) == 0


def spots(*boxes: BoxXyxy) -> Mask:
    mask = np.zeros((192, 256), np.uint8)
    for x1, y1, x2, y2 in boxes:
        mask[int(y1) : int(y2), int(x1) : int(x2)] = 255
    return mask


@pytest.mark.parametrize("specks", [(), ((20.0, 20.0, 25.0, 25.0),)])
def test_where_nothing_but_noise_stands_the_whole_picture_is_looked_at(specks: Sequence[BoxXyxy]) -> None:
    assert part_of(spots(*specks), (640, 480)) == (0, 0, 640, 480)


@pytest.mark.parametrize(
    "box", [(100.0, 60.0, 130.0, 100.0), (0.0, 0.0, 40.0, 20.0), (10.0, 20.0, 250.0, 190.0)]
)
def test_what_is_looked_at_holds_all_that_stands_and_keeps_the_shape_of_the_picture(box: BoxXyxy) -> None:
    x1, y1, x2, y2 = part_of(spots(box), (640, 480))
    assert 0 <= x1 <= box[0] * 2.5 < box[2] * 2.5 <= x2 <= 640
    assert 0 <= y1 <= box[1] * 2.5 < box[3] * 2.5 <= y2 <= 480
    assert (x2 - x1) / (y2 - y1) == pytest.approx(4 / 3, abs=0.02)
    assert x2 - x1 >= LEAST_PART * 640


def test_boxes_lie_in_the_whole_picture_again() -> None:
    class Corner:
        name, least_score = "corner", 0.5

        def look(self, pixels: Pixels, standing: Mask | None = None) -> Seen:
            self.size_hw = pixels.shape[:2]
            return Seen(scores={"ebike": 0.9}, boxes={"ebike": (0.0, 0.0, 10.0, 20.0)})

    corner, standing = Corner(), spots((150, 100, 200, 160))
    picture = Picture(pixels=np.zeros((480, 640, 3), np.uint8), at=START)
    seen = look_closely(corner, picture, standing)
    x1, y1, x2, y2 = part_of(standing, (640, 480))
    assert corner.size_hw == (y2 - y1, x2 - x1)
    assert seen.boxes == {"ebike": (x1, y1, x1 + 10, y1 + 20)}
