"""The API is killed -9 while hundreds listen and alerts change: who comes back has each change once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from httpx_sse import aconnect_sse

from api.sign_in import Person, Tokens
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import Role
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts, token_secret
from gridwatch.store.alerts import changes_after, last_seq
from gridwatch.store.areas import put_areas
from tests.api.incidents import happen, register, sensor
from tests.api.serving import at_store
from tests.console.console import Console

LISTENERS, CHANGES = 200, 240
SEEN = (None, "a", None, "b")
"""The areas that every four of them see."""
WITHIN_S = 240.0


async def _district(store: Store) -> list[str]:
    """Put two areas with a sensor each; return a token for each listener."""
    await put_areas(store, [Area(code=code, level=AreaLevel.COMMUNITY, name=code) for code in ("a", "b")])
    await register(store, sensor("s-a", area="a"), sensor("s-b", area="b"))
    people = [
        Account(username=f"w-{n}", password_hash=None, role=Role.GRID_WORKER, area=SEEN[n % 4])
        for n in range(LISTENERS)
    ]
    await put_accounts(store, people, by="a test")
    tokens = Tokens(await token_secret(store))
    return [tokens.issue(Person(username=one.username, role=one.role, area=one.area)) for one in people]


class Phone:
    """Somebody who comes back whenever the server is gone, with the last id that they had."""

    def __init__(self, url: str, token: str, last: int) -> None:
        self._url = f"{url}/api/v1/alerts/stream"
        self._token = token
        self._last = last
        self.listens = False
        self.ids: list[int] = []
        self.came_back = 0

    async def follow(self, client: httpx.AsyncClient) -> None:
        """Listen for ever."""
        while True:
            try:
                await self._listen(client)
            except (httpx.TransportError, httpx.HTTPStatusError):
                self.came_back += self.listens
                self.listens = False
            await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311 - nothing secret

    async def _listen(self, client: httpx.AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Last-Event-ID": str(self._last)}
        async with aconnect_sse(client, "GET", self._url, headers=headers) as source:
            source.response.raise_for_status()
            self.listens = True
            async for event in source.aiter_sse():
                if event.event == "alert":
                    self.ids.append(int(event.id))
                    self._last = int(event.id)


async def _until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    while True:
        held = holds()
        if held is True or (held is not False and await held):
            return
        await asyncio.sleep(0.02)


async def _is_past(store: Store, seq: int) -> bool:
    return await last_seq(store) >= seq


@pytest.mark.slow
def test_who_comes_back_after_a_kill_has_each_change_once_and_in_order(
    database_url: str, tmp_path: Path
) -> None:
    tokens = at_store(database_url, _district)
    began = at_store(database_url, last_seq)
    api = Console(database_url, tmp_path)
    api.start()
    phones = [Phone(api.url, token, began) for token in tokens]

    async def change(store: Store) -> None:
        for number in range(CHANGES):
            await happen(store, "s-a" if number % 3 else "s-b")
            await asyncio.sleep(0.02)

    async def kill(store: Store) -> None:
        await _until(lambda: _is_past(store, began + CHANGES // 3))
        await asyncio.to_thread(api.kill)
        await asyncio.to_thread(api.start)

    async def scene() -> dict[str | None, list[int]]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(60.0)) as client,
            Store.open(database_url, connections=4) as store,
            asyncio.timeout(WITHIN_S),
        ):
            following = [asyncio.create_task(phone.follow(client)) for phone in phones]
            try:
                await _until(lambda: all(phone.listens for phone in phones))
                await asyncio.gather(change(store), kill(store))
                committed = await changes_after(store, began)
                by_area: dict[str | None, list[int]] = {None: [one.seq for one in committed]}
                for area in ("a", "b"):
                    by_area[area] = [one.seq for one in committed if one.alert["area"] == area]
                wanted = [len(by_area[SEEN[n % 4]]) for n in range(LISTENERS)]
                await _until(lambda: all(len(one.ids) >= n for one, n in zip(phones, wanted, strict=True)))
                # Whatever came twice would come with the next.
                await asyncio.sleep(1)
            finally:
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)
        return by_area

    try:
        committed = asyncio.run(scene())
    finally:
        api.stop()
    assert len(committed[None]) == CHANGES
    assert all(phone.came_back >= 1 for phone in phones), "everybody was cut off by the kill"
    for number, phone in enumerate(phones):
        assert phone.ids == committed[SEEN[number % 4]]
