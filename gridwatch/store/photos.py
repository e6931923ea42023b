"""Photos that people took where an alert is: evidence of it like a camera's, kept and shown as long."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.evidence import StoredEvidence
from gridwatch.store.alerts import announce
from gridwatch.store.connection import Store, queries

SQL = queries("photos")

MOST = 20
"""Photos of one alert."""

OLDEST = timedelta(days=7)
"""What a phone says of when it took a photo is believed for so long back, and not ahead."""

NAMES = UUID("6f1c3f0e-51a6-4c2c-9d5e-0c1e9a6b7a11")
"""Photos are named by alert, person and content in it: the same one sent again is no second one."""


def photo_id(alert: int, by: str, sha256: str) -> UUID:
    """Return the id of a photo; `sha256` of what was sent."""
    return uuid5(NAMES, f"{alert}/{by}/{sha256}")


async def add_photo(
    store: Store, alert: int, photo: UUID, stored: StoredEvidence, *, by: str, taken_at: datetime | None
) -> None:
    """Let a photo be evidence of an alert; one that is there already stays.

    Raises NotFound, or NotAllowed where the alert has as many as it may.
    """
    now = datetime.now(UTC)
    believed = taken_at if taken_at is not None and now - OLDEST <= taken_at <= now else now
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["alert"], {"alert": alert})).fetchone()
        if row is None:
            raise NotFound(f"no alert {alert}")
        given = {"alert": alert, "event": photo}
        (there,) = await (await connection.execute(SQL["there"], given)).fetchall()
        if there["same"]:
            return
        if there["count"] >= MOST:
            raise NotAllowed(f"the alert has {MOST} photos: no further one is taken")
        given |= {"device": row["device_key"], "taken_at": believed, "by": by}
        await connection.execute(SQL["add event"], given)
        kept = {"media_type": stored.media_type, "sha256": stored.sha256, "size": stored.size}
        await connection.execute(SQL["add evidence"], {"event": photo, **kept})
        await announce(connection, {alert: "photo"}, actor=by, detail={"event": str(photo)})
