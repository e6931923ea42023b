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
    store: Store,
    by: By,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    simulated: bool = False,
) -> Sequence[Row]:
    """Return figures of the alerts that were raised in a time; times in seconds, drills apart.

    They are of real alerts, or of simulated ones in their place.
    """
    given = {"by": by.value, "since": since, "until": until, "of": None, "simulated": simulated}
    return await store.rows(SQL["figures"], given)


async def own_figures(store: Store, names: Sequence[str], *, since: datetime) -> Sequence[Row]:
    """Return the figures of one worker, who is known by account and number at work."""
    given = {"by": By.WORKER.value, "since": since, "until": None, "of": list(names), "simulated": False}
    return await store.rows(SQL["figures"], given)
