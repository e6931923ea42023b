"""Kill what can be killed in the middle of a stream: all stored, none twice, by the publisher's own count."""

import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.collectors import ask, register, running_collector, totals
from tests.servers import Mosquitto, end_connections, run_sql, wait_until, with_database

DEVICES = 20
MESSAGES = 20_000
BEGAN = time.time()


class Publisher:
    """Publishes numbered messages of many devices with QoS 1 and counts what the broker took."""

    def __init__(self, port: int) -> None:
        self.acknowledged = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="publisher", clean_session=False)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, count: int) -> None:
        """Publish `count` messages and wait until the broker has acknowledged all."""
        for n in range(count):
            device, seq = n % DEVICES, n // DEVICES
            body = (
                f'{{"t": {BEGAN + seq}, "seq": {seq}, "values": {{"temperature_c": {n % 40}, "co_ppm": 1}}}}'
            )
            self._client.publish(f"gw/v1/s{device}/readings", body, qos=1)
        wait_until(lambda: self.acknowledged == count, what="the broker takes all", timeout_s=60)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_publish(self, *_: object) -> None:
        self.acknowledged += 1


@pytest.mark.timeout(240)
def test_a_collector_killed_in_mid_stream_loses_nothing_and_stores_nothing_twice(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    for device in range(DEVICES):
        register(database_url, f"s{device}", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        publisher = Publisher(mosquitto.port)
        stream = threading.Thread(target=publisher.publish, args=(MESSAGES,), name="stream")
        stream.start()
        for share in (0.2, 0.5):
            wait_until(lambda share=share: totals(database_url)["stored"] > share * MESSAGES, timeout_s=60)  # type: ignore[misc]
            collector.kill()
            collector.start()
        stream.join(60)
        wait_until(lambda: totals(database_url)["stored"] >= publisher.acknowledged, timeout_s=60)
        publisher.close()
    assert publisher.acknowledged == MESSAGES
    books = totals(database_url)
    assert books["stored"] == MESSAGES
    assert books["received"] == books["stored"] + books["duplicate"] + books["quarantined"]
    (readings,) = ask(
        database_url,
        """SELECT count(*) AS rows, count(DISTINCT (device, quantity, observed_at)) AS distinct_rows
           FROM gw.readings""",
    )
    assert readings == {"rows": 2 * MESSAGES, "distinct_rows": 2 * MESSAGES}


def test_messages_for_an_absent_collector_wait_in_the_broker(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    for device in range(DEVICES):
        register(database_url, f"s{device}", "fire", "sensor")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        collector.stop()
        publisher = Publisher(mosquitto.port)
        publisher.publish(3000)
        publisher.close()
        collector.start()
        wait_until(lambda: totals(database_url)["stored"] == 3000)
        assert totals(database_url)["duplicate"] == 0


def test_a_database_that_can_only_be_read_is_waited_for_and_nothing_is_refused(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    for device in range(DEVICES):
        register(database_url, f"s{device}", "fire", "sensor")
    name, beside = urlsplit(database_url).path[1:], with_database(database_url, "postgres")
    with running_collector(database_url, mosquitto, tmp_path) as collector:
        run_sql(beside, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        end_connections(beside, name)
        publisher = Publisher(mosquitto.port)
        publisher.publish(500)
        publisher.close()
        wait_until(lambda: "read-only transaction" in collector.log)
        run_sql(beside, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        end_connections(beside, name)
        wait_until(lambda: totals(database_url)["stored"] == 500)
    assert totals(database_url)["quarantined"] == 0
