"""The worker of the queues `people`, `calls` and `webhooks`."""

import asyncio
import logging

from procrastinate import App, RetryStrategy
from procrastinate.exceptions import ConnectorException

from api.cap import Sender
from api.channels.senders import Senders, new_client
from api.dispatch.answer_links import AnswerLinks
from api.dispatch.calling import Caller, WhenSaid
from api.dispatch.routing import Router
from api.dispatch.telling import Teller, open_channels, open_testers
from api.dispatch.watching import Watch
from api.dispatch.webhooks import Herald
from gridwatch.errors import StoreUnavailable
from gridwatch.escalation.times import read_times
from gridwatch.running import database_url
from gridwatch.settings import Settings
from gridwatch.store import Store
from gridwatch.store.accounts import token_secret
from gridwatch.store.jobs import CALL, CALLS, DUE, NOTIFY, PEOPLE, ROUTE, WEBHOOK, WEBHOOKS, job_queue
from gridwatch.strongbox import Strongbox

log = logging.getLogger(__name__)

AT_ONCE = {PEOPLE: 8, CALLS: 16, WEBHOOKS: 4}
"""Jobs under way. Calls wait for other people's servers: they must not hold up who is called next."""

CONNECTIONS = 24
"""To the database: a job holds two at most, and only for moments."""

POLL_S = 0.5
"""A job whose notification was lost waits no longer."""

BEAT_S = 2.0
STALLED_AFTER_S = 8.0
"""A worker whose last beat is older was killed: another takes its jobs. One that was only slow does no harm:
each job says in its own transaction what it did."""

LOOK_FOR_STALLED_S = 2.0

STOP_WITHIN_S = 3.0
"""Jobs under way when the worker stops; what takes longer is tried again by the next one."""

RECONNECT_S = 1.0

ATTEMPTS = 12
BACK_OFF = 2
"""Seconds to the power of the attempt, 2 to 4,096: more than two hours in all."""


async def dispatch(settings: Settings) -> None:
    """Tell people until cancelled; a database that is away is waited for. Raises SettingsError."""
    url = database_url(settings)
    channels, testers = open_channels(settings.notify_urls), open_testers(settings.tester_urls)
    watchers = open_channels(settings.watch_urls, setting="GRIDWATCH_WATCH_URLS")
    if not watchers:
        log.warning("GRIDWATCH_WATCH_URLS is not set: nobody is told when the installation itself fails")
    if not channels:
        log.warning("GRIDWATCH_NOTIFY_URLS names no channel: nobody is told of alerts but on the console")
    box, times = Strongbox(settings.data_dir), read_times(settings.escalation)
    async with Store.open(url, connections=CONNECTIONS) as store, new_client() as client:
        teller = Teller(store, channels, testers, link_base=settings.link_base)
        senders = Senders(client)
        watch = Watch(store, settings, senders, watchers, client)
        while True:
            try:
                links = AnswerLinks(await token_secret(store))
                caller = Caller(store, senders, box, links, teller, link_base=settings.link_base)
                herald = Herald(store, box, client, Sender.of(settings))
                await _work(url, Router(store, times), caller, herald, watch)
            except (ConnectorException, StoreUnavailable) as error:
                log.warning("the worker waits for the database: %s", error.__cause__ or error)
            await asyncio.sleep(RECONNECT_S)


async def _work(url: str, router: Router, caller: Caller, herald: Herald, watch: Watch) -> None:
    """Work on jobs until the database goes away."""
    async with job_queue(url) as app:
        retry = RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=BACK_OFF)
        app.task(name=NOTIFY, queue=PEOPLE, retry=retry, pass_context=True)(router.notify)
        app.task(name=ROUTE, queue=PEOPLE, retry=retry, pass_context=True)(router.route)
        app.task(name=DUE, queue=PEOPLE, retry=retry)(router.due)
        app.task(name=CALL, queue=CALLS, retry=WhenSaid())(caller.call)
        app.task(name=WEBHOOK, queue=WEBHOOKS, retry=WhenSaid())(herald.tell)
        await _retry_stalled(app)
        working = {
            asyncio.create_task(_run_worker(app, queue, at_once), name=f"worker of the queue {queue}")
            for queue, at_once in AT_ONCE.items()
        }
        looking = asyncio.create_task(_keep_retrying_stalled(app), name="retry of stalled jobs")
        minding = asyncio.create_task(router.mind_deadlines(), name="deadlines that were left")
        watching = asyncio.create_task(watch.run(), name="watch of the installation")
        tasks = {*working, looking, minding, watching}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _run_worker(app: App, queue: str, at_once: int) -> None:
    await app.run_worker_async(
        queues=[queue],
        concurrency=at_once,
        fetch_job_polling_interval=POLL_S,
        update_heartbeat_interval=BEAT_S,
        stalled_worker_timeout=STALLED_AFTER_S,
        shutdown_graceful_timeout=STOP_WITHIN_S,
        # What became of whom is in the table of notifications.
        delete_jobs="successful",
        install_signal_handlers=False,
    )


async def _keep_retrying_stalled(app: App) -> None:
    while True:
        await asyncio.sleep(LOOK_FOR_STALLED_S)
        await _retry_stalled(app)


async def _retry_stalled(app: App) -> None:
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_S)
    for job in stalled:
        log.warning("job %s was left by a worker that is gone: it is tried again", job.id)
        await app.job_manager.retry_job(job)
