"""How many operators one `gridwatch api` bears, at rest and in a storm of alerts, each with the page open.

An operator here is a WebSocket that speaks as NiceGUI's page does: it loads the page with a session of its
own, answers the map, and notes when each alert is in its list. One of them is a real Chromium, whose first
view and work in the storm are measured. Clients and server share the machine: the table says of how many
cores, and what the clients took of them.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.async_api import Page, async_playwright
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.console.town import settle_in
from bench.servers import Servers, servers
from bench.spread import quantile
from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from gridwatch.cli.up.ports import accepts
from gridwatch.model import Finding
from gridwatch.store import Store
from gridwatch.store.alerts import announce, settle
from gridwatch.store.devices import get_device

PASSWORD = "a password of the bench"
READY_WITHIN_S, SETTLE_S = 60.0, 3.0
BEARABLE_S = 2.0
"""An alert that comes later, at the 99th of a hundred, ends the series: the page is no longer usable."""

CLIENT = re.compile(r"'client_id': '([0-9a-f-]+)'")
MAP = re.compile(r'"(\d+)":\{"tag":"nicegui-now_map".*?"listener_id":"([0-9a-f-]+)","type":"ready"', re.S)
ORDER = re.compile(r'order\\?":\[([\d,]*)\]')


@dataclass
class Operator:
    """One page: when each alert stood in its list, by id; `lost` where the server cut it off."""

    seen: dict[int, float] = field(default_factory=dict)
    received_bytes: int = 0
    lost: bool = False

    def take(self, message: str) -> None:
        """Note what a message of the server shows."""
        now = time.monotonic()
        self.received_bytes += len(message)
        for found in ORDER.finditer(message):
            for alert in filter(None, found[1].split(",")):
                self.seen.setdefault(int(alert), now)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was measured with so many operators."""

    operators: int
    opened_p50_s: float
    opened_most_s: float
    first_view_s: float
    shown_p50_s: float
    shown_p99_s: float
    browser_p99_s: float
    frame_most_ms: float
    cpu_rest: float
    cpu_storm: float
    mib: float
    kib_s_each: float
    lost: int
    missed: int
    raised: int


async def attend(url: str, cookie: str, operator: Operator, ready: asyncio.Event) -> None:
    """Open the page and listen until cancelled."""
    headers = {"Cookie": f"gridwatch_session={cookie}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=READY_WITHIN_S) as client:
        page = (await client.get("/")).text
    client_id, marker = CLIENT.search(page), MAP.search(page)
    if client_id is None or marker is None:
        raise RuntimeError("the page is not the console's")
    operator.take(page)
    query = (
        f"client_id={client_id[1]}&next_message_id=0&implicit_handshake=true&document_id=bench"
        f"&tab_id={client_id[1]}&EIO=4&transport=websocket"
    )
    address = f"{url.replace('http', 'ws')}/_nicegui_ws/socket.io/?{query}"
    with suppress(ConnectionClosed):
        async with connect(address, additional_headers=headers, max_size=None) as socket:
            await _talk(socket, operator, ready, client_id[1], int(marker[1]), marker[2])
    operator.lost = True


async def _talk(
    socket: ClientConnection,
    operator: Operator,
    ready: asyncio.Event,
    client: str,
    element: int,
    listener: str,
) -> None:
    """Speak Engine.IO 4: 0 open, 2 ping, 3 pong, 40 the name space is there, 42 an event."""
    async for raw in socket:
        message = raw if isinstance(raw, str) else raw.decode()
        if message.startswith("0"):
            await socket.send("40")
        elif message == "2":
            await socket.send("3")
        elif message.startswith("40"):
            told = f'{{"id":{element},"client_id":"{client}","listener_id":"{listener}","args":[]}}'
            await socket.send(f'42["event",{told}]')
            ready.set()
        else:
            operator.take(message)


async def storm(store: Store, *, rate: float, seconds: float) -> dict[int, float]:
    """Raise alerts at a rate as a collector would; return when each was committed, by id."""
    # Of one severity, so that the newest stands on top: what is less severe sinks under a full list.
    names = [f"lift-{building}-camera" for building in "123567"]
    devices = [await get_device(store, name) for name in names]
    committed: dict[int, float] = {}
    begun = time.monotonic()
    for number in range(round(rate * seconds)):
        known = devices[number % len(devices)]
        finding = Finding(label="ebike", confidence=0.9, observed_at=datetime.now(UTC))
        async with store.transaction() as connection:
            # Each is an alert of its own: what was raised before takes no more.
            await connection.execute(
                "UPDATE alert SET grouping = false WHERE device_key = %(key)s AND grouping",
                {"key": known.key},
            )
            settled = await settle(
                connection, finding, known=known, scene=known.device.scene, extra_alarms={}
            )
            if settled.alert_id is not None:
                await announce(connection, {settled.alert_id: "raised"})
        if settled.alert_id is not None and settled.raised:
            committed[settled.alert_id] = time.monotonic()
        await asyncio.sleep(max(0.0, begun + (number + 1) / rate - time.monotonic()))
    return committed


@contextmanager
def api(there: Servers) -> Iterator[tuple[str, psutil.Process]]:
    """Run `gridwatch api`; yield its address and process."""
    port = free_port()
    environment = clean_environment() | {
        "GRIDWATCH_DATABASE_URL": there.database_url,
        "GRIDWATCH_DATA_DIR": str(there.folder),
        "GRIDWATCH_HTTP_PORT": str(port),
        "GRIDWATCH_ADMIN_PASSWORD": PASSWORD,
        "GRIDWATCH_MIGRATE": "0",
    }
    with (there.folder / "api.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gridwatch", "api"], env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: accepts("127.0.0.1", port), timeout_s=READY_WITHIN_S, what="the API answers")
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        end(process, signal.SIGTERM)


