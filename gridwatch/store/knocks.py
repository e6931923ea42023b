"""Devices that knock: they send, and nobody registered them. What they sent is kept in quarantine."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gridwatch.errors import NotFound
from gridwatch.model import Device, DeviceState
from gridwatch.store.connection import Store, queries
from gridwatch.store.devices import link_to_namesake, put_into_state, register
from gridwatch.store.entries import not_registered

SQL = queries("knocks")

SHOWN_BYTES = 400
"""Of a first message: enough to know what it is."""

LONGEST_IN_HAND = timedelta(minutes=10)
"""A collector has written what it had received long before that."""
CLOCKS_APART = timedelta(seconds=5)
"""A collector's clock may be ahead of the database's by so much."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Knock:
    """Who knocks, by the id or the foreign name that its messages give, and its first message.

    `retired` is the device of that name, where one is registered and out of use. `payload` is the beginning
    of the first message, which has `size` bytes.
    """

    name: str
    messages: int
    first_id: int
    first_at: datetime
    last_at: datetime
    retired: str | None
    topic: str
    reason: str
    size: int
    payload: bytes


def first_words(payload: bytes) -> str:
    """Return the beginning of a message as people can read it."""
    text = payload.decode("utf-8", "replace")
    shown = "".join(letter if letter.isprintable() else "�" for letter in text)
    return shown if shown.count("�") <= len(shown) // 4 else f"{len(payload)}+ bytes: {payload[:16].hex(' ')}"


async def list_knocks(store: Store, *, before: int | None = None, limit: int = 100) -> list[Knock]:
    """Return a page of those who knock, the newest first; `before` is the first_id of the last one seen."""
    return await _knocks(store, name=None, before=before, limit=limit)


async def get_knock(store: Store, name: str) -> Knock:
    """Return who knocks by that name; raise NotFound."""
    found = await _knocks(store, name=name, before=None, limit=1)
    if not found:
        raise NotFound(f"nobody of the name {name!r} knocks")
    return found[0]


async def adopt(store: Store, knock: Knock, device: Device) -> int:
    """Register who knocks as `device`, or take it back into use, and have its messages replayed.

    A collector publishes them again; how many is returned. Raises NotAllowed.
    """
    async with store.transaction() as connection:
        if knock.retired is None:
            await register(connection, [device])
            await link_to_namesake(connection, device.id)
        else:
            await put_into_state(connection, [knock.retired], DeviceState.ACTIVE, until=None, by="")
        await connection.execute(SQL["remember"], {"name": knock.name})
        return (await connection.execute(SQL["want replay"], {"name": knock.name})).rowcount


async def wanted_replays(store: Store, *, limit: int) -> list[int]:
    """Return messages that are to be published again, oldest first."""
    late = {
        "longest_in_hand": LONGEST_IN_HAND,
        "clocks_apart": CLOCKS_APART,
        "stranger": not_registered("%"),
    }
    await store.execute(SQL["want late ones"], late)
    return [row["id"] for row in await store.rows(SQL["wanted"], {"limit": limit})]


async def _knocks(store: Store, *, name: str | None, before: int | None, limit: int) -> list[Knock]:
    given = {"name": name, "before": before, "limit": limit, "shown": SHOWN_BYTES}
    return [Knock(**row) for row in await store.rows(SQL["list"], given)]
