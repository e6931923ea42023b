"""Several collectors share the work: each device is one's alone, and nobody's absence loses a message."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from uuid import uuid4
from zlib import crc32

import pytest
from paho.mqtt import publish

from bench.publisher import Load, device_name
from bench.sensors import Sensors, publish_all
from gridwatch.store.condition import SQL as CONDITION
from ingest.shares import MARKER
from tests.collectors import Collector, ask, register, totals
from tests.servers import Mosquitto, wait_until

pytestmark = pytest.mark.timeout(300)

DEVICES = 40
RATE = 2_000.0
STORED_WITHIN_S = 90.0


class District:
    """A broker, a database with devices, and collectors with data directories of their own."""

    def __init__(self, url: str, mosquitto: Mosquitto, folder: Path) -> None:
        self.url = url
        self.mosquitto = mosquitto
        self._folder = folder
        self._made: list[Collector] = []
        self._began = time.time() - 100_000
        self.published = 0

    def collector(self) -> Collector:
        """Return a collector that is not started."""
        folder = self._folder / f"collector-{len(self._made)}"
        folder.mkdir()
        self._made.append(Collector(self.url, self.mosquitto, folder))
        return self._made[-1]

    def started(self) -> Collector:
        """Start a collector and wait until all were told of it."""
        collector = self.collector()
        collector.start()
        self.wait_until_joined()
        return collector

    def load(self, messages: int, rate: float = 0.0) -> Load:
        """Return messages that were never published before."""
        first = self.published // DEVICES
        self.published += messages
        return Load(devices=DEVICES, messages=messages, first_seq=first, begin_t=self._began, rate=rate)

    def publish(self, messages: int) -> None:
        """Publish messages at once."""
        assert publish_all(self.mosquitto.port, self.load(messages)).acknowledged == messages

    @contextmanager
    def stream(self, messages: int) -> Iterator[None]:
        """Publish messages at a steady rate; wait until the broker has taken all."""
        with Sensors(self.mosquitto.port, self.load(messages, RATE)) as sensors:
            sensors.begin()
            yield
            assert sensors.finished().acknowledged == messages

    def wait_for(self, stored: int) -> None:
        """Wait until so many messages are stored."""
        wait_until(
            lambda: totals(self.url)["stored"] >= stored, timeout_s=STORED_WITHIN_S, what=f"{stored} stored"
        )

    def wait_until_joined(self) -> None:
        """Wait until every session knows of every slot."""
        waiting = """
            SELECT 1 FROM collector c CROSS JOIN (VALUES ('readings'), ('media')) AS k (kind)
            LEFT JOIN share s ON s.client_id = c.client_id || '-' || k.kind
            WHERE NOT c.joined OR coalesce(s.shares, c.slot + 1) < (SELECT count(*) FROM collector)"""
        wait_until(lambda: not ask(self.url, waiting), what="all know of all")

    def assert_each_stored_once(self) -> None:
        """Compare what was published with the books, the identities and the readings."""
        self.wait_for(self.published)
        books = totals(self.url)
        assert books["stored"] == self.published
        assert books["received"] == books["stored"] + books["duplicate"]
        (found,) = ask(
            self.url,
            """SELECT count(*) AS rows, count(DISTINCT (device, quantity, observed_at)) AS distinct_rows
               FROM gw.readings""",
        )
        assert found == {"rows": 4 * self.published, "distinct_rows": 4 * self.published}

    def holder(self, slot: int) -> tuple[int, str | None]:
        """Return the process that works for a slot, and for whose collector it does besides its own."""
        (row,) = ask(self.url, "SELECT pid, adopted_by FROM collector WHERE slot = %s", [slot])
        return row["pid"], row["adopted_by"]

    def live(self) -> int:
        """Return how many collectors `/readyz` would count."""
        (row,) = ask(self.url, CONDITION["collectors"], {"within_s": 5.0})  # type: ignore[arg-type]
        return int(row["live"])

    def close(self) -> None:
        """Stop every collector."""
        with ExitStack() as stack:
            for collector in self._made:
                stack.callback(collector.stop)


@pytest.fixture
def district(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[District]:
    """Return a district with its sensors registered."""
    for number in range(DEVICES):
        register(database_url, device_name(number), "fire", "sensor")
    made = District(database_url, mosquitto, tmp_path)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def halted(collector: Collector) -> Iterator[None]:
    """Let a collector do nothing for the length of the block, and hold what it holds."""
    pid = collector.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def devices_of(slot: int, shares: int) -> set[str]:
    """Return the devices that belong to a slot."""
    names = map(device_name, range(DEVICES))
    return {name for name in names if crc32(name.encode()) % shares == slot}


def smoulder(district: District, device: str, seqs: range) -> None:
    """Publish readings of one device; the third in a row raises an alert."""
    values = {"temperature_c": 58, "humidity_pct": 12, "smoke_pct_m": 9, "co_ppm": 60}
    publish.multiple(
        [
            {
                "topic": f"gw/v1/{device}/readings",
                "payload": json.dumps({"t": time.time() - 300 + 10 * seq, "seq": seq, "values": values}),
                "qos": 1,
            }
            for seq in seqs
        ],
        hostname="127.0.0.1",
        port=district.mosquitto.port,
    )


def test_two_collectors_take_the_devices_of_their_own_slots_and_nothing_twice(district: District) -> None:
    district.started()
    second = district.started()
    assert district.live() == 2
    mine = devices_of(0, 2)
    assert 10 < len(mine) < 30
    with halted(second):
        district.publish(10 * DEVICES)
        district.wait_for(10 * len(mine))
        stored = {row["device"] for row in ask(district.url, "SELECT DISTINCT device FROM gw.readings")}
        assert stored == mine
    district.assert_each_stored_once()
    assert totals(district.url)["duplicate"] == 0


def test_the_findings_of_a_camera_go_to_one_collector(district: District) -> None:
    cameras = [f"lift-{number}" for number in range(10)]
    for camera in cameras:
        register(district.url, camera, "elevator", "camera")
    district.started()
    second = district.started()
    mine = {camera for camera in cameras if crc32(camera.encode()) % 2 == 0}
    assert 0 < len(mine) < len(cameras)
    with halted(second):
        found = json.dumps({"t": time.time(), "label": "bicycle", "confidence": 0.9})
        publish.multiple(
            [{"topic": f"gw/v1/{camera}/finding", "payload": found, "qos": 1} for camera in cameras],
            hostname="127.0.0.1",
            port=district.mosquitto.port,
        )
        district.wait_for(len(mine))
        assert {row["device"] for row in ask(district.url, "SELECT device FROM gw.events")} == mine
    district.wait_for(len(cameras))
    assert totals(district.url)["duplicate"] == 0


def test_a_collector_that_joins_in_mid_stream_loses_nothing(district: District) -> None:
    district.started()
    with district.stream(16_000):
        district.wait_for(1_000)
        district.started()
    district.assert_each_stored_once()
    district.publish(10 * DEVICES)
    district.assert_each_stored_once()


@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_what_a_killed_collector_leaves_is_stored_by_the_other(district: District, victim: int) -> None:
    both = [district.started(), district.started()]
    survivor = both[1 - victim]
    with district.stream(10_000):
        district.wait_for(3_000)
        both[victim].kill()
    district.assert_each_stored_once()
    assert district.holder(victim) == (survivor.pid, f"gridwatch-{1 - victim}")
    assert district.live() == 1


@pytest.mark.slow
def test_a_collector_that_comes_back_gets_its_slot_back(district: District) -> None:
    first, second = district.started(), district.started()
    second.kill()
    wait_until(lambda: district.holder(1) == (first.pid, "gridwatch-0"), what="the slot is adopted")
    with district.stream(10_000):
        second.start()
    district.assert_each_stored_once()
    assert district.holder(1) == (second.pid, None)
    assert len(ask(district.url, "SELECT 1 FROM collector")) == 2
    assert district.live() == 2


@pytest.mark.slow
def test_a_marker_in_the_middle_of_a_backlog_is_passed_by_whoever_drains_it(district: District) -> None:
    first = district.started()
    with halted(first):
        district.publish(50 * DEVICES)
        second = district.collector()
        second.start()
        wait_until(lambda: not ask(district.url, "SELECT 1 FROM collector WHERE NOT joined"), what="joined")
        district.publish(50 * DEVICES)
        assert ask(district.url, "SELECT 1 FROM share WHERE client_id ~ '-0-' AND shares > 1") == []
        first.kill()
    district.assert_each_stored_once()
    assert district.holder(0) == (second.pid, "gridwatch-1")
    district.wait_until_joined()


def test_ten_readings_that_agree_are_told_of_each_device_and_are_one_fire(district: District) -> None:
    district.started()
    district.started()
    devices = sorted([min(devices_of(0, 2)), min(devices_of(1, 2))])
    for device in devices:
        smoulder(district, device, range(10))
    district.wait_for(20)
    told = ask(
        district.url,
        "SELECT d.id, min(e.alert_id) AS alert FROM event e JOIN device d ON d.key = e.device_key"
        " GROUP BY d.id ORDER BY d.id",
    )
    assert [row["id"] for row in told] == devices
    assert len({row["alert"] for row in told} - {None}) == 1
    assert totals(district.url)["duplicate"] == 0


def test_readings_that_agree_raise_an_alert_although_their_collector_changed(district: District) -> None:
    _first, second = district.started(), district.started()
    device = min(devices_of(1, 2))
    smoulder(district, device, range(2))
    district.wait_for(2)
    assert ask(district.url, "SELECT 1 FROM alert") == []
    second.kill()
    smoulder(district, device, range(2, 3))
    district.wait_for(3)
    assert ask(district.url, "SELECT device, label FROM gw.alerts") == [{"device": device, "label": "smoke"}]


def test_a_marker_of_nobody_changes_nothing(district: District) -> None:
    district.started()
    for payload in (b"2", b"", b"\xff\x00", str(uuid4()).encode()):
        publish.single(MARKER, payload, qos=1, hostname="127.0.0.1", port=district.mosquitto.port)
    district.publish(2 * DEVICES)
    district.assert_each_stored_once()
    assert ask(district.url, "SELECT DISTINCT shares FROM share") == [{"shares": 1}]
    assert totals(district.url)["quarantined"] == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_collectors_that_come_and_go_lose_nothing(district: District) -> None:
    chance = Random(3)  # noqa: S311 - the same turns in every run
    collectors = [district.started(), district.started(), district.collector()]
    running = {0, 1}
    with district.stream(120_000):
        collectors[2].start()
        running.add(2)
        for _ in range(10):
            number = chance.randrange(3)
            if number not in running:
                collectors[number].start()
                running.add(number)
            elif len(running) > 1:
                collectors[number].kill() if chance.random() < 0.7 else collectors[number].stop()
                running.remove(number)
    district.assert_each_stored_once()
    assert len(ask(district.url, "SELECT 1 FROM collector")) == 3
