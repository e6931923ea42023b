"""The queue of jobs: deferred in the transaction of what they are about, worked on by a worker of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException

from gridwatch.store.connection import (
    WAIT_FOR_CONNECTION_S,
    Connection,
    own_errors,
    with_session_options,
)

PEOPLE = "people"
"""The queue of jobs that tell people."""

CALLS = "calls"
"""The queue of messages to people: they wait for other people's servers, and hold up no decision."""

WEBHOOKS = "webhooks"
"""The queue of messages to other systems, whose servers may hang for hours."""

NOTIFY = "notify"
"""The task that decides who is told of an alert; arguments `alert_id` and `step`."""

CALL = "call"
"""The task that tells one person, or the installation's channels; argument `call_key`, a row of `call`."""

WEBHOOK = "tell a webhook"
"""The task that tells one receiver of one change; argument `message_key`, a row of `webhook_message`."""

ROUTE = "route"
"""The task that decides whom an alert calls after something happened; arguments `alert_id` and `trigger`."""

DUE = "due"
"""The task that does so at a deadline; arguments `alert_id` and `due_at`: where that is not the alert's any
more, nothing is done."""

DECIDES_FIRST = 1
"""Priority of jobs that decide whom to call over those that wait for other people's servers."""

RAISED = "raised"
"""The step of an alert that is new."""

IN_THE_MORNING = "in the morning"
"""The step of an alert that was new at night and need wake nobody."""

WORKER_CONNECTIONS = 8
"""One listens for each queue, the rest fetch, finish and send beats for the jobs of one worker."""

# It only writes down jobs, on connections that its callers hand in; it is never opened.
_DEFERRER = App(connector=PsycopgConnector())


async def defer_notify(
    connection: Connection, alert_id: int, step: str, *, at: datetime | None = None
) -> None:
    """Let people be told of an alert as soon as the caller's transaction commits, or else `at` a time.

    `step` is part of what makes a notification single: `raised` for the first. Raises StoreUnavailable or
    StoreError.
    """
    await _defer(connection, NOTIFY, at, alert_id=alert_id, step=step)


async def defer_call(connection: Connection, call_key: int) -> None:
    """Let the person of a row of `call` be told as soon as the caller's transaction commits.

    The job tells nobody once the row has an `ended_at` or its alert has ended, and sets `reached_at` when a
    channel confirmed. Raises StoreUnavailable or StoreError.
    """
    await _defer(connection, CALL, None, queue=CALLS, call_key=call_key)


async def defer_webhook(connection: Connection, message_key: int) -> None:
    """Let the receiver of a row of `webhook_message` be told as soon as the caller's transaction commits."""
    await _defer(connection, WEBHOOK, None, queue=WEBHOOKS, message_key=message_key)


async def defer_route(connection: Connection, alert_id: int, trigger: str) -> None:
    """Let what follows from somebody's action be decided as soon as the caller's transaction commits."""
    await _defer(connection, ROUTE, None, alert_id=alert_id, trigger=trigger)


async def defer_due(connection: Connection, alert_id: int, due_at: datetime) -> None:
    """Let an alert be looked at again at its deadline."""
    await _defer(connection, DUE, due_at, alert_id=alert_id, due_at=due_at.isoformat())


async def _defer(
    connection: Connection, task: str, at: datetime | None, *, queue: str = PEOPLE, **arguments: Any
) -> None:
    deferrer = _DEFERRER.configure_task(
        task,
        queue=queue,
        allow_unknown=True,
        connection=connection,
        schedule_at=at,
        priority=DECIDES_FIRST if queue == PEOPLE else 0,
    )
    with own_errors():
        try:
            await deferrer.defer_async(**arguments)
        except ConnectorException as error:
            raise error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error from error


@asynccontextmanager
async def job_queue(url: str) -> AsyncIterator[App]:
    """Open the queue as a worker sees it. Raises StoreUnavailable where the database can't be reached.

    While it works, procrastinate's own ConnectorException says that the database went away.
    """
    connector = PsycopgConnector(
        conninfo=with_session_options(url),
        min_size=1,
        max_size=WORKER_CONNECTIONS,
        timeout=WAIT_FOR_CONNECTION_S,
    )
    app = App(connector=connector)
    with own_errors():
        await app.open_async()
    try:
        yield app
    finally:
        await app.close_async()
