"""People are told of real alerts, by every channel, once."""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, LiteralString

import pytest

from api.dispatch.telling import NotTold, Teller, open_channels, open_testers
from api.dispatch.worker import dispatch
from gridwatch.errors import SettingsError
from gridwatch.model import DeviceState, Role
from gridwatch.services import Others
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.devices import set_state
from gridwatch.store.jobs import defer_call
from gridwatch.strongbox import Strongbox
from tests.api.calling import add_call, add_person, reach
from tests.api.incidents import happen, register, sensor
from tests.api.serving import at_store
from tests.servers import wait_until

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SECRET = "secretword"
DONE_WITHIN_S = 30.0


class Phone:
    """A channel that a test can let refuse; it keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.refusals = 0
        phone = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                refused = phone.refusals > 0
                phone.refusals -= refused
                if not refused:
                    phone.told.append(told)
                self.send_response(500 if refused else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:{SECRET}@127.0.0.1:{self.server.server_port}"


@pytest.fixture
def phones() -> Iterator[tuple[Phone, Phone]]:
    """Return two channels."""
    pair = Phone(), Phone()
    threads = [threading.Thread(target=phone.server.serve_forever, args=(0.01,)) for phone in pair]
    for thread in threads:
        thread.start()
    yield pair
    for phone, thread in zip(pair, threads, strict=True):
        phone.server.shutdown()
        thread.join()
        phone.server.server_close()


async def _two_sensors(store: Store) -> None:
    real = sensor("real", name="3栋烟感", area="b-3")
    await register(store, real, sensor("imagined", simulated=True))


def _while_working(
    database_url: str,
    urls: Sequence[str],
    work: Callable[[Store], Awaitable[None]],
    *,
    workers: int = 1,
    testers: Mapping[str, str] | None = None,
    data_dir: Path | None = None,
) -> None:
    """Do something while workers of the queue run; whatever ends one is an error."""
    settings = read_settings(
        database_url=database_url,
        notify_urls=tuple(urls),
        tester_urls=testers,
        public_url="https://watch.example",
        data_dir=data_dir,
    )

    async def at_work() -> None:
        async with Store.open(database_url) as store, asyncio.timeout(DONE_WITHIN_S):
            await work(store)

    async def scene() -> None:
        tasks = [
            asyncio.create_task(one) for one in (at_work(), *(dispatch(settings) for _ in range(workers)))
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert tasks[0].done(), "a worker ended by itself"
        for task in tasks:
            task.cancel()
        _, *ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
        tasks[0].result()

    asyncio.run(scene())


async def _until_nothing_waits(store: Store) -> None:
    await _until_none(
        store,
        "SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND task_name <> 'due'",
    )


async def _until_none(store: Store, query: LiteralString) -> None:
    while await store.rows(query):  # noqa: ASYNC110 - another process changes the table
        await asyncio.sleep(0.02)


def test_people_are_told_in_both_languages_with_place_and_link(
    database_url: str, phones: tuple[Phone, Phone]
) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        await happen(store, "real")
        await happen(store, "real")
        await _until_nothing_waits(store)

    _while_working(database_url, [phone.url for phone in phones], scene)
    for phone in phones:
        (told,) = phone.told
        assert told["title"] == "【紧急】明火 · b-3"
        assert "3栋烟感" in told["message"]
        assert "[Critical] Flame" in told["message"]
        assert "https://watch.example/?alert=1" in told["message"]


def test_people_are_told_again_when_an_alert_becomes_worse_and_only_then(
    database_url: str, phones: tuple[Phone, Phone]
) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        await happen(store, "real", label="smoke")
        # What is told is how the alert stands then.
        await _until_nothing_waits(store)
        for label in ("heat", "flame", "smoke", "flame"):
            await happen(store, "real", label=label)
        await _until_nothing_waits(store)

    _while_working(database_url, [phones[0].url], scene)
    assert sorted("[Critical]" in told["message"] for told in phones[0].told) == [False, True]


def test_nobody_is_told_of_what_is_simulated(database_url: str, phones: tuple[Phone, Phone]) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        await happen(store, "imagined")
        await _until_nothing_waits(store)

    _while_working(database_url, [phones[0].url], scene)
    assert phones[0].told == []


def test_of_a_drill_nobody_is_told_but_its_tester(database_url: str, phones: tuple[Phone, Phone]) -> None:
    at_store(database_url, _two_sensors)
    everybody, li = phones

    async def scene(store: Store) -> None:
        end = datetime.now(UTC) + timedelta(hours=1)
        for tester in ("li", "somebody else"):
            await set_state(store, ["real"], DeviceState.TEST, until=end, by=tester)
            await happen(store, "real")
            await _until_nothing_waits(store)
            await store.execute("UPDATE alert SET state = 'resolved'")

    _while_working(database_url, [everybody.url], scene, testers={"li": li.url})
    assert everybody.told == []
    (told,) = li.told
    assert told["title"] == "〔演练〕 【紧急】明火 · b-3"
    assert "DRILL [Critical] Flame" in told["message"]


def test_a_channel_that_refused_is_tried_again_and_the_others_are_left_alone(
    database_url: str, phones: tuple[Phone, Phone], caplog: pytest.LogCaptureFixture
) -> None:
    at_store(database_url, _two_sensors)
    phones[0].refusals = 1

    async def scene(store: Store) -> None:
        await happen(store, "real")
        await _until_nothing_waits(store)

    with caplog.at_level(logging.DEBUG):
        _while_working(database_url, [phone.url for phone in phones], scene)
    assert [len(phone.told) for phone in phones] == [1, 1]
    assert SECRET not in caplog.text


def test_two_workers_with_the_same_job_tell_once(database_url: str, phones: tuple[Phone, Phone]) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        alert = (await happen(store, "real"))["alert"]
        tellers = [Teller(store, open_channels([phones[0].url]), link_base="http://x") for _ in range(2)]
        await asyncio.gather(*(teller.tell(alert, "raised") for teller in tellers))
        await tellers[0].tell(alert, "raised")
        await tellers[0].tell(10_000, "raised")

    at_store(database_url, scene)
    assert len(phones[0].told) == 1


def test_a_refusal_leaves_nothing_that_would_keep_the_next_from_sending(
    database_url: str, phones: tuple[Phone, Phone]
) -> None:
    at_store(database_url, _two_sensors)
    phones[0].refusals = 1

    async def scene(store: Store) -> None:
        alert = (await happen(store, "real"))["alert"]
        teller = Teller(store, open_channels([phones[0].url]), link_base="http://x")
        with pytest.raises(NotTold):
            await teller.tell(alert, "raised")
        assert await store.rows("SELECT FROM notification") == []
        await teller.tell(alert, "raised")

    at_store(database_url, scene)
    assert len(phones[0].told) == 1


def test_a_job_that_a_killed_worker_left_is_taken_up(database_url: str, phones: tuple[Phone, Phone]) -> None:
    at_store(database_url, _two_sensors)

    async def left(store: Store) -> None:
        await happen(store, "real")
        await store.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = 1")

    at_store(database_url, left)
    _while_working(database_url, [phones[0].url], _until_nothing_waits)
    assert len(phones[0].told) == 1


def test_the_worker_outlives_the_database_connections(
    database_url: str, phones: tuple[Phone, Phone], caplog: pytest.LogCaptureFixture
) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        await _until_none(store, "SELECT WHERE NOT EXISTS (SELECT FROM procrastinate_workers)")
        await store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await happen(store, "real")
        await _until_nothing_waits(store)

    with caplog.at_level(logging.CRITICAL):
        _while_working(database_url, [phones[0].url], scene)
    wait_until(lambda: len(phones[0].told) == 1, what="people are told")


def test_an_address_that_cannot_be_used_is_named_by_its_number() -> None:
    with pytest.raises(SettingsError, match="number 2") as raised:
        open_channels(["json://127.0.0.1", f"nonsense://{SECRET}"])
    assert SECRET not in str(raised.value)
    with pytest.raises(SettingsError, match="of li") as raised:
        open_testers({"li": f"nonsense://{SECRET}"})
    assert SECRET not in str(raised.value)


def test_nobody_is_told_in_the_morning_of_what_is_over(
    database_url: str, phones: tuple[Phone, Phone]
) -> None:
    at_store(database_url, _two_sensors)

    async def scene(store: Store) -> None:
        alert = (await happen(store, "real"))["alert"]
        teller = Teller(store, open_channels([phones[0].url]), link_base="http://x")
        await act(store, alert, "resolve", actor="li", role=Role.ADMINISTRATOR)
        await teller.tell(alert, "in the morning")
        assert phones[0].told == []
        await teller.tell(alert, "raised")
        assert len(phones[0].told) == 1

    at_store(database_url, scene)


def test_the_worker_calls_people_and_the_installation(
    database_url: str, tmp_path: Path, phones: tuple[Phone, Phone]
) -> None:
    at_store(database_url, _two_sensors)
    everybody, li = phones

    async def scene(store: Store) -> None:
        person = await add_person(store, "li")
        await reach(store, Strongbox(tmp_path), {"rest": Others()}, {"li": [("rest", li.url)]})
        alert = (await happen(store, "real"))["alert"]
        await _until_nothing_waits(store)
        assert len(everybody.told) == 1
        calls = [await add_call(store, alert, one, step="escalated:town") for one in (person, None)]
        async with store.transaction() as connection:
            for call in calls:
                await defer_call(connection, call)
        await _until_nothing_waits(store)
        assert len(await store.rows("SELECT FROM call WHERE reached_at IS NOT NULL")) == 3

    _while_working(database_url, [everybody.url], scene, data_dir=tmp_path)
    assert [len(phone.told) for phone in phones] == [2, 1]
    assert "https://watch.example/a/" in li.told[0]["message"]


def test_channels_that_hang_hold_up_no_decision(database_url: str, tmp_path: Path) -> None:
    at_store(database_url, _two_sensors)
    released = threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            released.wait(DONE_WITHIN_S)
            self.send_response(200)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    url = f"json://127.0.0.1:{server.server_port}"

    async def scene(store: Store) -> None:
        person = await add_person(store, "li")
        await reach(store, Strongbox(tmp_path), {"rest": Others()}, {"li": [("rest", url)]})
        alert = (await happen(store, "real"))["alert"]
        async with store.transaction() as connection:
            for step in range(40):
                await defer_call(connection, await add_call(store, alert, person, step=f"remind:{step}"))
        hanging = "SELECT WHERE (SELECT count(*) FROM delivery WHERE outcome = 'sending') < 16"
        await _until_none(store, hanging)
        await act(store, alert, "acknowledge", actor="li", role=Role.OPERATOR)
        decided = "SELECT FROM procrastinate_jobs WHERE queue_name = 'people' AND status <> 'failed'"
        await _until_none(store, f"{decided} AND scheduled_at IS NULL")
        assert await store.rows(
            "SELECT FROM procrastinate_jobs WHERE queue_name = 'calls' AND status = 'doing'"
        )
        released.set()

    try:
        _while_working(database_url, [], scene, data_dir=tmp_path)
    finally:
        released.set()
        server.shutdown()
        serving.join()
        server.server_close()
