"""What may be asked of a channel's readings."""

import pytest

from gridwatch.model import Channel
from gridwatch.quality import Limits


def test_limits_are_what_a_channel_states() -> None:
    given = {"min": -20, "max": 60.5, "flat_s": 3600, "flat_within": 0.1, "spike": 5, "drift": 3}
    assert Limits.from_json(given) == Limits(
        min=-20, max=60.5, flat_s=3600, flat_within=0.1, spike=5, drift=3
    )
    assert Limits.from_json({}) == Limits()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"maximum": 3}, "no setting 'maximum'; there are: min, max, flat_s"),
        ({"min": "3"}, "min is a number"),
        ({"min": True}, "min is a number"),
        ({"spike": float("nan")}, "spike is a number"),
        ({"min": 5, "max": 5}, "min 5 is not less than max 5"),
        ({"flat_s": 5}, "flat_s 5: from 60 to 604800 s"),
        ({"flat_within": 1}, "goes with flat_s"),
        ({"flat_s": 600, "flat_within": -1}, "0 or more"),
        ({"spike": 0}, "spike 0: more than 0"),
        ({"drift": -2}, "drift -2: more than 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Channel(quantity="co_ppm", quality=given)
