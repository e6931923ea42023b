"""What may be asked of a device."""

from datetime import UTC, datetime, timedelta

import pytest

from gridwatch.commands import HOLD_LONGEST_S, Order, why_not
from gridwatch.model import LiftState

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_hold_lapses_in_seconds_and_waits_nowhere() -> None:
    hold = Order.of("hold_open", {})
    assert (hold.ttl_s, hold.qos) == (HOLD_LONGEST_S, 0)
    assert (Order.of("release", {}).ttl_s, Order.of("release", {}).qos) == (60, 1)


@pytest.mark.parametrize(
    ("action", "params", "ttl_s", "why"),
    [
        ("hold_open", {}, 3.1, "lasts from 1 to 3 s"),
        ("hold_open", {"floor": 3}, None, "hold_open has none"),
        ("reboot", {}, 0.5, "lasts from 1 to 604800 s"),
        ("reboot", {}, float("nan"), "lasts from"),
        ("reboot", {"x": "y" * 20_000}, None, "characters as JSON"),
        ("Re boot", {}, None, "small letters"),
        ("speak", {}, None, "params.text"),
        ("speak", {"text": " "}, None, "params.text"),
        ("speak", {"text": "请离开", "lang": 5}, None, "params.lang"),
        ("speak", {"text": "请离开", "volume": 5}, None, "volume: speak has text, lang"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(
    action: str, params: dict[str, object], ttl_s: float | None, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Order.of(action, params, ttl_s)


def test_a_device_may_know_actions_of_its_own() -> None:
    order = Order.of("set_interval", {"seconds": 60}, 3600)
    assert (order.params, order.ttl_s) == ({"seconds": 60}, 3600)


@pytest.mark.parametrize(
    ("state", "age_s", "why"),
    [
        ({"mode": "fire"}, 3600, "mode fire"),
        ({"mode": "inspection"}, 1, "mode inspection"),
        ({"mode": "rescue", "door_zone": True}, 1, "mode rescue"),
        ({"mode": "normal", "moving": True}, 1, "moving"),
        ({"moving": False, "door_zone": False}, 1, "not where its door"),
        ({"mode": "normal", "moving": True}, 75, "the lift is moving, by its last word 0:01:15 ago"),
        ({"moving": True}, 90_000, "1 day, 1:00:00 ago"),
        ({"moving": False, "door_zone": True}, 90_000, None),
        ({"mode": "normal", "moving": False, "door_zone": True}, 1, None),
        ({}, 1, None),
    ],
)
def test_a_lift_that_may_not_wait_is_not_asked_to(
    state: dict[str, object], age_s: float, why: str | None
) -> None:
    lift = LiftState(device="lift", observed_at=NOW, **state)  # type: ignore[arg-type]
    reason = why_not("hold_open", lift, age=timedelta(seconds=age_s))
    assert (reason is None) if why is None else (why in (reason or ""))
    assert why_not("release", lift, age=timedelta(seconds=age_s)) is None
    assert why_not("hold_open", None, age=timedelta()) is None
