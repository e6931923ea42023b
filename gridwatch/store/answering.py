"""How soon people answer alerts and how long they take, from the stored timeline."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from gridwatch.store.connection import Row, Store, queries

SQL = queries("figures")


class By(StrEnum):
    """What figures are of."""

    WORKER = "worker"
    """Who took the alerts."""
    AREA = "area"
    """The grid or other area where they were."""
    COMMUNITY = "community"


async def answering_figures(
    store: Store, by: By, *, since: datetime | None = None, until: datetime | None = None
) -> Sequence[Row]:
    """Return figures of the alerts that were raised in a time; times in seconds, drills apart."""
    return await store.rows(SQL["figures"], {"by": by.value, "since": since, "until": until})
