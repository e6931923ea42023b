"""What is to be published to the topics of areas: the changes of alerts in the order of their commits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gridwatch.store.changes import AMONG_US
from gridwatch.store.connection import Store, one, queries

SQL = queries("area_topics")

AT_ONCE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class AreaNews:
    """A change of an alert, and its area with all above it."""

    alert: Mapping[str, Any]
    areas: Sequence[str]


@asynccontextmanager
async def news_of_areas(store: Store) -> AsyncIterator[Sequence[AreaNews] | None]:
    """Yield what is to be published next; it counts as published when the block ends without an error.

    None where there is nothing, or another collector is at it. What is simulated, drills and what is among us
    is left out.
    """
    if await store.row(SQL["anything new"]) is None:
        yield None
        return
    async with store.transaction() as connection:
        at = await one(connection, SQL["claim"])
        if at is None:
            yield None
            return
        given = {"seq": at["seq"], "among_us": sorted(AMONG_US), "limit": AT_ONCE}
        rows = await (await connection.execute(SQL["news"], given)).fetchall()
        told = [row for row in rows if row["told"]]
        yield [AreaNews(alert=row["alert"], areas=row["areas"]) for row in told]
        if rows:
            await connection.execute(SQL["published"], {"seq": rows[-1]["seq"]})
