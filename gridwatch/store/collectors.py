"""Collectors: each holds a slot, works for slots that nobody holds, and says every second that it is there.

A slot is a lock of one database connection: free as soon as that ends, however its process died. Its row
stays, for its MQTT sessions go on filling.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb

from gridwatch.errors import StoreError, StoreUnavailable
from gridwatch.store.connection import Connection, Row, Store, own_errors, queries, release

SQL = queries("collectors")

SLOTS = 64
LOOK_S = 0.2
"""Between two looks whether a slot came free."""
PATIENCE_S = 3.0
"""Before a new slot is made, which every later message is copied to: the database may hold the lock of a
collector that was just killed a while longer."""
WANTED_FOR_S = 10.0
"""How long the one who works for a slot besides its own is given to let it go."""
RETAKE_WITHIN_S = 60.0
"""How long a slot is tried for again: the database may hold it a while for the connection that was lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A slot that somebody once held."""

    number: int
    free: bool
    wanted: bool
    """A collector that has none asked for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Joining:
    """Where a slot stands on its way into the work."""

    joined: bool
    """All others were told."""
    token: UUID
    """What they are told."""
    may_join: bool
    """All slots before it have joined."""
    behind: bool
    """Some MQTT session has not passed its marker yet."""


class Slots:
    """The slots of an installation; the locks on those that we hold belong to one connection.

    Every method raises StoreUnavailable when the connection is lost, and the locks with it.
    """

    def __init__(self, connection: Connection, installation: str) -> None:
        self._connection = connection
        self._installation = installation
        self._held: set[int] = set()

    def client_id(self, number: int) -> str:
        """Return the name of a slot, which its MQTT client ids begin with."""
        return f"{self._installation}-{number}"

    async def claim(self, before: int | None) -> int:
        """Take a slot and return it: `before`, where we held one that was lost with its connection.

        Else the lowest free one, else one that another collector works for besides its own, else a new one.
        Raises StoreError when there is none to have.
        """
        patient_until = time.monotonic() + (PATIENCE_S if before is None else RETAKE_WITHIN_S)
        asked = False
        while True:
            slots = await self.look()
            for slot in slots:
                if slot.free and before in (None, slot.number) and await self.take(slot.number):
                    return slot.number
            if not asked and (asked := await self._ask(before)):
                patient_until = max(patient_until, time.monotonic() + WANTED_FOR_S)
            if not slots or time.monotonic() > patient_until:
                if before is not None:
                    raise StoreError(f"another collector took slot {before} while the database was away")
                if len(slots) == SLOTS:
                    raise StoreError(f"{SLOTS} collectors hold all slots of this database")
                if await self.take(len(slots)):
                    return len(slots)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[Seen]:
        """Return every slot that somebody once held, from 0 on without a gap."""
        return [Seen(**row) for row in await self._run("look", wanted_for_s=WANTED_FOR_S)]

    async def take(self, number: int, *, adopted_by: str | None = None) -> bool:
        """Take a slot unless somebody holds it; tell whether it is ours. `adopted_by`: besides its own."""
        (row,) = await self._run("try slot", slot=number)
        if row["taken"]:
            self._held.add(number)
            await self._run(
                "take", client_id=self.client_id(number), slot=number, pid=os.getpid(), adopted_by=adopted_by
            )
        return bool(row["taken"])

    async def beat(self, number: int, *, subscribed: bool) -> None:
        """Say that somebody works for a slot."""
        await self._run("beat", client_id=self.client_id(number), subscribed=subscribed)

    async def give_back(self, number: int) -> None:
        """Let go of a slot."""
        await self._run("leave", client_id=self.client_id(number))
        await self._run("give back", slot=number)
        self._held.discard(number)

    async def leave(self) -> None:
        """Let go of all slots; with a lost connection they are gone already."""
        with suppress(StoreUnavailable), own_errors():
            for number in sorted(self._held):
                await self.give_back(number)
            await release(self._connection)

    async def _ask(self, before: int | None) -> bool:
        asked = {"installation": self._installation, "slot": before, "wanted_for_s": WANTED_FOR_S}
        with own_errors():
            return (await self._connection.execute(SQL["ask"], asked)).rowcount > 0

    async def _run(self, query: str, **parameters: object) -> list[Row]:
        with own_errors():
            cursor = await self._connection.execute(
                SQL[query], {"installation": self._installation} | parameters
            )
            return await cursor.fetchall() if cursor.description else []


async def joining(store: Store, installation: str, slot: int) -> Joining:
    """Return where a slot stands that we hold."""
    row = await store.row(SQL["joining"], {"installation": installation, "slot": slot})
    if row is None:
        raise StoreError(f"slot {slot} is gone from the table of collectors: start this one again")
    return Joining(**row)


async def join(store: Store, installation: str, slot: int) -> None:
    """Write down that all were told of a slot."""
    await store.execute(SQL["join"], {"installation": installation, "slot": slot})


async def shares_of(store: Store, client_id: str, *, at_first: int) -> int:
    """Return among how many slots the work is shared where an MQTT session stands; a new one: `at_first`."""
    row = await store.row(SQL["shares"], {"client_id": client_id, "shares": at_first})
    return int(row["shares"]) if row else at_first


async def pass_marker(store: Store, client_id: str, token: UUID) -> int | None:
    """Move an MQTT session past a marker; return among how many slots the work is shared from there on.

    None where the marker is none of ours. The number never shrinks.
    """
    row = await store.row(SQL["pass marker"], {"client_id": client_id, "token": token})
    return int(row["shares"]) if row else None


async def tell_figures(store: Store, client_id: str, figures: Mapping[str, float]) -> None:
    """Write down what a collector counts of its own work."""
    await store.execute(SQL["figures"], {"client_id": client_id, "figures": Jsonb(dict(figures))})
