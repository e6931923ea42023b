"""A collector as a process of its own, and what a publisher and a reader do beside it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString, Protocol

import psutil
import psycopg
from psycopg.rows import dict_row

from gridwatch.store.connection import with_session_options
from tests.servers import end, wait_until


class Broker(Protocol):
    """What a collector reads from."""

    @property
    def url(self) -> str:
        """Return its address, as in GRIDWATCH_MQTT_URL."""


class Collector:
    """`gridwatch ingest` beside a broker and a database; a test may kill it and start it again."""

    def __init__(self, database_url: str, mosquitto: Broker, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._database_url = database_url
        self._environment = os.environ | {
            "GRIDWATCH_DATABASE_URL": database_url,
            "GRIDWATCH_MQTT_URL": mosquitto.url,
            "GRIDWATCH_DATA_DIR": str(folder),
            "GRIDWATCH_DETECTOR_WORKERS": "1",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[psutil.Process]:
        """Return its detector processes."""
        return [child for child in psutil.Process(self.pid).children() if _is_detector(child)]

    @property
    def log(self) -> str:
        """Return all that it wrote."""
        return (self.folder / "ingest.log").read_text()

    def start(self) -> None:
        """Start it and wait until it is subscribed."""
        with (self.folder / "ingest.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gridwatch", "ingest"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._process = process
        wait_until(
            lambda: process.poll() is not None or self._is_subscribed(), what="the collector subscribes"
        )
        assert process.poll() is None, self.log

    def kill(self) -> None:
        """Kill it, as a failing machine would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Tell it to stop."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process, number)

    def _is_subscribed(self) -> bool:
        fresh = (
            "SELECT 1 FROM collector WHERE subscribed AND heartbeat_at > now() - interval '2 s' AND pid = %s"
        )
        return bool(ask(self._database_url, fresh, [self.pid]))


def _is_detector(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False  # It has just ended.


@contextmanager
def running_collector(
    database_url: str, mosquitto: Broker, folder: Path, **settings: str
) -> Iterator[Collector]:
    """Run a collector for the length of the block."""
    collector = Collector(database_url, mosquitto, folder, **settings)
    try:
        collector.start()
        yield collector
    finally:
        collector.stop()


def ask(url: str, query: LiteralString, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run one query on the tables of Gridwatch."""
    with psycopg.connect(with_session_options(url), row_factory=dict_row, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def totals(url: str) -> dict[str, int]:
    """Return the books in total."""
    (row,) = ask(
        url,
        """SELECT coalesce(sum(received), 0)::int AS received, coalesce(sum(stored), 0)::int AS stored,
                  coalesce(sum(duplicate), 0)::int AS duplicate,
                  coalesce(sum(quarantined), 0)::int AS quarantined,
                  coalesce(sum(skipped), 0)::int AS skipped
           FROM book""",
    )
    return row


def register(url: str, device: str, scene: str, kind: str, *, simulated: bool = False) -> None:
    """Register a device with a place."""
    ask(
        url,
        """INSERT INTO device (id, scene, kind, name, area, lon, lat, simulated)
           VALUES (%s, %s, %s, 'a device', 'area-1', 103.92, 30.57, %s)""",
        [device, scene, kind, simulated],
    )


def write_book(url: str, device: str, *counts: int) -> None:
    """Put received, stored, duplicate, quarantined and skipped into a device's book, '' for strangers."""
    ask(
        url,
        """INSERT INTO book_page (device_key, kind, count)
           SELECT coalesce((SELECT key FROM device WHERE id = %s), 0), n - 1, count
           FROM unnest(%s::bigint[]) WITH ORDINALITY AS t (count, n) WHERE count > 0""",
        [device, list(counts)],
    )
