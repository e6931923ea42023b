"""What is usual of channels at each hour of day, learned as hours pass; and what was added up above it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from gridwatch.quality import DRIFT_HOURS, NEIGHBOURS
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.usual import BETWEEN_COUNTS, LEARN_DAYS, Expected, Sum, Usual, learn

SQL = queries("usual")

HOUR = timedelta(hours=1)
SETTLED_AFTER = timedelta(minutes=10)
"""After the end of an hour its readings are in the database; what comes later teaches nothing."""
LOOK_BACK = timedelta(days=LEARN_DAYS)
"""Of readings that were there before the first hour was learned from."""
HOURS_AT_A_LOOK = 6


async def learn_hours(store: Store, now: datetime, names: Sequence[str]) -> None:
    """Learn what is usual of these quantities from the hours that are over, the oldest first."""
    over = _hour(now - SETTLED_AFTER)
    for _ in range(HOURS_AT_A_LOOK):
        async with store.transaction() as connection:
            await connection.execute(SQL["lock"])
            row = await (await connection.execute(SQL["learned"])).fetchone()
            begin = max(_hour(now) - LOOK_BACK, row["at"] if row else datetime.min.replace(tzinfo=UTC))
            if begin + HOUR > over:
                return
            await _learn_hour(connection, begin, names)
            await connection.execute(SQL["went on"], {"at": begin + HOUR})


async def _learn_hour(connection: Connection, begin: datetime, names: Sequence[str]) -> None:
    hour = begin.astimezone(UTC).hour
    given = {"from": begin, "until": begin + HOUR, "hour": hour, "names": list(names)}
    rows = await (await connection.execute(SQL["hour"], given)).fetchall()
    if not rows:
        return
    before = Usual(*(_column(rows, name) for name in ("days", "usual_mean", "within", "between_days")))
    after = learn(before, *(_column(rows, name) for name in ("readings", "mean", "variance")))
    written = {
        "hour": hour,
        "device_keys": [row["device_key"] for row in rows],
        "quantity_keys": [row["quantity_key"] for row in rows],
        "days": after.days.tolist(),
        "means": after.mean.tolist(),
        "withins": after.within.tolist(),
        "betweens": after.between.tolist(),
    }
    await connection.execute(SQL["write"], written)
    is_known = before.days >= LEARN_DAYS
    if is_known.any():
        beyond = (_column(rows, "mean") - before.mean)[is_known]
        known = [row for row, one in zip(rows, is_known.tolist(), strict=True) if one]
        given = {
            "device_keys": [row["device_key"] for row in known],
            "quantity_keys": [row["quantity_key"] for row in known],
            "beyonds": beyond.tolist(),
            "neighbours": NEIGHBOURS,
            "drift_hours": DRIFT_HOURS,
        }
        await connection.execute(SQL["beyond"], given)


async def expected(
    store: Store, known: Sequence[KnownDevice], middle: datetime, names: Sequence[str]
) -> list[Expected]:
    """Return what is usual of devices' quantities in the hour whose middle is `middle`.

    Of what has not been seen on enough days nothing is said.
    """
    hour = middle.astimezone(UTC).hour
    given = {
        "device_keys": [one.key for one in known],
        "hour": hour,
        "next_hour": (hour + 1) % 24,
        "least_days": LEARN_DAYS,
        "between_counts": BETWEEN_COUNTS,
        "names": list(names),
    }
    return [Expected(**row) for row in await store.rows(SQL["of hour"], given)]


async def save_sums(store: Store, sums: Sequence[Sum], over: Sequence[tuple[str, str]]) -> None:
    """Save sums of devices' quantities, and forget those that are over."""
    async with store.transaction() as connection:
        if over:
            await connection.execute(SQL["forget sums"], _names(over))
        if sums:
            given = _names([(one.device, one.quantity) for one in sums]) | {
                "observed_ats": [datetime.fromtimestamp(one.at_s, UTC) for one in sums],
                "sums": [one.sum for one in sums],
                "todays": [one.today for one in sums],
            }
            await connection.execute(SQL["save sums"], given)


async def saved_sums(store: Store, known: Sequence[KnownDevice]) -> list[Sum]:
    """Return the sums that were saved of devices."""
    rows = await store.rows(SQL["sums"], {"device_keys": [one.key for one in known]})
    return [Sum(**row) for row in rows]


def _names(channels: Sequence[tuple[str, str]]) -> dict[str, list[object]]:
    return {"devices": [device for device, _ in channels], "quantities": [name for _, name in channels]}


def _column(rows: Sequence[Row], name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([row[name] for row in rows], np.float64)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
