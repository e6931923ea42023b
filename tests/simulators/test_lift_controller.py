"""A lift whose door is its own."""

from typing import Any

import pytest

from simulators.lift_controller import OFF_TIMER_S, REST_S, RIDE_S, Cabin, Wired, held_spans

AT = 1_800_000_000.0


def asked(
    action: str, seq: int, *, ttl_s: float = 3.0, expires_at: float = AT + 3, **params: str
) -> dict[str, Any]:
    """Return a command as it comes."""
    return {"action": action, "seq": seq, "ttl_s": ttl_s, "expires_at": expires_at, "params": params}


def test_a_door_is_held_for_as_long_as_a_request_lasts_and_no_longer() -> None:
    cabin = Cabin()
    assert cabin.obey(asked("hold_open", 1), 100.0, AT) == (True, "")
    assert cabin.is_held(102.9)
    assert not cabin.is_held(103.0)
    cabin.obey(asked("hold_open", 2, ttl_s=1e9, expires_at=AT + 1e9), 200.0, AT)
    assert not cabin.is_held(203.0), "whatever it is told"
    cabin.obey(asked("hold_open", 3), 300.0, AT)
    assert cabin.obey(asked("release", 4), 300.5, AT) == (True, "")
    assert not cabin.is_held(300.5)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (asked("hold_open", 4), "older than 5"),
        (asked("hold_open", 9, expires_at=AT), "over"),
        (asked("dance", 9), "knows no"),
    ],
)
def test_what_is_old_over_or_unknown_is_refused(command: dict[str, Any], why: str) -> None:
    cabin = Cabin(last_seq=5)
    ok, detail = cabin.obey(command, 100.0, AT)
    assert not ok
    assert why in detail
    assert not cabin.is_held(100.0)


def test_in_fire_service_and_on_its_way_it_obeys_nobody() -> None:
    cabin = Cabin()
    cabin.obey(asked("hold_open", 1), 100.0, AT)
    cabin.mode = "fire"
    assert not cabin.is_held(100.1)
    assert cabin.obey(asked("hold_open", 2), 101.0, AT) == (False, "mode fire")
    cabin = Cabin()
    cabin.ride(100.0)
    cabin.turn(100.0)
    assert {**cabin.state(100.0, AT), "t": 0} == {
        "t": 0,
        "door": "closed",
        "moving": True,
        "door_zone": False,
        "mode": "normal",
    }
    assert cabin.obey(asked("hold_open", 1), 101.0, AT) == (False, "it is moving")
    cabin.turn(100.0 + RIDE_S)
    assert cabin.obey(asked("hold_open", 2), 109.0, AT) == (True, "")


def test_a_ride_waits_for_the_door_and_a_reboot_frees_it() -> None:
    cabin = Cabin()
    cabin.obey(asked("hold_open", 7), 100.0, AT)
    cabin.ride(101.0)
    cabin.turn(102.0)
    assert not cabin.moving
    cabin.reboot()
    cabin.turn(102.1)
    assert cabin.moving


def test_a_relay_opens_by_its_own_timer_however_often_it_is_asked() -> None:
    cabin = Cabin(wired=Wired.RELAY)
    held_s = 0.0
    for second in range(round(OFF_TIMER_S) + 5):
        cabin.obey(asked("hold_open", second), float(second), AT)
        cabin.turn(float(second))
        held_s += cabin.is_held(float(second))
    assert held_s == OFF_TIMER_S
    cabin.turn(OFF_TIMER_S + REST_S + 10)
    assert cabin.obey(asked("hold_open", 9999), OFF_TIMER_S + REST_S + 10, AT) == (True, "")


def test_what_it_speaks_is_remembered_and_when_it_was_held_is_told() -> None:
    cabin = Cabin()
    cabin.obey(asked("speak", 3, text="请把车推出电梯", lang="zh"), 1.0, AT)
    assert cabin.spoken == ["请把车推出电梯"]
    told: list[dict[str, Any]] = [
        {"t": 1.0, "held": True},
        {"t": 2.0, "command": "x"},
        {"t": 3.0, "held": False},
    ]
    assert held_spans(told) == [(1.0, 3.0)]
