"""`gridwatch quarantine` and `gridwatch books`, as a person types them."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from paho.mqtt import publish

from gridwatch.store import Store
from gridwatch.store.connection import with_session_options
from gridwatch.store.entries import not_registered
from gridwatch.store.knocks import wanted_replays
from tests.collectors import Collector, ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until
from tests.terminal import typed

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def settings(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> dict[str, str]:
    """Return what a command of gridwatch finds the test's servers by."""
    return {
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_MQTT_URL": mosquitto.url,
        "GRIDWATCH_DATA_DIR": str(tmp_path),
        "COLUMNS": "200",
    }


@pytest.fixture
def run(settings: dict[str, str]) -> Run:
    """Return what runs a command of gridwatch beside the test's servers."""
    return partial(typed, **settings)


def test_a_message_of_a_stranger_is_shown_and_replayed_once_the_device_is_registered(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    payload = json.dumps({"t": time.time(), "values": {"co_ppm": 3}})
    with running_collector(database_url, mosquitto, tmp_path):
        publish.single("gw/v1/late/readings", payload, qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 1)
        assert "'late' is not registered" in run("quarantine", "list").stdout
        assert run("quarantine", "show", "1", "--raw").stdout == payload
        register(database_url, "late", "fire", "sensor")
        assert run("quarantine", "replay").stdout == "published again: 1\n"
        wait_until(lambda: totals(database_url)["stored"] == 1)
        assert run("quarantine", "replay").stdout == "published again: 0\n"
        books = json.loads(run("books", "--json").stdout)
    assert books["total"] == {"received": 2, "stored": 1, "duplicate": 0, "quarantined": 1, "skipped": 0}


def test_a_device_that_knocks_is_listed_and_adopted_and_what_it_sent_is_taken_in(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    began = time.time()
    messages: list[Any] = [
        (f"gw/v1/{device}/readings", json.dumps({"t": began + n, "values": {"co_ppm": n}}), 1, False)
        for device in ("late", "other")
        for n in range(20)
    ]
    with running_collector(database_url, mosquitto, tmp_path):
        publish.multiple(messages, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 40)
        listed = {one["name"]: one for one in json.loads(run("devices", "knocking", "--json").stdout)}
        late = listed["late"]
        assert (set(listed), late["messages"]) == ({"late", "other"}, 20)
        assert late["payload"] in [payload for topic, payload, *_ in messages if "late" in topic]
        told = run("devices", "knocking").stdout
        assert "late: 20 messages since 20" in told
        assert f"  gw/v1/late/readings\n  {late['payload']}\n" in told
        adopted = run("devices", "adopt", "late", "--name", "3栋烟感")
        assert adopted.stdout == "adopted late, messages that are taken in again: 20\n"
        assert [one["name"] for one in json.loads(run("devices", "knocking", "--json").stdout)] == ["other"]
        wait_until(lambda: totals(database_url)["stored"] == 20)
        (device,) = json.loads(run("devices", "list", "--json").stdout)
        assert (device["id"], device["name"], device["kind"]) == ("late", "3栋烟感", "sensor")
        assert "nobody of the name 'late' knocks" in run("devices", "adopt", "late").stderr
        run("devices", "state", "retired", "late")
        retired = json.dumps({"t": began + 99, "values": {"co_ppm": 1}})
        publish.single("gw/v1/late/readings", retired, qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 41)
        late = json.loads(run("devices", "knocking", "--json").stdout)[0]
        assert (late["name"], late["retired"], late["messages"]) == ("late", "late", 1)
        run("devices", "adopt", "late")
        wait_until(lambda: totals(database_url)["stored"] == 21)
    assert json.loads(run("devices", "list", "--json").stdout)[0]["state"] == "active"


def test_what_a_collector_had_in_its_hand_while_its_device_was_adopted_is_taken_in_too(
    database_url: str, run: Run
) -> None:
    rejected = """
        INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest, named)
        VALUES ('gw/v1/late/readings', '{}', %s, 'd', now(), %s, 'late')"""
    ask(database_url, rejected, [not_registered("late"), b"first"])
    with psycopg.connect(with_session_options(database_url)) as collector:
        collector.execute(rejected, [not_registered("late"), b"in its hand"])
        collector.execute(rejected, ["no JSON", b"unreadable"])
        assert run("devices", "adopt", "late").stdout == "adopted late, messages that are taken in again: 1\n"
    late = ask(database_url, "SELECT id FROM quarantine WHERE digest = 'in its hand'")[0]["id"]

    async def wanted() -> list[int]:
        async with Store.open(database_url) as store:
            return await wanted_replays(store, limit=10)

    first = ask(database_url, "SELECT id FROM quarantine WHERE digest = 'first'")[0]["id"]
    assert asyncio.run(wanted()) == [first, late], "what can't be read would only come back"


def test_a_stranger_of_our_own_topics_is_not_taken_for_a_device_of_a_foreign_system(
    database_url: str, run: Run
) -> None:
    register(database_url, "lobby", "fire", "sensor")
    ask(
        database_url,
        """INSERT INTO quarantine (topic, payload, reason, decoder, received_at, digest, named)
           VALUES ('gw/v1/gw-1:lobby/readings', '{}', 'r', 'd', now(), 'x', 'gw-1:lobby')""",
    )
    assert [one["name"] for one in json.loads(run("devices", "knocking", "--json").stdout)] == ["gw-1:lobby"]
    register(database_url, "gw-1", "fire", "gateway")
    run("devices", "adopt", "gw-1:lobby")
    linked = ask(database_url, "SELECT id FROM device WHERE gateway = 'gw-1'")
    assert linked == [{"id": "gw-1:lobby"}], "a gateway of ThingsBoard names its devices so"


def test_what_still_cannot_be_read_comes_back_to_quarantine(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path):
        publish.single("gw/v1/s1/readings", b"{", qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 1)
        run("quarantine", "replay", "1")
        wait_until(lambda: totals(database_url)["quarantined"] == 2)
    assert "s1" in run("quarantine", "list").stdout


def test_replay_is_idempotent_though_collectors_are_killed_and_it_is_done_twice_at_once(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, settings: dict[str, str]
) -> None:
    def replay() -> str:
        command = [sys.executable, "-m", "gridwatch", "quarantine", "replay"]
        return subprocess.check_output(command, env=os.environ | settings, text=True, timeout=60)

    count, began = 300, time.time()
    messages: list[Any] = [
        ("gw/v1/late/readings", json.dumps({"t": began + n, "seq": n, "values": {"co_ppm": n}}), 1, False)
        for n in range(count)
    ]
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        publish.multiple(messages, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == count)
        register(database_url, "late", "fire", "sensor")
        with ThreadPoolExecutor(2) as people:
            replays = [people.submit(replay) for _ in range(2)]
            wait_until(lambda: totals(database_url)["stored"] > 20)
            collector.kill()
            collector.start()
            published = [int(done.result().split(": ")[1]) for done in replays]
        wait_until(lambda: totals(database_url)["stored"] == count)
    assert sum(published) == count, "each message was taken out once"
    (readings,) = ask(database_url, "SELECT count(*) AS n, count(DISTINCT value) AS kinds FROM gw.readings")
    assert readings == {"n": count, "kinds": count}


def test_a_replayed_message_that_came_in_another_way_meanwhile_is_a_duplicate(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    payload = json.dumps({"t": time.time(), "values": {"co_ppm": 3}})
    send = partial(publish.single, qos=1, hostname="127.0.0.1", port=mosquitto.port)
    with running_collector(database_url, mosquitto, tmp_path):
        send("gw/v1/late/readings", payload)
        wait_until(lambda: totals(database_url)["quarantined"] == 1)
        register(database_url, "late", "fire", "sensor")
        send("gw/v1/late/readings", payload)
        wait_until(lambda: totals(database_url)["stored"] == 1)
        assert run("quarantine", "replay").stdout == "published again: 1\n"
        wait_until(lambda: totals(database_url)["duplicate"] == 1)
    assert ask(database_url, "SELECT count(*) AS n FROM gw.readings") == [{"n": 1}]


def test_the_collector_keeps_quarantine_within_its_limit_and_the_list_warns_and_says_what_went(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path, run: Run
) -> None:
    quota = {"GRIDWATCH_QUARANTINE_GB": "0.00001"}
    with running_collector(database_url, mosquitto, tmp_path, **quota) as collector:
        for n in range(20):
            junk = f"{n:01000}"
            publish.single("gw/v1/x/readings", junk, qos=1, hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["quarantined"] == 20)
        _look_after_quarantine(database_url, collector)
        wait_until(lambda: ask(database_url, WARNED) == [{"count": 20}])
        assert "beyond, messages are dropped" in run("quarantine", "list").stderr
        _look_after_quarantine(database_url, collector)
        wait_until(lambda: bool(ask(database_url, "SELECT 1 FROM quarantine_drop")))
    listed = run("quarantine", "list")
    assert "dropped so far: 1" in listed.stderr
    (books,) = ask(
        database_url,
        """SELECT (SELECT count(*) FROM quarantine)
                  + (SELECT sum(messages) FROM quarantine_drop) AS explained""",
    )
    assert books == {"explained": 20}


WARNED = "SELECT count FROM fill WHERE name = 'quarantine' AND warned_at IS NOT NULL"


def _look_after_quarantine(database_url: str, collector: Collector) -> None:
    """Let the chore be done now: a collector that goes on looks for it every half minute."""
    collector.stop()
    ask(database_url, "UPDATE chore SET begun_at = now() - interval '1 day' WHERE name = 'quarantine'")
    collector.start()


def test_a_wrong_number_or_an_absent_database_is_one_clear_sentence(run: Run) -> None:
    wrong = run("quarantine", "show", "4711")
    assert (wrong.returncode, wrong.stderr) == (1, "gridwatch: no message 4711 in quarantine\n")
    assert run("devices", "add", "x y", "--scene", "fire", "--kind", "sensor").returncode == 2
