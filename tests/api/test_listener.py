"""One connection of the live feed: written to at once, in order, and never waited for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message as Sent

import api.listeners
from api.feed import WAITING, Message
from api.listener import HEARTBEAT, Listener
from api.listeners import Listeners
from api.sign_in import Callers, Person, Tokens
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, CurrentAccounts, put_accounts
from tests.api.serving import shut_out

pytestmark = pytest.mark.anyio

LI = Person(username="li", role=Role.OPERATOR)


class Line:
    """A connection that takes what is sent while it is free."""

    def __init__(self) -> None:
        self.got: list[Sent] = []
        self.free = asyncio.Event()
        self.free.set()
        self.dropped = False

    async def send(self, message: Any) -> None:
        """Take a message, or wait."""
        if not self.free.is_set():
            await self.free.wait()
        self.got.append(message)

    def listener(self, person: Person = LI) -> Listener:
        """Return who listens by it."""
        return Listener(self.send, person, self._drop)

    def _drop(self) -> None:
        self.dropped = True

    @property
    def text(self) -> bytes:
        """Return all that was sent."""
        return b"".join(message["body"] for message in self.got)

    async def ends(self) -> None:
        """Wait until the response is over."""
        async with asyncio.timeout(10):
            while not self.got or self.got[-1].get("more_body"):  # noqa: ASYNC110 - as a server polls
                await asyncio.sleep(0.001)


def change(seq: int) -> Message:
    """Return a change of an alert."""
    return Message(seq=seq, alert={}, sse=b"%d;" % seq)


def offer(listener: Listener, *seqs: int) -> bool:
    """Hand changes to a listener."""
    changes = [change(seq) for seq in seqs]
    return listener.offer(changes, b"".join(one.sse for one in changes))


async def test_what_is_offered_is_written_before_the_offer_returns() -> None:
    line = Line()
    assert offer(line.listener(), 1, 2)
    assert line.text == b"1;2;"


async def test_what_comes_while_it_can_take_no_more_waits_and_goes_in_order() -> None:
    line = Line()
    listener = line.listener()
    line.free.clear()
    for seq in range(1, 6):
        assert offer(listener, seq)
    listener.write(HEARTBEAT)
    assert line.got == []
    listener.cut("enough")
    line.free.set()
    await line.ends()
    assert line.text == b'1;2;3;4;5;event: cut_off\ndata: {"reason":"enough"}\n\n'
    offer(listener, 6)
    listener.cut("again")
    assert line.text.count(b"cut_off") == 1


async def test_for_whom_too_much_waits_is_told_so_after_it() -> None:
    line = Line()
    listener = line.listener()
    line.free.clear()
    assert offer(listener, 0)
    assert offer(listener, *range(1, WAITING + 1))
    assert not offer(listener, WAITING + 1)
    line.free.set()
    await line.ends()
    assert line.text.startswith(b"0;1;2;")
    assert b"%d;event: cut_off" % WAITING in line.text
    assert b"too slowly" in line.text


async def test_what_was_replayed_is_not_written_again() -> None:
    line = Line()
    listener = line.listener()
    halfway = asyncio.Event()

    async def past() -> AsyncIterator[tuple[int, bytes]]:
        yield 2, b"1;2;"
        await halfway.wait()
        yield 4, b"3;4;"

    listener.replay(past())
    for seq in range(3, 7):
        assert offer(listener, seq)
    halfway.set()
    listener.cut("done")
    await line.ends()
    assert line.text.startswith(b"1;2;3;4;5;6;event: cut_off")


async def test_a_connection_that_fails_is_dropped_and_holds_up_nothing() -> None:
    line = Line()

    async def broken(_: Any) -> None:
        raise OSError

    assert Listener(broken, LI, line._drop).offer([change(1)], b"1;")
    assert line.dropped


async def test_a_database_that_is_away_before_the_first_look_is_waited_for(
    postgres_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.listeners, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(api.listeners, "HEARTBEAT_S", 1)
    async with Store.open(database_url) as store:
        await put_accounts(
            store, [Account(username="li", password_hash=None, role=Role.OPERATOR)], by="a test"
        )
        await store.execute("UPDATE account SET disabled = true")
        rounds, line = Listeners(Callers(CurrentAccounts(store), Tokens(b"s" * 32))), Line()
        rounds.add(line.listener())
        with shut_out(postgres_url, database_url):
            going = asyncio.create_task(rounds.run())
            async with asyncio.timeout(60):
                while line.text.count(HEARTBEAT) < 2:  # noqa: ASYNC110 - it goes on without the database
                    await asyncio.sleep(0.01)
            assert not going.done()
        try:
            async with asyncio.timeout(60):
                await line.ends()
        finally:
            going.cancel()
            await asyncio.wait([going])
    assert b"you are not signed in any more" in line.text


async def test_the_rounds_keep_connections_alive_and_send_away_who_may_not_listen_any_more(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.listeners, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(api.listeners, "READS_WITHIN_S", 0.0)
    async with Store.open(database_url) as store:
        names = ("li", "wang", "moved")
        accounts = [Account(username=one, password_hash=None, role=Role.OPERATOR) for one in names]
        await put_accounts(store, accounts, by="a test")
        rounds = Listeners(Callers(CurrentAccounts(store), Tokens(b"s" * 32)))
        lines = {name: Line() for name in (*names, "stuck")}
        for name, line in lines.items():
            person = Person(username="li" if name == "stuck" else name, role=Role.OPERATOR)
            rounds.add(line.listener(person))
        stuck = line.listener(LI)
        lines["stuck"].free.clear()
        rounds.add(stuck)
        offer(stuck, 1)
        going = asyncio.create_task(rounds.run())
        try:
            async with asyncio.timeout(20):
                while not (lines["li"].text and lines["stuck"].dropped):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                assert set(lines["li"].text.split(b"\n")) <= {HEARTBEAT.strip(), b""}
                await store.execute("UPDATE account SET disabled = true WHERE username = 'wang'")
                await store.execute("UPDATE account SET area = 'c' WHERE username = 'moved'")
            await lines["wang"].ends()
            await lines["moved"].ends()
        finally:
            going.cancel()
            await asyncio.wait([going])
    assert b"you are not signed in any more" in lines["wang"].text
    assert b"cut_off" not in lines["li"].text
