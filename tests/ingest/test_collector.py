"""From the broker into the database: what devices send, and what becomes of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from tests.collectors import Collector, ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until

NOW = time.time()


@pytest.fixture
def collector(database_url: str, mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Collector]:
    """Return a running collector beside a fire sensor `s1`."""
    register(database_url, "s1", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as running:
        yield running


def send(mosquitto: Mosquitto, *messages: tuple[str, Any]) -> None:
    """Publish messages of devices with QoS 1 and wait until the broker has them."""
    publish.multiple(
        [
            {
                "topic": f"gw/v1/{topic}",
                "payload": body if isinstance(body, bytes) else json.dumps(body),
                "qos": 1,
            }
            for topic, body in messages
        ],
        hostname="127.0.0.1",
        port=mosquitto.port,
    )


def reading(n: int, **values: float) -> tuple[str, dict[str, object]]:
    """Return the n-th observation of sensor s1."""
    return "s1/readings", {"t": NOW + n, "seq": n, "values": values}


def wait_for_books(url: str, **wanted: int) -> None:
    """Wait until the books say so."""
    wait_until(lambda: totals(url) | wanted == totals(url), what=f"the books say {wanted}")


def smoulder(first: int) -> list[tuple[str, dict[str, object]]]:
    """Return readings that no one would take for a nuisance."""
    return [
        reading(n, temperature_c=58, humidity_pct=12, smoke_pct_m=9, co_ppm=60)
        for n in range(first, first + 5)
    ]


@pytest.mark.usefixtures("collector")
def test_the_same_observation_twice_is_stored_once(database_url: str, mosquitto: Mosquitto) -> None:
    twice = reading(1, temperature_c=24.1, humidity_pct=41)
    send(mosquitto, twice, twice, reading(2, temperature_c=24.2))
    wait_for_books(database_url, received=3, stored=2, duplicate=1)
    rows = ask(database_url, "SELECT quantity, value FROM gw.readings ORDER BY observed_at, quantity")
    assert [(row["quantity"], row["value"]) for row in rows] == [
        ("humidity_pct", 41.0),
        ("temperature_c", 24.1),
        ("temperature_c", 24.2),
    ]


@pytest.mark.usefixtures("collector")
def test_what_cannot_be_read_is_quarantined_whole_and_blocks_nothing(
    database_url: str, mosquitto: Mosquitto
) -> None:
    send(
        mosquitto,
        ("s1/readings", b'{"t": '),
        ("nobody/readings", reading(1, co_ppm=1)[1]),
        ("s1/frame/1", b"x"),
        reading(1, co_ppm=1),
    )
    wait_for_books(database_url, received=4, stored=1, quarantined=3)
    rows = ask(database_url, "SELECT topic, payload, reason FROM quarantine ORDER BY topic")
    assert [row["topic"] for row in rows] == [
        "gw/v1/nobody/readings",
        "gw/v1/s1/frame/1",
        "gw/v1/s1/readings",
    ]
    assert bytes(rows[2]["payload"]) == b'{"t": '
    assert "not registered" in rows[0]["reason"]


@pytest.mark.usefixtures("collector")
def test_a_device_may_publish_as_soon_as_it_is_registered(database_url: str, mosquitto: Mosquitto) -> None:
    send(mosquitto, ("late/readings", {"t": NOW, "values": {"co_ppm": 1}}))
    wait_for_books(database_url, quarantined=1)
    register(database_url, "late", "fire", "sensor")
    send(mosquitto, ("late/readings", {"t": NOW, "values": {"co_ppm": 1}}))
    wait_for_books(database_url, stored=1)
    assert ask(database_url, "SELECT device FROM gw.readings") == [{"device": "late"}]


@pytest.mark.usefixtures("collector")
def test_doubts_about_a_sensor_suppress_no_fire(database_url: str, mosquitto: Mosquitto) -> None:
    send(mosquitto, reading(0, temperature_c=58, humidity_pct=12, smoke_pct_m=9, co_ppm=60))
    wait_for_books(database_url, stored=1)
    ask(
        database_url,
        """INSERT INTO doubt (device_key, quantity_key, flag, from_at, until_at, readings, value, seen_at)
           SELECT d.key, q.key, flag, now() - interval '1 day', now() + interval '1 day', 99, 58, now()
           FROM device d, quantity q, unnest(ARRAY[8, 16, 32, 64]) AS flag""",
    )
    send(mosquitto, *smoulder(1))
    wait_for_books(database_url, stored=6)
    assert {row["flags"] for row in ask(database_url, "SELECT flags FROM gw.readings")} == {120}
    assert [row["label"] for row in ask(database_url, "SELECT label FROM gw.alerts")] == ["smoke"]


@pytest.mark.usefixtures("collector")
def test_smouldering_raises_one_alert_with_the_devices_place_and_a_job(
    database_url: str, mosquitto: Mosquitto
) -> None:
    send(mosquitto, *smoulder(1))
    wait_for_books(database_url, stored=5)
    alerts = ask(database_url, "SELECT scene, label, device, area FROM gw.alerts")
    assert alerts == [{"scene": "fire", "label": "smoke", "device": "s1", "area": "area-1"}]
    changes = ask(database_url, "SELECT alert FROM alert_change ORDER BY seq")
    assert changes[0]["alert"]["location"] == {"lon": 103.92, "lat": 30.57}
    jobs = ask(database_url, "SELECT task_name, queue_name FROM procrastinate_jobs")
    assert jobs == [{"task_name": "notify", "queue_name": "people"}]


@pytest.mark.usefixtures("collector")
def test_a_simulated_device_raises_a_marked_alert_and_tells_nobody(
    database_url: str, mosquitto: Mosquitto
) -> None:
    register(database_url, "sim-1", "fire", "sensor", simulated=True)
    send(mosquitto, ("sim-1/readings", {"t": NOW, "values": {"smoke_alarm": 1}}))
    wait_for_books(database_url, stored=1)
    (alert,) = ask(database_url, "SELECT severity, simulated FROM alert")
    assert alert == {"severity": "critical", "simulated": True}
    assert ask(database_url, "SELECT 1 FROM procrastinate_jobs") == []


@pytest.mark.usefixtures("collector")
def test_a_finding_with_the_same_id_updates_its_event(database_url: str, mosquitto: Mosquitto) -> None:
    register(database_url, "lift", "elevator", "camera")
    first = {"id": "v1", "t": NOW, "label": "ebike", "confidence": 0.5}
    send(mosquitto, ("lift/finding", first), ("lift/finding", first))
    send(mosquitto, ("lift/finding", first | {"confidence": 0.9, "t_end": NOW + 4}))
    wait_for_books(database_url, received=3, stored=2, duplicate=1)
    (event,) = ask(database_url, "SELECT confidence FROM gw.events")
    (alert,) = ask(database_url, "SELECT events, confidence FROM alert")
    assert event == {"confidence": 0.9}
    assert alert == {"events": 1, "confidence": 0.9}


@pytest.mark.usefixtures("collector")
def test_a_resolved_alert_is_followed_by_a_new_one(database_url: str, mosquitto: Mosquitto) -> None:
    register(database_url, "lift", "elevator", "camera")
    send(mosquitto, ("lift/finding", {"t": NOW, "label": "ebike", "confidence": 0.9}))
    wait_for_books(database_url, stored=1)
    ask(database_url, "UPDATE alert SET state = 'resolved'")
    send(mosquitto, ("lift/finding", {"t": NOW + 5, "label": "ebike", "confidence": 0.9}))
    wait_for_books(database_url, stored=2)
    assert len(ask(database_url, "SELECT 1 FROM alert")) == 2


@pytest.mark.usefixtures("collector")
def test_status_lift_state_and_results_are_kept(database_url: str, mosquitto: Mosquitto) -> None:
    send(
        mosquitto,
        ("s1/status", b"online"),
        ("s1/status", b"online"),
        ("s1/state", {"t": NOW, "door": "open"}),
        ("s1/command/result", {"id": "c1", "ok": True}),
    )
    wait_for_books(database_url, received=4, stored=3, duplicate=1)
    assert ask(database_url, "SELECT online FROM device") == [{"online": True}]
    assert ask(database_url, "SELECT door, moving FROM lift_state") == [{"door": "open", "moving": None}]
    assert ask(database_url, "SELECT id, ok FROM command_result") == [{"id": "c1", "ok": True}]


@pytest.mark.usefixtures("collector")
def test_a_message_that_the_database_refuses_is_quarantined_alone(
    database_url: str, mosquitto: Mosquitto
) -> None:
    ask(database_url, "ALTER TABLE reading ADD CHECK (scaled / divisor < 1000)")
    ask(database_url, "ALTER TABLE message_readings ADD CHECK (1000 > ALL (numbers))")
    send(mosquitto, *[reading(n, co_ppm=5000 if n == 3 else 5) for n in range(1, 7)])
    wait_for_books(database_url, received=6, stored=5, quarantined=1)
    (row,) = ask(database_url, "SELECT payload, reason FROM quarantine")
    assert json.loads(bytes(row["payload"]))["seq"] == 3
    assert "refused" in row["reason"]


def test_smoke_that_agrees_counts_across_a_restart(
    database_url: str, mosquitto: Mosquitto, collector: Collector
) -> None:
    readings = smoulder(1)
    send(mosquitto, *readings[:2])
    wait_for_books(database_url, stored=2)
    collector.kill()
    collector.start()
    send(mosquitto, *readings[2:3])
    wait_for_books(database_url, stored=3)
    assert len(ask(database_url, "SELECT 1 FROM alert")) == 1


def test_a_collector_stops_in_good_order(database_url: str, collector: Collector) -> None:
    began = time.monotonic()
    collector.stop()
    assert time.monotonic() - began < 30
    assert ask(database_url, "SELECT 1 FROM collector WHERE subscribed") == []
    assert "Traceback" not in collector.log


def test_a_wrong_model_is_said_in_one_sentence_at_the_start(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_text("not a model")
    collector = Collector(database_url, mosquitto, tmp_path, GRIDWATCH_ELEVATOR_ONNX=str(model))
    with pytest.raises(AssertionError, match=f"gridwatch: {model}: not an ONNX model"):
        collector.start()
    collector.stop()
    assert "Traceback" not in collector.log
