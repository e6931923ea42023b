"""Silences and maintenance: times in which nobody is called for an area, a device or a scene."""

from collections.abc import Sequence
from datetime import datetime

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.escalation.case import MuteKind
from gridwatch.store.connection import Row, Store, queries

SQL = queries("mutes")


async def add_mute(
    store: Store,
    kind: MuteKind,
    *,
    area: str | None,
    device: str | None,
    scene: str | None,
    reason: str,
    starts_at: datetime,
    ends_at: datetime,
    by: str,
) -> Row:
    """Add one and return it; raise NotFound where what it is for is not there, or not the caller's."""
    given = {
        "kind": kind.value,
        "area": area,
        "device": device,
        "scene": scene,
        "reason": reason,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "by": by,
    }
    row = await store.row(SQL["add"], given)
    if row is None:
        named = ", ".join(f"{one!r}" for one in (area, device) if one) or "scene alone"
        raise NotFound(f"nothing to mute in your area: {named}")
    return row


async def list_mutes(store: Store, *, past: bool = False) -> Sequence[Row]:
    """Return those that last or are to come, and with `past` the others too; the newest first."""
    return await store.rows(SQL["list"], {"past": past})


async def lift_mute(store: Store, mute: int, *, by: str) -> None:
    """End one; what it held back is called within seconds. Raise NotFound, NotAllowed where it is over."""
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["find"], {"id": mute})).fetchone()
        if row is None:
            raise NotFound(f"no mute {mute}")
        if row["is_over"]:
            raise NotAllowed(f"mute {mute} is over")
        await connection.execute(SQL["lift"], {"id": mute, "by": by})
        await connection.execute(SQL["let go"], {"ends_at": row["ends_at"]})
