"""Receivers of other systems, and what became of each message to them; their secrets are kept encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gridwatch.errors import NotFound
from gridwatch.store.connection import Row, Store, one, queries
from gridwatch.store.jobs import defer_webhook
from gridwatch.store.trail import What, note
from gridwatch.strongbox import Strongbox

SQL = queries("webhooks")

LONGEST_WAIT_S = 300.0
"""Between two attempts at a receiver that is away."""

MOST_AT_ONCE = 1000
"""Dead messages that are listed or sent again at once."""


class Form(StrEnum):
    """How a receiver is told: an event of CloudEvents with the alert as JSON, or a message of CAP 1.2."""

    CLOUDEVENTS = "cloudevents"
    CAP = "cap"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """What is secret of a receiver: its address, and the key of our signatures."""

    url: str
    secret: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """A receiver that is told of alerts; `area`: of those in it and below, None for all."""

    name: str
    address: Address
    form: Form = Form.CLOUDEVENTS
    area: str | None = None
    drills: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookState:
    """How a receiver is doing; nothing of its secrets."""

    name: str
    shown: str
    form: Form
    area: str | None
    drills: bool
    changed_at: datetime
    failing_since: datetime | None
    last_error: str
    waiting: int
    dead: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ToSend:
    """A message that waits: `since` it does, `superseded` by a later one that tells all."""

    key: int
    seq: int
    alert_id: int
    webhook: Webhook
    retry_at: datetime | None
    since: datetime
    superseded: bool


async def put_webhook(store: Store, box: Strongbox, webhook: Webhook, *, by: str) -> None:
    """Keep a receiver, in the place of one of that name. Raises NotFound where there is no such area."""
    if webhook.area is not None and await store.row(SQL["area"], {"area": webhook.area}) is None:
        raise NotFound(f"no area {webhook.area!r}")
    parts = urlsplit(webhook.address.url)
    given = {
        "name": webhook.name,
        "sealed": box.lock(msgspec.json.encode(webhook.address).decode()),
        "shown": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…",
        "form": webhook.form.value,
        "area": webhook.area,
        "drills": webhook.drills,
    }
    async with store.transaction() as connection:
        before = await one(connection, SQL["told"], name=webhook.name)
        await connection.execute(SQL["put"], given)
        after = await one(connection, SQL["told"], name=webhook.name)
        await note(connection, What.WEBHOOKS, webhook.name, by=by, before=before, after=after)


async def delete_webhook(store: Store, name: str, *, by: str) -> None:
    """Forget a receiver with all messages to it; raise NotFound."""
    async with store.transaction() as connection:
        before = await one(connection, SQL["told"], name=name)
        if (await connection.execute(SQL["delete"], {"name": name})).rowcount == 0:
            raise NotFound(f"no webhook {name!r}")
        await note(connection, What.WEBHOOKS, name, by=by, before=before, after=None)


async def list_webhooks(store: Store) -> Sequence[WebhookState]:
    """Return how all receivers are doing."""
    return [WebhookState(**{**row, "form": Form(row["form"])}) for row in await store.rows(SQL["list"])]


async def address_of(store: Store, box: Strongbox, name: str) -> Address:
    """Return what is secret of a receiver. Raises NotFound, and SettingsError, as the box does."""
    row = await store.row(SQL["address"], {"name": name})
    if row is None:
        raise NotFound(f"no webhook {name!r}")
    return _address(box, row)


async def message_to_send(store: Store, box: Strongbox, key: int) -> ToSend | None:
    """Return a message; None where it does not wait any more. Raises SettingsError, as the box does."""
    row = await store.row(SQL["to send"], {"key": key})
    if row is None:
        return None
    webhook = Webhook(name=row["name"], address=_address(box, row), form=Form(row["form"]), area=row["area"])
    rest = {name: row[name] for name in ("key", "seq", "alert_id", "retry_at", "since", "superseded")}
    return ToSend(webhook=webhook, **rest)


def _address(box: Strongbox, row: Row) -> Address:
    return msgspec.json.decode(box.unlock(bytes(row["sealed"])), type=Address)


async def note_sent(store: Store, message: ToSend) -> None:
    """Write down that a receiver took a message."""
    async with store.transaction() as connection:
        await connection.execute(SQL["settle"], _end(message, "sent", attempts=1))
        await connection.execute(SQL["webhook works"], {"name": message.webhook.name})


async def note_folded(store: Store, message: ToSend) -> None:
    """Write down that a message need not go."""
    await store.execute(SQL["settle"], _end(message, "folded"))


async def note_dead(store: Store, message: ToSend, why: str) -> None:
    """Put a message aside: it is not sent again unless an administrator says so."""
    await store.execute(SQL["settle"], _end(message, "dead", why=why, attempts=1))


async def note_away(store: Store, message: ToSend, why: str, *, after_s: float) -> datetime:
    """Write down that a receiver took nothing; return when it is tried again, in `after_s` at the soonest."""
    async with store.transaction() as connection:
        await connection.execute(SQL["note failure"], {"key": message.key, "why": why})
        given = {
            "name": message.webhook.name,
            "why": why,
            "after_s": after_s,
            "longest_s": LONGEST_WAIT_S,
        }
        row = await one(connection, SQL["webhook fails"], **given)
    if row is None:
        raise NotFound(f"no webhook {message.webhook.name!r}")
    retry_at: datetime = row["retry_at"]
    return retry_at


async def dead_messages(store: Store, name: str) -> list[Row]:
    """Return the messages to a receiver that were put aside, the newest first; raise NotFound."""
    await _check(store, name)
    return await store.rows(SQL["dead"], {"name": name, "limit": MOST_AT_ONCE})


async def replay_dead(store: Store, name: str, keys: Sequence[int] | None = None) -> int:
    """Let dead messages be sent again, all or these; return how many. Raises NotFound."""
    await _check(store, name)
    async with store.transaction() as connection:
        given = {"name": name, "keys": keys, "limit": MOST_AT_ONCE}
        rows = await (await connection.execute(SQL["replay"], given)).fetchall()
        await connection.execute(SQL["try at once"], {"name": name})
        for row in rows:
            await defer_webhook(connection, row["key"])
    return len(rows)


async def discard_dead(store: Store, name: str) -> None:
    """Delete what was put aside; raise NotFound."""
    await _check(store, name)
    await store.execute(SQL["discard"], {"name": name})


async def _check(store: Store, name: str) -> None:
    if await store.row(SQL["exists"], {"name": name}) is None:
        raise NotFound(f"no webhook {name!r}")


def _end(message: ToSend, state: str, *, why: str = "", attempts: int = 0) -> Mapping[str, Any]:
    return {"key": message.key, "state": state, "why": why, "attempts": attempts}
