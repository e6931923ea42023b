"""The changes of an alert as other systems are told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gridwatch.errors import NotFound
from gridwatch.store.connection import Store, queries

SQL = queries("changes")

AMONG_US = frozenset({"call", "wait", "comment", "escalate"})
"""Changes that are about our own people, and not about what happened."""

JOINED = frozenset({"merge", "update"})
"""Changes that say no more than that a finding belongs to an alert."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One change: its number, what it was, when it was, and the alert as it was then."""

    seq: int
    change: str
    changed_at: datetime
    alert: Mapping[str, Any]


async def find_change(store: Store, seq: int) -> Told:
    """Return one change; raise NotFound where it was deleted with its alert."""
    row = await store.row(SQL["one"], {"seq": seq})
    if row is None:
        raise NotFound(f"change {seq} is not kept any more")
    return Told(**row)


async def changes_of_incident(store: Store, alert_id: int, *, until: int | None = None) -> Sequence[Told]:
    """Return what others heard of an alert up to a change: the first change, the last but one, the last.

    Changes among us are left out. Raises NotFound where there is none any more.
    """
    given = {"id": alert_id, "until": until, "among_us": sorted(AMONG_US)}
    rows = await store.rows(SQL["of incident"], given)
    if not rows:
        raise NotFound(f"the changes of alert {alert_id} are not kept any more")
    return [Told(**row) for row in rows]
