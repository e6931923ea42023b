"""Gaps in the numbers that devices count up: found, listed, and closed when the late message comes."""

import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.collectors import ask, register, running_collector
from tests.servers import Mosquitto, wait_until

BEGAN = int(time.time()) - 3600
"""Within the days whose identities are kept: of older ones a collector forgets which have come."""


def send(mosquitto: Mosquitto, *numbers: int, began: int = BEGAN) -> None:
    """Publish observations of `s1` that are a second apart, by their numbers."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for n in numbers:
        body = f'{{"t": {began + n}, "seq": {n}, "values": {{"co_ppm": 1}}}}'
        client.publish("gw/v1/s1/readings", body, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def gaps(url: str) -> list[tuple[int, int, int, bool]]:
    """Return first, last, missing, and whether it is closed, of all gaps."""
    rows = ask(url, "SELECT first_seq, last_seq, missing, closed_at IS NOT NULL AS shut FROM gap ORDER BY id")
    return [(row["first_seq"], row["last_seq"], row["missing"], row["shut"]) for row in rows]


def expected(url: str) -> int:
    """Return the next number as it was last written down."""
    return next((row["next_seq"] for row in ask(url, "SELECT next_seq FROM sequence")), 0)


def test_a_gap_is_found_shrinks_and_is_closed_by_late_messages(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        send(mosquitto, 1, 2, 3, 7, 8)
        wait_until(lambda: gaps(database_url) == [(4, 6, 3, False)])
        send(mosquitto, 5)
        wait_until(lambda: gaps(database_url) == [(4, 6, 2, False)])
        collector.kill()
        send(mosquitto, 6, 4)
        collector.start()
        wait_until(lambda: gaps(database_url) == [(4, 6, 0, True)])
        send(mosquitto, 9, 12)
        wait_until(lambda: gaps(database_url)[1:] == [(10, 11, 2, False)])


def test_what_comes_out_of_order_or_twice_or_after_a_kill_is_no_gap(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        send(mosquitto, 1, 2, 4, 3, 5, 2, 1)
        wait_until(lambda: expected(database_url) == 6)
        send(mosquitto, *range(6, 20))
        wait_until(lambda: ask(database_url, "SELECT count(*) AS n FROM readings") == [{"n": 19}])
        collector.kill()
        collector.start()
        send(mosquitto, 20)
        wait_until(lambda: expected(database_url) == 21)
    assert gaps(database_url) == []


def test_a_device_that_begins_to_count_anew_has_no_gap(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        send(mosquitto, 500, 501)
        wait_until(lambda: expected(database_url) == 502)
        send(mosquitto, 0, 1, 2, began=BEGAN + 1000)
        wait_until(lambda: expected(database_url) == 3)
        send(mosquitto, 5_000_000, began=BEGAN)
        wait_until(lambda: expected(database_url) == 5_000_001)
        send(mosquitto, 5_000_003, began=BEGAN)
        wait_until(lambda: gaps(database_url) == [(5_000_001, 5_000_002, 2, False)])


def test_late_runs_close_the_gaps_they_lie_in_and_go_on_where_the_device_is(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        send(mosquitto, 1, 2, 6, 7, 12, 13)
        wait_until(lambda: gaps(database_url) == [(3, 5, 3, False), (8, 11, 4, False)])
        send(mosquitto, *range(3, 11))
        wait_until(lambda: gaps(database_url) == [(3, 5, 0, True), (8, 11, 1, False)])
        send(mosquitto, *range(11, 20))
        wait_until(lambda: gaps(database_url)[1] == (8, 11, 0, True))
        wait_until(lambda: expected(database_url) == 20)
        send(mosquitto, 20, 22)
        wait_until(lambda: gaps(database_url)[2:] == [(21, 21, 1, False)])
