"""An alert to the people of one area, and to everybody: how long it takes with so many listening at once.

One `gridwatch api` as a process of its own, a district of the page's size, one account for each listener. For
`one` each account sees a micro grid of its own; for `all` every account sees the whole district. An alert is
a transaction as a collector makes it; the time runs from just before it begins until the listener has it.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psutil

from api.sign_in import Person, Tokens
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row, quantile
from bench.up import clean_environment
from bench.waiting import end, free_port, wait_until
from gridwatch.areas.area import Area, GridKind
from gridwatch.areas.generating import CODE, MODELS, generate
from gridwatch.cli.up.ports import accepts
from gridwatch.model import Device, DeviceKind, Finding, Role
from gridwatch.open_files import allow_many_files
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts, token_secret
from gridwatch.store.alerts import announce, last_seq, settle
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import add_devices, get_device

ONE_TARGET_MS, ALL_TARGET_MS, ALL_AIM_MS = 300.0, 1000.0, 500.0
KIB_TARGET, KIB_AIM = 35.0, 20.0

HEARD_WITHIN_S = 30.0
READY_WITHIN_S = 60.0
FOLLOWED_WITHIN_S = 120.0
SETTLED_S = 2.0
"""Memory is read so long after the last one connected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many listen, and how many alerts each measurement has."""

    listeners: tuple[int, ...] = (100, 1_000, 10_096)
    alerts: int = 30
    seed: int = 1


FULL = Sizes()
QUICK = Sizes(listeners=(20,), alerts=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class FanOut:
    """One number of listeners. Times in milliseconds, over all alerts and listeners."""

    to: str
    """`one` area of its own, or `all`."""
    listeners: int
    alerts: int
    heard: int
    missed: int
    p50_ms: float
    p99_ms: float
    greatest_ms: float
    connect_s: float
    """Until all of them, who came at once, were let in."""
    refused: int
    """How often one of them was told to come again."""
    kib_each: float
    cpu_s: float
    """Processor time of the server for each alert."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FanOuts:
    """All of them, and the load of the machine meanwhile."""

    found: tuple[FanOut, ...]
    load_1min: float


