"""The books: what became of every message, by device.

What was received is counted as it comes in, and what became of it as it is written, each by itself: the two
agree, or something was lost on the way.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.entries import Disposition, Entry

SQL = queries("books")

RECEIVED = 0
KINDS = {disposition: number for number, disposition in enumerate(Disposition, start=1)}

STRANGERS = 0
"""In the place of a device's key: all devices that are not registered."""


def key_of(entry: Entry) -> int:
    """Return the key of the device in whose book an entry is counted."""
    return STRANGERS if entry.known is None else entry.known.key


async def enter(connection: Connection, books: Mapping[int, Counter[int]]) -> None:
    """Append what one batch adds: how many messages by kind and device key."""
    lines = [(key, kind, count) for kind, book in books.items() for key, count in book.items()]
    keys, kinds, counts = np.array(lines, np.int64).reshape(-1, 3).T
    given = {"device_keys": keys.astype(np.int32), "kinds": kinds.astype(np.int16), "counts": counts}
    await connection.execute(SQL["enter"], given)


async def add_up_books(store: Store) -> None:
    """Add what the batches appended to the pages of the devices."""
    await store.execute(SQL["add up"])


async def read_books(store: Store) -> list[Row]:
    """Return what became of every message, by device; the device '' stands for all unregistered ones."""
    return await store.rows(SQL["books"])


async def put_heard_into_use(store: Store) -> None:
    """Let new devices be active once a message of theirs stands in the books as stored."""
    await store.execute(SQL["put heard into use"], {"stored": KINDS[Disposition.STORED]})
