"""A person on the roster with ways to reach them, and a worker that calls."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from api.channels.senders import Senders, new_client
from api.dispatch.answer_links import AnswerLinks
from api.dispatch.calling import Again, Caller
from api.dispatch.telling import Channel, Teller
from gridwatch.services import Service
from gridwatch.store import Store
from gridwatch.store.accounts import token_secret
from gridwatch.store.channels import ChannelLine, put_service, replace_channels
from gridwatch.strongbox import Strongbox
from tests.api.incidents import happen, register, sensor

LINK_BASE = "https://watch.example"

ADD_PERSON = """
    INSERT INTO person (code, name, language) VALUES (%(code)s, %(name)s, %(language)s) RETURNING key"""
ADD_CALL = """
    INSERT INTO call (alert_id, person_key, step, urgent) VALUES (%(alert)s, %(person)s, %(step)s, %(urgent)s)
    RETURNING key"""


async def add_person(store: Store, code: str, *, language: str = "zh-CN") -> int:
    """Put somebody on the roster; return their key."""
    row = await store.row(ADD_PERSON, {"code": code, "name": f"网格员{code}", "language": language})
    assert row is not None
    return int(row["key"])


async def reach(
    store: Store,
    box: Strongbox,
    services: Mapping[str, Service],
    ways: Mapping[str, Sequence[tuple[str, str]]],
) -> None:
    """Let people be reached by services: for each code the names of services with addresses, in order."""
    for name, service in services.items():
        await put_service(store, box, name, service, by="a test")
    lines = [
        ChannelLine(line=2, person=code, position=position, service=service, address=address)
        for code, told in ways.items()
        for position, (service, address) in enumerate(told, start=1)
    ]
    await replace_channels(store, box, lines, by="a test")


async def add_alert(store: Store) -> int:
    """Let a fire be seen; return its alert."""
    await register(store, sensor("smoke-1", name="3栋烟感", area="b-3"))
    return int((await happen(store, "smoke-1"))["alert"])


async def add_lift_alert(store: Store, lift: str) -> int:
    """Let an e-bike be seen in a lift; return its alert."""
    await register(store, sensor(lift, name=lift, area="b-3", scene="elevator"))
    return int((await happen(store, lift, label="ebike"))["alert"])


async def add_call(
    store: Store, alert: int, person: int | None, *, step: str = "raised", urgent: bool = False
) -> int:
    """Ask for somebody to be called; return the call."""
    given = {"alert": alert, "person": person, "step": step, "urgent": urgent}
    row = await store.row(ADD_CALL, given)
    assert row is not None
    return int(row["key"])


@asynccontextmanager
async def caller(store: Store, box: Strongbox, channels: Sequence[Channel] = ()) -> AsyncIterator[Caller]:
    """Lend a caller that sends for real."""
    async with AsyncExitStack() as stack:
        senders = Senders(await stack.enter_async_context(new_client()))
        teller = Teller(store, channels, link_base=LINK_BASE)
        links = AnswerLinks(await token_secret(store))
        yield Caller(store, senders, box, links, teller, link_base=LINK_BASE)


async def go_on(one: Caller, *calls: int) -> list[Again | None]:
    """Go on with calls at once; return which of them go on later."""
    # Each takes two of the four connections of a test.
    turn = asyncio.Semaphore(2)

    async def call(key: int) -> None:
        async with turn:
            await one.call(key)

    ends = await asyncio.gather(*map(call, calls), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, Again):
            raise end
    return [end if isinstance(end, Again) else None for end in ends]


async def call_row(store: Store, key: int) -> dict[str, Any]:
    """Return what is known of a call."""
    row = await store.row("SELECT * FROM call WHERE key = %(key)s", {"key": key})
    assert row is not None
    return row


async def outcomes(store: Store, key: int) -> list[tuple[int, str]]:
    """Return the rounds and outcomes of a call's messages, in the order in which they went."""
    rows = await store.rows(
        "SELECT round, outcome FROM delivery WHERE call_key = %(key)s ORDER BY key", {"key": key}
    )
    return [(row["round"], row["outcome"]) for row in rows]


async def as_if_earlier(store: Store, seconds: float) -> None:
    """Let all that was tried be so much longer ago."""
    await store.execute(
        "UPDATE delivery SET tried_at = tried_at - make_interval(secs => %(s)s)", {"s": seconds}
    )


def box_in(folder: Path) -> Strongbox:
    """Return the strongbox of a test."""
    return Strongbox(folder)
