"""How far the cameras see that look for fire: clear, by night or in fog, as they told last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridwatch.store.connection import Store, queries

SQL = queries("sights")

BACK = timedelta(days=2)
"""What was told longer ago says nothing of now: each day has a night and a morning."""

CLEAR = "clear_view"


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraSight:
    """What one camera told last; `label` is night, fog or clear_view."""

    device: str
    name: str
    has_view: bool
    label: str
    since: datetime | None

    @property
    def is_clear(self) -> bool:
        """Whether all that is promised of it holds."""
        return self.label == CLEAR


async def sights(store: Store) -> Sequence[CameraSight]:
    """Return the cameras that look for fire; who told nothing lately sees clearly."""
    return [
        CameraSight(
            device=row["id"],
            name=row["name"],
            has_view=row["has_view"],
            label=row["label"] or CLEAR,
            since=row["observed_at"],
        )
        for row in await store.rows(SQL["now"], {"back": BACK})
    ]
