"""Hourly sums of readings, the same on both databases: `reading_hourly`, to people `gw.readings_hourly`.

With TimescaleDB a continuous aggregate; a reading that comes late is in its hour's sums after the next turn.
On plain PostgreSQL a table of what has settled, and the readings themselves for what has not.
"""

from gridwatch.store.connection import Store, queries

SQL = queries("hourly")


async def has_timescale(store: Store) -> bool:
    """Tell whether readings lie in a hypertable with its continuous aggregate."""
    row = await store.row(SQL["has continuous aggregate"])
    return row is not None and bool(row["there"])


async def sum_up_hours(store: Store) -> None:
    """Sum up hours that are over, and anew those that late readings fell into."""
    if await has_timescale(store):
        await store.execute(SQL["refresh"], await store.row(SQL["refresh from and until"]))
        return
    async with store.transaction() as connection:
        await connection.execute(SQL["one at a time"])
        settled = await (await connection.execute(SQL["settled"])).fetchone()
        await connection.execute(SQL["correct"])
        await connection.execute(SQL["go on"], settled)
        await connection.execute(SQL["went on"], settled)
