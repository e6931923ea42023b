"""Who floods, asks for what is not his, or shares a credential: named, and the flooder put out."""

import json
import threading
import time
from pathlib import Path

import pytest

from gridwatch.store.broker import What
from gridwatch.store.credentials import BrokerUser, rotate_secret
from ingest.misuse import STRETCH_S, Floods, may_read, subscribed, taken_over
from tests.access.guarded import Guarded, Guest
from tests.access.test_door import happened, raised
from tests.collectors import ask, running_collector
from tests.servers import wait_until

AT = "2026-11-23T14:50:43: "


def test_what_mosquitto_says_of_subscriptions_and_of_one_that_is_taken_over_is_read() -> None:
    assert subscribed(f"{AT}smoke-1 1 gw/v1/+/a b") == ("smoke-1", "gw/v1/+/a b")
    assert taken_over(f"{AT}Client smoke-1~2 already connected, closing old connection.") == "smoke-1~2"
    for line in (f"{AT}New connection from 127.0.0.1:1 on port 8883.", f"{AT}Client a disconnected.", ""):
        assert (subscribed(line), taken_over(line)) == (None, None)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("gw/v1/box/command", True),
        ("gw/v1/behind/command", True),
        ("gw/v1/other/command", False),
        ("gw/v1/+/command", False),
        ("gw/v1/box/#", False),
        ("#", False),
        ("+/events", False),
        ("$share/g/frigate/events", False),
        ("frigate/events", True),
        ("frigate/+/ptz", True),
        ("frigate/#", True),
        ("frigate", True),
        ("app/7/device/3/command/down", True),
        ("app/7/device/3/command/#", False),
        ("app/7/device/3/command", False),
        ("app/7/device/#", False),
    ],
)
def test_a_subscription_is_its_own_or_is_not(topic: str, allowed: bool) -> None:
    topics = ("frigate/#", "app/7/device/+/command/down")
    user = BrokerUser(username="box~2", device="box", hash=None, others=("behind",), topics=topics)
    assert may_read(user, topic) is allowed


def seconds_until_found(floods: Floods, per_s: dict[int, int], *, taken_per_s: int, most: int = 100) -> int:
    """Return after how many seconds anybody is found to flood, or `most` where nobody is."""
    received = dict.fromkeys(per_s, 0)
    for second in range(most):
        if floods.count(dict(received), taken=taken_per_s, seconds=1.0):
            return second
        received = {key: count + per_s[key] for key, count in received.items()}
    return most


def test_who_sends_a_hundred_times_its_most_is_found_at_once_and_who_sends_its_most_never() -> None:
    assert seconds_until_found(Floods(100), {1: 10_000, 2: 5}, taken_per_s=10_005) == 1
    assert seconds_until_found(Floods(100), {1: 200, 2: 5}, taken_per_s=205) == STRETCH_S + 1
    assert seconds_until_found(Floods(100), {1: 100, 2: 5}, taken_per_s=105) == 100


def test_old_messages_that_a_collector_catches_up_with_are_nobodys_flood() -> None:
    assert seconds_until_found(Floods(100), {1: 5_000, 2: 5_000}, taken_per_s=400) == 100


def test_a_calm_time_between_forgets_what_was_counted() -> None:
    floods = Floods(100)
    for burst in range(20):
        assert seconds_until_found(floods, {1: 600}, taken_per_s=600, most=2) == 2, burst
        floods.calm()


@pytest.mark.slow
def test_a_flood_is_put_out_and_named_while_the_others_go_on(guarded: Guarded, tmp_path: Path) -> None:
    guarded.register("flooder", "quiet")
    credential = guarded.stored(lambda store: rotate_secret(store, "flooder", actor="test"))
    over, sent = threading.Event(), 0

    def flood(flooder: Guest) -> None:
        while not over.is_set() and flooder.is_in:
            flooder.pour(
                "gw/v1/flooder/readings",
                json.dumps({"t": time.time(), "values": {"co_ppm": 1}}).encode(),
                200,
            )
            time.sleep(0.02)

    with running_collector(guarded.database_url, guarded, tmp_path), guarded.admit("quiet") as quiet:
        flooder = guarded.connected(credential)
        flooding = threading.Thread(target=flood, args=[flooder])
        flooding.start()
        try:
            named = happened(guarded, What.FLOODED, "flooder")
            end = time.monotonic() + 60
            while flooder.is_in and time.monotonic() < end:
                reading = {"t": time.time(), "seq": sent, "values": {"co_ppm": 1}}
                assert quiet.publishes("gw/v1/quiet/readings", json.dumps(reading).encode())
                sent += 1
                time.sleep(0.1)
            assert not flooder.is_in
            wait_until(named, what="the doorkeeper names the flooder")
            wait_until(lambda: raised(guarded, "device_flooding", "flooder"), what="an alert is raised")
        finally:
            over.set()
            flooding.join()
        back = Guest(guarded.passwords, credential.username, credential.secret, tls=guarded.trust())
        assert not back.is_in
        assert quiet.is_in
        stored = "SELECT count(*) AS n FROM gw.readings WHERE device = 'quiet'"
        wait_until(
            lambda: ask(guarded.database_url, stored)[0]["n"] == sent, what="all of the others is stored"
        )
    assert not happened(guarded, What.FLOODED, "quiet")()
