"""Commands: asked by people, published from here by collectors, answered by devices.

A command is published again and again until it is answered or its time is over; the device knows it by its
id. Answers are written with everything else that devices send (`store/intake.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from psycopg.types.json import Jsonb

from gridwatch.commands import FIRST_AGAIN_S, LAST_AGAIN_S, CommandState, Order, why_not
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import DeviceState, LiftState
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.devices import KnownDevice, get_device

SQL = queries("commands")

CHANNEL = "gridwatch_command"
"""Notified when a command is new, or a device with open ones is back."""

AT_ONCE = 100
"""Commands that a collector takes at a stretch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command and where it stands. `late` marks an answer that came after `expires_at`."""

    id: str
    device: str
    seq: int
    action: str
    params: Mapping[str, Any]
    state: CommandState
    created_at: datetime
    created_by: str
    expires_at: datetime
    attempts: int
    sent_at: datetime | None
    answered_at: datetime | None
    detail: str | None
    late: bool

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Make it from a row of the table."""
        return cls(**{**row, "state": CommandState(row["state"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandChange:
    """One thing that happened to a command; `actor` is None where no person did it."""

    changed_at: datetime
    change: str
    actor: str | None
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A command to be published now. `left_s` is the time that it has left, by the database's clock."""

    id: str
    device: str
    seq: int
    action: str
    params: Mapping[str, Any]
    qos: int
    expires_at: datetime
    attempts: int
    left_s: float


async def add_command(store: Store, device: str, order: Order, *, actor: str) -> Command:
    """Ask something of a device; raise NotFound, or NotAllowed where it must not be asked now."""
    known = await get_device(store, device)
    if known.device.state is DeviceState.RETIRED:
        raise NotAllowed(f"device {device!r} is retired")
    async with store.transaction() as connection:
        await _check_lift(connection, known, order)
        id_ = await place(connection, known.key, order, actor=actor)
    return await get_command(store, device, id_)


async def place(connection: Connection, device_key: int, order: Order, *, actor: str) -> str:
    """Put an order into the outbox inside the caller's transaction; return the command's id."""
    numbered = await (await connection.execute(SQL["next seq"], {"device_key": device_key})).fetchone()
    number = {"device_key": device_key, "seq": None if numbered is None else numbered["seq"]}
    if order.ends_holds:
        await connection.execute(SQL["end holds"], number)
    columns = {
        **number,
        "action": order.action,
        "params": Jsonb(dict(order.params)),
        "qos": order.qos,
        "actor": actor,
        "ttl": timedelta(seconds=order.ttl_s),
    }
    added = await (await connection.execute(SQL["add"], columns)).fetchone()
    id_ = "" if added is None else str(added["id"])
    await connection.execute(SQL["note"], {"id": id_, "change": "created", "actor": actor, "detail": ""})
    await connection.execute(SQL["tell"])
    return id_


async def get_command(store: Store, device: str, command: str) -> Command:
    """Return a command of a device; raise NotFound."""
    given = {"device": device, "id": command, "before": None, "limit": 1}
    row = await store.row(SQL["list"], given)
    if row is None:
        raise NotFound(f"device {device!r} has no command {command[:80]!r}")
    return Command.from_row(row)


async def list_commands(
    store: Store, device: str, *, before: int | None = None, limit: int = 100
) -> list[Command]:
    """Return a page of a device's commands, the newest first; `before` is the last seq seen."""
    given = {"device": device, "id": None, "before": before, "limit": limit}
    return [Command.from_row(row) for row in await store.rows(SQL["list"], given)]


async def command_changes(store: Store, command: str) -> list[CommandChange]:
    """Return what happened to a command, the oldest first."""
    return [CommandChange(**row) for row in await store.rows(SQL["changes"], {"id": command})]


async def devices_with_commands(store: Store) -> dict[int, bool]:
    """Return the keys of devices that have open commands, and whether each counts as offline."""
    return {row["device_key"]: row["offline"] for row in await store.rows(SQL["open"])}


async def wake_commands(store: Store, keys: Iterable[int]) -> None:
    """Let the open commands of devices that were heard just now be published at once."""
    await store.execute(SQL["heard"], {"keys": list(keys)})


async def expire_commands(store: Store) -> None:
    """Write down which commands nobody answered in time."""
    await store.execute(SQL["expire"])


async def take_due(store: Store) -> list[Due]:
    """Take the commands that are due: they are the caller's until they are due again."""
    given = {"limit": AT_ONCE, "first_s": FIRST_AGAIN_S, "last_s": LAST_AGAIN_S}
    return [Due(**row) for row in await store.rows(SQL["due"], given)]


async def note_sent(store: Store, sent: Sequence[tuple[str, int]]) -> None:
    """Write down which commands (id, QoS) the broker has taken."""
    given = {"ids": [id_ for id_, _ in sent], "qos": [qos for _, qos in sent]}
    await store.execute(SQL["sent"], given)


async def note_not_sent(store: Store, ids: Sequence[str], why: str) -> None:
    """Write down which commands the broker did not take; they are due again at once."""
    await store.execute(SQL["not sent"], {"ids": list(ids), "detail": why})


async def _check_lift(connection: Connection, known: KnownDevice, order: Order) -> None:
    row = await (await connection.execute(SQL["last lift word"], {"device_key": known.key})).fetchone()
    if row is None:
        return
    age = row.pop("age")
    reason = why_not(order.action, LiftState(device=known.device.id, **row), age=age)
    if reason is not None:
        raise NotAllowed(f"{order.action}: {reason}")
