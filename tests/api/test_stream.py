"""The live stream: in order, without gaps or duplicates, and nobody holds up another."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, connect_sse
from starlette.types import Message

import api.feed
from api.event_stream import AlertStream
from api.feed import WAITING, CutOff, Feed, Subscription
from api.listeners import Listeners
from api.sign_in import Callers, Person, Tokens
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import CurrentAccounts
from gridwatch.store.alerts import changes_after, last_seq
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.api.serving import Api, at_store, serving, settings_for, shut_out, signed_in
from tests.servers import wait_until

SOON_S = 60.0


async def _three_sensors(store: Store) -> None:
    await register(store, *(sensor(f"s-{n}") for n in range(3)))


async def _something_happens(store: Store) -> None:
    await happen(store, "s-0")


def _events(source: EventSource) -> Iterator[ServerSentEvent]:
    return (event for event in source.iter_sse() if event.event == "alert")


@contextmanager
def _stream(client: httpx.Client, after: int | None = None) -> Iterator[EventSource]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with connect_sse(client, "GET", "/api/v1/alerts/stream", headers=headers, timeout=SOON_S) as source:
        yield source


def _subscribers(url: str) -> int:
    figures = httpx.get(f"{url}/metrics").text
    (line,) = (one for one in figures.splitlines() if one.startswith("gridwatch_feed_subscribers "))
    return int(float(line.split()[1]))


def test_a_change_is_on_the_stream_as_soon_as_it_is_committed(api: Api) -> None:
    api.stored(_three_sensors)
    with _stream(api.client) as source:
        wait_until(lambda: _subscribers(api.url) == 1, what="the stream is subscribed")
        api.stored(_something_happens)
        event = next(_events(source))
    alert = json.loads(event.data)
    assert event.id == str(alert["seq"])
    assert (alert["device"], alert["label"], alert["state"]) == ("s-0", "flame", "open")
    wait_until(lambda: _subscribers(api.url) == 0, what="the server noticed that the client went")


def test_who_resumes_gets_every_change_once_and_in_order_while_more_come(api: Api) -> None:
    api.stored(_three_sensors)
    api.stored(_something_happens)
    begin = api.stored(last_seq)

    async def much_happens(store: Store) -> None:
        await asyncio.gather(*(happen(store, f"s-{n % 3}") for n in range(60)))

    api.stored(much_happens)
    meanwhile = threading.Thread(target=lambda: api.stored(much_happens))
    meanwhile.start()
    seen: list[int] = []
    while len(seen) < 120:
        # It goes away again and again, in the middle of replay and of live changes.
        with _stream(api.client, after=seen[-1] if seen else begin) as source:
            for event in _events(source):
                seen.append(int(event.id))
                if len(seen) % 25 == 0 or len(seen) == 120:
                    break
    meanwhile.join()

    async def committed(store: Store) -> list[int]:
        return [change.seq for change in await changes_after(store, begin)]

    assert seen == api.stored(committed)


def test_the_id_can_be_in_the_query_and_one_from_the_future_means_live(api: Api) -> None:
    api.stored(_three_sensors)
    api.stored(_something_happens)
    seq = api.stored(last_seq)
    path = "/api/v1/alerts/stream"
    with connect_sse(api.client, "GET", path, params={"last_event_id": seq - 1}) as source:
        assert next(_events(source)).id == str(seq)
    with _stream(api.client, after=seq + 1_000_000) as source:
        wait_until(lambda: _subscribers(api.url) >= 1, what="the stream is subscribed")
        api.stored(_something_happens)
        assert int(next(_events(source)).id) > seq
    assert api.client.get(path, headers={"Last-Event-ID": "yesterday"}).status_code == 422


@asynccontextmanager
async def _feed(database_url: str) -> AsyncIterator[tuple[Store, Feed]]:
    async with Store.open(database_url) as store:
        await _three_sensors(store)
        feed = Feed(store)
        running = asyncio.create_task(feed.run())
        while feed.away:  # noqa: ASYNC110 - it tells nobody when it is there
            await asyncio.sleep(0.01)
        try:
            yield store, feed
        finally:
            running.cancel()
            await asyncio.wait([running])


async def _take(subscription: Subscription, count: int) -> list[int]:
    taken: list[int] = []
    async with asyncio.timeout(SOON_S):
        while len(taken) < count:
            taken += [message.seq for message in await subscription.take(SOON_S)]
    return taken


def test_a_slow_subscriber_is_cut_off_and_told_so_while_others_get_everything(database_url: str) -> None:
    async def scene() -> None:
        async with _feed(database_url) as (store, feed):
            slow, quick = feed.subscribe(limit=3), feed.subscribe()
            for _ in range(8):
                await happen(store, "s-0")
            everything = await _take(quick, 8)
            assert await _take(slow, 3) == everything[:3]
            with pytest.raises(CutOff, match="too slowly"):
                await slow.take(SOON_S)
            assert feed.subscribers == 1

    asyncio.run(scene())


def test_a_burst_cuts_off_nobody_who_reads(database_url: str) -> None:
    async def scene() -> None:
        async with _feed(database_url) as (store, feed):
            subscription = feed.subscribe()
            reading = asyncio.create_task(_take(subscription, 2 * WAITING))
            count = 2 * WAITING
            await happen(store, "s-0")
            # One transaction commits them all, as a collector's batch does.
            await store.execute(
                """INSERT INTO alert_change (seq, alert_id, change, alert)
                   SELECT nextval('alert_change_seq'), alert_id, change, alert
                   FROM alert_change, generate_series(1, %(count)s)""",
                {"count": count - 1},
            )
            seqs = await reading
            assert seqs == sorted(set(seqs))
            assert len(seqs) == count

    asyncio.run(scene())


def test_who_comes_back_soon_is_told_from_memory_and_others_from_the_table(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.feed, "RECENT", 4)

    async def scene() -> None:
        async with Store.open(database_url) as store:
            await put_areas(store, [Area(code=one, level=AreaLevel.ESTATE, name=one) for one in "abc"])
            await register(store, sensor("in-a", area="a"), sensor("in-b", area="b"))
            for _ in range(4):
                await happen(store, "in-a")
        async with _feed(database_url) as (store, feed):
            for device in ("in-a", "in-b"):
                await happen(store, device)
            committed = [change.seq for change in await changes_after(store, 0)]
            last = committed[-1]
            await _until(lambda: feed.since(last) == [])

            def seqs(after: int, area: str | None = None) -> list[int] | None:
                late = feed.since(after, area=area)
                return None if late is None else [message.seq for message in late]

            assert seqs(committed[1]) == committed[2:], "also what was committed before it began"
            assert seqs(committed[0]) is None
            assert seqs(last + 1) is None
            assert seqs(committed[1], "a") == committed[2:5]
            assert seqs(committed[1], "b") == [last]
            await store.execute("UPDATE area SET parent = 'c', level = 'building' WHERE code = 'b'")
            await _until(lambda: seqs(committed[1], "c") == [last])

    asyncio.run(scene())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


def test_who_is_cut_off_learns_why_on_the_stream(database_url: str) -> None:
    async def scene() -> bytes:
        async with _feed(database_url) as (store, feed):
            sent: list[bytes] = []

            async def send(message: Message) -> None:
                sent.append(message.get("body", b""))

            listeners = Listeners(Callers(CurrentAccounts(store), Tokens(b"s" * 32)))
            person = Person(username="li", role=Role.OPERATOR)
            stream = AlertStream(feed, store, listeners, person=person, after=None)

            async def receive() -> Message:
                while not sent or sent[-1]:  # noqa: ASYNC110 - the last message is empty
                    await asyncio.sleep(0.01)
                return {"type": "http.disconnect"}

            feed.close("the server stops; connect again")
            async with asyncio.timeout(SOON_S):
                await stream({"type": "http"}, receive, send)
            return b"".join(sent)

    assert b'event: cut_off\ndata: {"reason":"the server stops' in asyncio.run(scene())


def test_a_client_that_does_not_read_holds_up_no_other(api: Api) -> None:
    api.stored(_three_sensors)
    request = (
        "GET /api/v1/alerts/stream HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {api.client.headers['Authorization']}\r\n\r\n"
    )
    address = ("127.0.0.1", api.settings.http_port)
    with socket.create_connection(address) as deaf, _stream(api.client) as source:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(request.encode())
        wait_until(lambda: _subscribers(api.url) == 2, what="both are subscribed")
        events = _events(source)
        seen: set[str] = set()
        for _ in range(20):
            api.stored(_something_happens)
            seen.add(next(events).id)
        assert len(seen) == 20


def test_the_stream_outlives_the_database_and_goes_on(
    database_url: str, postgres_url: str, tmp_path: Path
) -> None:
    at_store(database_url, _three_sensors)
    settings = settings_for(database_url, tmp_path)
    with serving(settings) as url, signed_in(url) as client, _stream(client) as source:
        wait_until(lambda: _subscribers(url) == 1, what="the stream is subscribed")
        events = _events(source)
        at_store(database_url, _something_happens)
        first = next(events)
        with shut_out(postgres_url, database_url):
            wait_until(lambda: not httpx.get(f"{url}/readyz").json()["database"], what="it is away")
            refused = client.get("/api/v1/alerts", timeout=30)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        at_store(database_url, _something_happens)
        assert int(next(events).id) > int(first.id)


def test_the_server_stops_at_once_and_says_so_whoever_listens(database_url: str, tmp_path: Path) -> None:
    endings: list[str] = []
    with ExitStack() as listening, ExitStack() as running:
        url = running.enter_context(serving(settings_for(database_url, tmp_path)))
        source = listening.enter_context(_stream(listening.enter_context(signed_in(url))))
        thread = threading.Thread(target=lambda: endings.extend(one.event for one in source.iter_sse()))
        thread.start()
        wait_until(lambda: _subscribers(url) == 1, what="the stream is subscribed")
        began = time.monotonic()
        running.close()
        assert time.monotonic() - began < 3.0
        thread.join(SOON_S)
    assert endings == ["cut_off"]