def measure(sizes: Sizes) -> FanOuts:
    """Make the district, then let more and more listen."""
    allow_many_files()
    found = []
    with servers() as running:
        made = asyncio.run(prepare(running.database_url, sizes))
        for count in sizes.listeners:
            for to in ("one", "all"):
                port = free_port()
                with api_at(running, port) as process:
                    found.append(_measure(running, port, process, made, to=to, count=count, sizes=sizes))
                print(f"    {found[-1]}", file=sys.stderr, flush=True)
    return FanOuts(found=tuple(found), load_1min=round(os.getloadavg()[0], 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """The micro grids, and the tokens of those who see one of them, or the district."""

    grids: Sequence[str]
    tokens: Mapping[str, Sequence[str]]


async def prepare(url: str, sizes: Sizes) -> Made:
    """Register areas, a device in each micro grid, and two accounts for each listener."""
    areas: list[Area] = generate(MODELS["shuangliu"], seed=sizes.seed)
    most = max(sizes.listeners)
    grids = [area.code for area in areas if area.grid is GridKind.MICRO][:most]
    async with Store.open(url) as store:
        await put_areas(store, areas)
        sensors = [Device(id=f"s-{grid}", scene="fire", kind=DeviceKind.SENSOR, area=grid) for grid in grids]
        await add_devices(store, sensors)
        seen = {"one": grids, "all": [CODE] * most}
        accounts = [
            Account(username=f"{to}-{number}", password_hash=None, role=Role.GRID_WORKER, area=area)
            for to, codes in seen.items()
            for number, area in enumerate(codes)
        ]
        await put_accounts(store, accounts, by="a test")
        tokens = Tokens(await token_secret(store))
    given = {
        to: [tokens.issue(Person(username=f"{to}-{number}", role=Role.GRID_WORKER)) for number in range(most)]
        for to in seen
    }
    return Made(grids=grids, tokens=given)


@contextmanager
def api_at(running: Servers, port: int) -> Iterator[psutil.Process]:
    environment = clean_environment() | {
        "GRIDWATCH_DATABASE_URL": running.database_url,
        "GRIDWATCH_MQTT_URL": f"mqtt://127.0.0.1:{running.mqtt_port}",
        "GRIDWATCH_DATA_DIR": str(running.folder / "data"),
        "GRIDWATCH_HTTP_PORT": str(port),
        "GRIDWATCH_ADMIN_PASSWORD": "only-for-this-measurement",
    }
    with (running.folder / "api.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gridwatch", "api"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(
            lambda: process.poll() is not None or accepts("127.0.0.1", port),
            timeout_s=READY_WITHIN_S,
            what="the API listens",
        )
        if process.poll() is not None:
            raise RuntimeError("the API ended: " + (running.folder / "api.log").read_text()[-800:])
        yield psutil.Process(process.pid)
    finally:
        end(process, signal.SIGTERM)


class Listening:
    """The process that listens."""

    def __init__(self, port: int, tokens: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.dispatch.listeners"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say({"host": "127.0.0.1", "port": port, "tokens": list(tokens)})
        self.opened = self._hear()

    def _say(self, what: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the listeners ended")
        said: dict[str, Any] = json.loads(line)
        return said

    def listen(self, after: int, wait: int) -> None:
        """Return once they listen for what comes after a seq."""
        self._say({"after": after, "wait": wait, "within_s": HEARD_WITHIN_S})
        self._hear()

    def heard(self) -> list[float]:
        """Return when they heard it."""
        at: list[float] = self._hear()["at"]
        return at

    def follow(self, each: int) -> None:
        """Return once they listen for so many changes each, and come back whenever the server is gone."""
        self._say({"each": each, "within_s": FOLLOWED_WITHIN_S})
        self._hear()

    def followed(self) -> dict[str, float]:
        """Return what became of that."""
        return self._hear()

    def close(self) -> None:
        """Let all of them go."""
        end(self._process, signal.SIGTERM)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _measure(
    running: Servers, port: int, process: psutil.Process, made: Made, *, to: str, count: int, sizes: Sizes
) -> FanOut:
    before = process.memory_info().rss
    listeners = Listening(port, made.tokens[to][:count])
    try:
        time.sleep(SETTLED_S)
        held = process.memory_info().rss - before
        cpu = _cpu_s(process)
        took, missed = asyncio.run(_alerts(running.database_url, listeners, made, to, count, sizes))
        used = _cpu_s(process) - cpu
    finally:
        listeners.close()
    return FanOut(
        to=to,
        listeners=count,
        alerts=sizes.alerts,
        heard=len(took),
        missed=missed,
        p50_ms=round(quantile(took, 0.5), 1),
        p99_ms=round(quantile(took, 0.99), 1),
        greatest_ms=round(max(took), 1),
        connect_s=round(listeners.opened["open"], 2),
        refused=listeners.opened["refused"],
        kib_each=round(held / count / 1024, 1),
        cpu_s=round(used / sizes.alerts, 3),
    )


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def _alerts(
    url: str, listeners: Listening, made: Made, to: str, count: int, sizes: Sizes
) -> tuple[list[float], int]:
    """Raise alerts in areas of those who listen; return how long each took, and how many never came."""
    random = Random(sizes.seed)  # noqa: S311 - nothing secret
    took: list[float] = []
    missed = 0
    wait = 1 if to == "one" else count
    async with Store.open(url) as store:
        for number in range(sizes.alerts):
            device = await get_device(store, f"s-{random.choice(made.grids[:count])}")
            await asyncio.to_thread(listeners.listen, await last_seq(store), wait)
            # One day apart, each is an alert of its own.
            at = datetime.now(UTC) - timedelta(days=number)
            began = time.monotonic()
            async with store.transaction() as connection:
                finding = Finding(label="smoke", confidence=0.9, observed_at=at)
                settled = await settle(connection, finding, known=device, scene="fire", extra_alarms={})
                await announce(connection, {settled.alert_id or 0: "raised"})
            heard = await asyncio.to_thread(listeners.heard)
            took += [(one - began) * 1e3 for one in heard]
            missed += max(0, wait - len(heard))
            if to == "one" and len(heard) > 1:
                raise RuntimeError(f"{len(heard)} heard of an alert that was for one of them")
    return took, missed


def rows(found: FanOuts) -> list[Row]:
    """Return the lines of the table."""
    return [_row(one, found.load_1min) for one in found.found]


def _row(one: FanOut, load: float) -> Row:
    to = "its own worker" if one.to == "one" else "all of them"
    target = ONE_TARGET_MS if one.to == "one" else ALL_TARGET_MS
    return Row(
        what=f"alert → {to}, {one.listeners:,} listening",
        value=f"p50 {one.p50_ms:.0f}, p99 {one.p99_ms:.0f}, greatest {one.greatest_ms:.0f} ms;"
        f" {one.kib_each:.0f} KiB each",
        note=f"target: p99 {target:.0f} ms, {KIB_TARGET:.0f} KB; {one.alerts} alerts, {one.missed} missed;"
        f" all connected in {one.connect_s:.1f} s ({one.refused} asked to come again);"
        f" {one.cpu_s * 1e3:.0f} ms of processor an alert; load {load:g}",
    )


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
