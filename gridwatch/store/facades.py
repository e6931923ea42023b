"""What is known of the façades before cameras, and who changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from gridwatch.errors import NotAllowed
from gridwatch.facade import FacadeView
from gridwatch.store.connection import Store, queries
from gridwatch.store.devices import get_device

SQL = queries("facades")

CHANGES_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewChange:
    """Who changed a view, and what it was from then on; None: taken away."""

    actor: str
    changed_at: datetime
    view: FacadeView | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LastPicture:
    """A picture of a camera that is kept as evidence."""

    event: UUID
    position: int
    media_type: str
    sha256: str
    masked: bool


async def set_view(store: Store, device: str, view: FacadeView | None, *, by: str) -> None:
    """Let a camera know its façade, or forget it; collectors hear of it.

    Raises NotFound, or NotAllowed where the device is no camera.
    """
    kept = None if view is None else Jsonb(view.as_json())
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["set"], {"id": device, "view": kept})).fetchone()
        if row is not None:
            await connection.execute(SQL["note"], {"device_key": row["key"], "actor": by, "view": kept})
            return
    await get_device(store, device)
    raise NotAllowed(f"{device} is no camera: only a camera sees a façade")


async def view_changes(store: Store, device: str) -> Sequence[ViewChange]:
    """Return the last changes of a camera's view, the newest first."""
    rows = await store.rows(SQL["changes"], {"id": device, "limit": CHANGES_SHOWN})
    return [
        ViewChange(
            actor=row["actor"],
            changed_at=row["changed_at"],
            view=None if row["view"] is None else FacadeView.from_json(row["view"]),
        )
        for row in rows
    ]


async def last_picture(store: Store, device: str) -> LastPicture | None:
    """Return the newest picture that shows a camera's façade: as it was seen, or masked but for it."""
    row = await store.row(SQL["last picture"], {"id": device})
    return None if row is None else LastPicture(**row)
