"""Which devices are proposed for mending."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gridwatch.false_alarms import FEWEST_JUDGED, Judged, by_chance, verdicts


def judged(device: str, false: int, of: int, scene: str = "fire") -> Judged:
    """Return a device with so many judged alerts."""
    rest: dict[str, Any] = {
        "name": "",
        "area": None,
        "area_name": "",
        "kind": "sensor",
        "last_false_at": None,
    }
    return Judged(device=device, scene=scene, alerts=of, judged=of, false_alarms=false, **rest)


def mended(*devices: Judged) -> list[str]:
    """Return who is proposed, in order."""
    return [one.judged.device for one in verdicts(devices) if one.mend]


def test_a_device_that_is_surely_worse_than_the_others_is_proposed() -> None:
    fleet = [judged(f"d-{n}", 2, 20) for n in range(5)]
    assert mended(*fleet, judged("bad", 12, 15)) == ["bad"]
    assert mended(*fleet, judged("bad", 12, 15), judged("worse", 40, 41)) == ["worse", "bad"]


def test_few_alerts_propose_nobody() -> None:
    fleet = [judged(f"d-{n}", 0, 20) for n in range(5)]
    assert mended(*fleet, judged("new", FEWEST_JUDGED - 1, FEWEST_JUDGED - 1)) == []
    assert mended(*fleet, judged("new", FEWEST_JUDGED, FEWEST_JUDGED)) == ["new"]


def test_where_all_are_as_bad_nobody_is_proposed() -> None:
    assert mended(*[judged(f"d-{n}", 15, 20) for n in range(5)]) == []


def test_a_device_is_held_against_others_of_its_own_scene_and_not_itself() -> None:
    assert mended(judged("alone", 30, 30), judged("lift", 0, 30, "elevator")) == []
    assert mended(judged("most", 300, 330), judged("other", 1, 30)) == ["most"]


def test_how_many_would_be_proposed_by_chance_is_told() -> None:
    assert by_chance([judged("a", 0, 40)] * 80 + [judged("b", 0, 1)] * 1000) == 2.0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=20))
def test_who_is_proposed_is_always_above_the_others(counts: list[tuple[int, int]]) -> None:
    devices = [judged(str(n), min(pair), max(pair)) for n, pair in enumerate(counts)]
    for one in verdicts(devices):
        assert one.least <= (one.share or 0.0) + 1e-9
        if one.mend:
            assert one.others is not None
            assert one.least > one.others
