"""What the worker does about alerts: decide whom they call when something happened or a deadline passed.

Each job is one transaction that says what it did: carried out once, however often a worker dies.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gridwatch.escalation.case import Trigger
from gridwatch.escalation.times import Times
from gridwatch.store.alerts import announce
from gridwatch.store.connection import Connection, Store, queries
from gridwatch.store.routing import route

SQL = queries("routing")

LEFT_AFTER = timedelta(seconds=0.5)
"""A deadline that passed so long ago was left: jobs are looked for as often."""


async def on_trigger(
    store: Store, job: int, alert_id: int, trigger: Trigger, times: Mapping[str, Times]
) -> None:
    """Route an alert because something happened; `job` tells whether that was done already."""
    async with store.transaction() as connection:
        if (await connection.execute(SQL["claim job"], {"job": job})).rowcount == 1:
            await _route(connection, alert_id, trigger, times)


async def on_due(store: Store, alert_id: int, due_at: datetime, times: Mapping[str, Times]) -> None:
    """Route an alert at its deadline; nothing is done where that is another one by now."""
    async with store.transaction() as connection:
        given = {"id": alert_id, "due_at": due_at}
        if await (await connection.execute(SQL["due"], given)).fetchone() is not None:
            await _route(connection, alert_id, Trigger.DUE, times)


async def look_for_left(store: Store, times: Mapping[str, Times]) -> int:
    """Do what is due and nobody did, because its worker died with it; return how many."""
    before = datetime.now(UTC) - LEFT_AFTER
    rows = await store.rows(SQL["overdue"], {"before": before})
    for row in rows:
        await on_due(store, row["id"], row["due_at"], times)
    return len(rows)


async def forget_jobs(store: Store) -> None:
    """Forget jobs that were carried out long ago."""
    await store.execute(SQL["forget jobs"])


async def _route(connection: Connection, alert_id: int, trigger: Trigger, times: Mapping[str, Times]) -> None:
    told = await route(connection, alert_id, trigger, now=datetime.now(UTC), times=times)
    if told is not None:
        await announce(connection, {alert_id: _word(told)}, detail=told)


def _word(told: Mapping[str, Any]) -> str:
    if told["closes"]:
        return "close"
    return "call" if told["called"] else "wait"