async def measure(there: Servers, operators: int, *, rate: float, seconds: float) -> Outcome:
    """Measure with so many operators, one of them a real browser."""
    with api(there) as (url, process):
        async with Store.open(there.database_url) as store:
            await store.execute("TRUNCATE alert RESTART IDENTITY CASCADE")
            return await _measure(store, url, process, operators, rate=rate, seconds=seconds)


async def _measure(
    store: Store, url: str, process: psutil.Process, operators: int, *, rate: float, seconds: float
) -> Outcome:
    cookie = await _sign_in(url)
    others = [Operator() for _ in range(operators - 1)]
    opened: list[float] = []
    tasks: list[asyncio.Task[None]] = []
    async with _browser(url, cookie) as (page, first_view_s):
        for operator in others:
            ready, begun = asyncio.Event(), time.monotonic()
            tasks.append(asyncio.create_task(attend(url, cookie, operator, ready), name="operator"))
            async with asyncio.timeout(READY_WITHIN_S):
                await ready.wait()
            opened.append(time.monotonic() - begun)
        await asyncio.sleep(SETTLE_S)
        cpu_rest = await _cpu(process, SETTLE_S)
        received = sum(one.received_bytes for one in others)
        before, begun = process.cpu_times(), time.monotonic()
        await page.evaluate(FRAMES)
        storming = asyncio.create_task(storm(store, rate=rate, seconds=seconds))
        lags = [await _browser_lag(page, storming, number) for number in range(max(1, round(seconds / 2)))]
        committed = await storming
        took, after = time.monotonic() - begun, process.cpu_times()
        await asyncio.sleep(SETTLE_S)
        frame = float(await page.evaluate("window.gwLongest"))
        memory = process.memory_info().rss / 2**20
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    late = [one.seen[a] - at for one in others for a, at in committed.items() if a in one.seen]
    newest = max(committed)
    used = after.user + after.system - before.user - before.system
    return Outcome(
        operators=operators,
        opened_p50_s=quantile(opened, 0.5) if opened else 0.0,
        opened_most_s=max(opened, default=0.0),
        first_view_s=first_view_s,
        shown_p50_s=quantile(late, 0.5) if late else 0.0,
        shown_p99_s=quantile(late, 0.99) if late else 0.0,
        browser_p99_s=quantile([lag for lag in lags if lag is not None], 0.99),
        frame_most_ms=frame,
        cpu_rest=cpu_rest,
        cpu_storm=used / took,
        mib=memory,
        kib_s_each=(sum(one.received_bytes for one in others) - received) / 1024 / took / max(1, len(others)),
        lost=sum(one.lost for one in others),
        missed=sum(newest not in one.seen for one in others),
        raised=len(committed),
    )


