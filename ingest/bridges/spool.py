"""What waits to be published: a file that outlives the bridge, while the broker is away and beyond.

It is bounded; beyond, the oldest goes, counted and said.
"""

import asyncio
import logging
import os
import sqlite3
from pathlib import Path

from gridwatch.errors import SettingsError, StoreError
from ingest.bridges.publisher import Outgoing, Publisher

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 2**20
"""Some thousand pictures: a day of a busy estate."""

WARNED_SHARE = 0.75
"""Of MOST_BYTES, from which on it is said that messages will be dropped."""

AT_ONCE = 16
"""Messages under way to the broker."""

TABLE = """CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, retain INTEGER NOT NULL)"""


class Spool:
    """A queue on disk (0600, in a folder of its owner alone) that one bridge writes and empties."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, at_once: int = AT_ONCE) -> None:
        """Open or make it. Raises SettingsError where that is refused, or another bridge has it open.

        With `at_once` 1 a message is never published before one that was put in earlier, not even again.
        """
        self._most_bytes = most_bytes
        self._at_once = at_once
        self._is_filling = False
        self._added = asyncio.Event()
        self._emptied = asyncio.Event()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._base = sqlite3.connect(path, isolation_level=None, timeout=0)
            self._base.execute("PRAGMA locking_mode=EXCLUSIVE")
            # One flush to the disk for each put, where other journals need three.
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._base.execute(TABLE)
            self._base.execute("BEGIN IMMEDIATE")
            self._base.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"{path}: what waits to be published can't be kept there ({error}); "
                "does another bridge run with the same file of settings?"
            ) from error
        (self._bytes,) = self._base.execute(
            "SELECT coalesce(sum(length(payload)), 0) FROM waiting"
        ).fetchone()

    def put(self, *messages: Outgoing) -> None:
        """Keep messages on disk, all or none, until they are published; raises StoreError."""
        try:
            with self._base:
                self._base.execute("BEGIN")
                self._base.executemany(
                    "INSERT INTO waiting (topic, payload, retain) VALUES (?, ?, ?)",
                    [(message.topic, message.payload, message.retain) for message in messages],
                )
        except sqlite3.Error as error:
            raise StoreError(f"what waits to be published can't be kept: {error}") from error
        self._emptied.clear()
        self._bytes += sum(len(message.payload) for message in messages)
        self._say_filling()
        self._make_room()
        self._added.set()

    def __len__(self) -> int:
        (count,) = self._base.execute("SELECT count(*) FROM waiting").fetchone()
        return int(count)

    async def drain(self, publisher: Publisher) -> None:
        """Publish what waits and what comes, in its order, for ever."""
        while True:
            rows = self._base.execute(
                "SELECT id, topic, payload, retain FROM waiting ORDER BY id LIMIT ?", [self._at_once]
            ).fetchall()
            if not rows:
                self._added.clear()
                self._emptied.set()
                await self._added.wait()
                continue
            await asyncio.gather(
                *(
                    publisher.publish(Outgoing(topic=topic, payload=payload, retain=bool(retain)))
                    for _, topic, payload, retain in rows
                )
            )
            self._remove([(row[0],) for row in rows])

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self._emptied.wait()

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _say_filling(self) -> None:
        """Warn, once, before anything is dropped."""
        is_filling = self._bytes > WARNED_SHARE * self._most_bytes
        if is_filling and not self._is_filling:
            log.warning(
                "the broker is away for long: %d MB wait; beyond %d MB the oldest is dropped",
                self._bytes // 10**6,
                self._most_bytes // 10**6,
            )
        self._is_filling = is_filling

    def _make_room(self) -> None:
        dropped = 0
        while self._bytes > self._most_bytes:
            rows = self._base.execute("SELECT id FROM waiting ORDER BY id LIMIT ?", [AT_ONCE]).fetchall()
            dropped += len(rows)
            self._remove(rows)
        if dropped:
            log.error(
                "the broker is away for too long: the oldest %d messages that waited were dropped", dropped
            )

    def _remove(self, ids: list[tuple[int]]) -> None:
        with self._base:
            self._base.execute("BEGIN")
            for number in ids:
                gone = self._base.execute(
                    "DELETE FROM waiting WHERE id = ? RETURNING length(payload)", number
                ).fetchone()
                self._bytes -= gone[0] if gone else 0
