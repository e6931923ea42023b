"""The bench of ridge cameras: verdicts in Pyronear's form, and rules that are fed the same boxes."""

import numpy as np
import pytest

from bench.fire.camera.judging import METHODS, Verdicts, first_alarm
from bench.fire.camera.noisy import noisy_boxes
from bench.fire.camera.sequences import Footage
from bench.fire.camera.watching import true_and_false
from detectors.fire.tubes import Box
from gridwatch.model import BoxXyxy

SIZE_WH = (640, 360)
PLUME: BoxXyxy = (300, 200, 340, 240)


def seen(confidence: float) -> list[Box]:
    return [Box(label="smoke", confidence=confidence, box_xyxy=PLUME)]


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("gridwatch", 4),
        ("five in a row (tracking-fsm-baseline)", 4),
        ("pool, alarm 0.35 (pyro-predictor as deployed)", 4),
        ("pool, alarm 0.15 (pyro-predictor's default)", 3),
        ("one picture", 0),
    ],
)
def test_each_rule_gives_its_alarm_at_its_picture(name: str, at: int) -> None:
    assert first_alarm(METHODS[name](), [seen(0.6)] * 8, SIZE_WH) == at
    assert first_alarm(METHODS[name](), [seen(0.2), []] * 8, SIZE_WH) is None


def test_verdicts_count_sequences_and_delays() -> None:
    verdicts = Verdicts()
    for told_at, has_fire in ((4, True), (6, True), (None, True), (2, False), (None, False), (None, False)):
        verdicts.add(told_at, has_fire=has_fire)
    assert verdicts.f1 == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    row = verdicts.row("ours")
    assert "(2/3;" in row
    assert "(1/3;" in row
    assert "5.0 / 5 / " in row


def test_the_modelled_detector_sees_more_of_large_plumes_and_keeps_its_boxes_on_them() -> None:
    small: list[BoxXyxy | None] = [(300, 200, 306, 206)] * 40
    large: list[BoxXyxy | None] = [(300, 180, 360, 240)] * 40
    counts = {"small": 0, "large": 0}
    for seed in range(20):
        for name, smoke in (("small", small), ("large", large)):
            pictures = noisy_boxes(np.random.default_rng([seed]), smoke, SIZE_WH)
            near = [box for boxes in pictures for box in boxes if 250 < box.box_xyxy[0] < 380]
            counts[name] += len(near)
    assert counts["large"] > 1.5 * counts["small"] > 0


def test_an_alarm_is_true_where_it_meets_the_fire_and_one_id_is_one_alarm() -> None:
    none: list[BoxXyxy | None] = [None] * 3
    record = {
        "interval_s": 30.0,
        "smoke": [*none, PLUME, PLUME, PLUME],
        "flame": [None] * 6,
        "told": [
            {"picture": 1, "label": "smoke", "id": "a", "box": (10, 10, 20, 20)},
            {"picture": 2, "label": "smoke", "id": "a", "box": (10, 10, 20, 20)},
            {"picture": 5, "label": "smoke", "id": "b", "box": (320, 210, 360, 260)},
        ],
    }
    assert true_and_false(record) == (2, 1)


def test_splits_share_no_scene_and_every_second_sequence_has_a_fire() -> None:
    train, report = (Footage(split=split, number=6).scene(size_wh=(64, 36)) for split in ("train", "report"))
    assert train.seed != report.seed
    assert train.fire is not None
    assert train.fire.xy != getattr(report.fire, "xy", None)
    assert Footage(split="train", number=7).scene(size_wh=(64, 36)).fire is None
    assert train.trouble == report.trouble