FRAMES = """() => {
  window.gwLongest = 0;
  let last = performance.now();
  const tick = (now) => { window.gwLongest = Math.max(window.gwLongest, now - last); last = now;
                          requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""
"""The longest time between two frames: as long a press of a key waits at most."""


async def _browser_lag(page: Page, storming: "asyncio.Task[Any]", number: int) -> float:
    """Return how long the real page takes to answer a key in the storm: the next row is focused."""
    await asyncio.sleep(2.0 if not storming.done() else 0.0)
    begun = time.monotonic()
    await page.keyboard.press("j" if number % 2 == 0 else "k")
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    return time.monotonic() - begun


async def _sign_in(url: str) -> str:
    async with httpx.AsyncClient(base_url=url) as client:
        answer = await client.post(
            "/login",
            data={"username": "admin", "password": PASSWORD},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        return answer.cookies["gridwatch_session"]


class _browser:
    """A Chromium that has the page open; gives the page, and how long its first view took."""

    def __init__(self, url: str, cookie: str) -> None:
        self._url, self._cookie = url, cookie

    async def __aenter__(self) -> tuple[Page, float]:
        self._playwright = await async_playwright().start()
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        self._chromium = await self._playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--mute-audio"]
        )
        context = await self._chromium.new_context(viewport={"width": 1366, "height": 768})
        await context.add_cookies([{"name": "gridwatch_session", "value": self._cookie, "url": self._url}])
        page = await context.new_page()
        begun = time.monotonic()
        await page.goto(self._url)
        await page.wait_for_selector(".gw-list")
        await page.wait_for_function("window.socket && window.socket.connected")
        return page, time.monotonic() - begun

    async def __aexit__(self, *_: object) -> None:
        await self._chromium.close()
        await self._playwright.stop()


async def _cpu(process: psutil.Process, seconds: float) -> float:
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the table."""
    yield (
        "| operators | page open p50 / most | first view | alert in the list p50 / p99 | key in the storm p99"
        " | longest frame | CPU at rest / in the storm | memory | to each page | cut off | last one missed |"
    )
    yield "|" + " --- |" * 11
    for one in outcomes:
        yield (
            f"| {one.operators} | {one.opened_p50_s:.2f} / {one.opened_most_s:.2f} s"
            f" | {one.first_view_s:.2f} s | {one.shown_p50_s:.2f} / {one.shown_p99_s:.2f} s"
            f" | {1000 * one.browser_p99_s:.0f} ms"
            f" | {one.frame_most_ms:.0f} ms | {one.cpu_rest:.0%} / {one.cpu_storm:.0%} | {one.mib:.0f} MiB"
            f" | {one.kib_s_each:.0f} KiB/s | {one.lost} | {one.missed} |"
        )


def run(sizes: Sequence[int], *, rate: float, seconds: float) -> list[Outcome]:
    """Measure with more and more operators until the page is no longer usable."""
    outcomes: list[Outcome] = []
    with servers() as there:
        asyncio.run(_settle(there.database_url))
        for operators in sizes:
            outcomes.append(asyncio.run(measure(there, operators, rate=rate, seconds=seconds)))
            print(list(lines(outcomes[-1:]))[-1], flush=True)
            if outcomes[-1].shown_p99_s > BEARABLE_S or outcomes[-1].lost:
                break
    return outcomes


async def _settle(database_url: str) -> None:
    async with Store.open(database_url) as store:
        await settle_in(store)


PAGE = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def write(outcomes: Sequence[Outcome], *, rate: float, seconds: float) -> None:
    """Put the table into the page beside this module."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    cores = psutil.cpu_count()
    head = (
        f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores for server, database, operators and browser together;"
        f" {rate:g} alerts/s for {seconds:g} s."
    )
    table = "\n".join(lines(outcomes))
    PAGE.write_text(f"{before}{BEGIN}\n{head}\n\n{table}\n{END}{after}", encoding="utf-8")
