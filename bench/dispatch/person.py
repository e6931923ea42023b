"""From a gateway's publish to the person who can act: on their live feed, and in the service that tells them.

Broker, collector, dispatcher and API are processes of their own, as in a real deployment. Each alert is the
alarm contact of a fresh device in a micro grid that one person answers for. Their page listens with their own
account; the service is a local one that speaks as WeCom's does. The clock runs from just before the publish
until the page has the alert, and until the service was asked to tell the person. One alert after another, and
each is taken before the next.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Condition, Thread
from typing import ClassVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from api.sign_in import Person, Tokens
from bench.dispatch.fanout import Listening, api_at
from bench.dispatch.worker import start, until_working
from bench.servers import Servers, servers
from bench.show import show
from bench.spread import Row, quantile
from bench.waiting import end, free_port, wait_until
from gridwatch.areas.area import Area, AreaLevel, GridKind
from gridwatch.model import Device, DeviceKind, Role
from gridwatch.services import WeCom
from gridwatch.store import Store
from gridwatch.store.accounts import Account, put_accounts, token_secret
from gridwatch.store.actions import act
from gridwatch.store.alerts import last_seq
from gridwatch.store.areas import put_areas
from gridwatch.store.channels import ChannelLine, put_service, replace_channels
from gridwatch.store.devices import add_devices
from gridwatch.strongbox import Strongbox

TOLD_WITHIN_S = 30.0
CONNECT_WITHIN_S = 10.0
PAUSE_S = (0.3, 1.0)
"""Between an alert that was taken and the next."""

PUT_PERSON = """
    WITH one AS (
        INSERT INTO person (code, name, username) VALUES (%(code)s, %(code)s, %(code)s) RETURNING key)
    INSERT INTO responsibility (person_key, area, rank) SELECT key, %(area)s, 1 FROM one"""
ALERT_OF = """
    SELECT a.id, p.key AS person, p.code
    FROM alert a JOIN device d ON d.key = a.device_key JOIN responsibility r ON r.area = a.area
    JOIN person p ON p.key = r.person_key WHERE d.id = %(device)s"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How many alerts, among how many people with a micro grid each."""

    alerts: int = 200
    people: int = 20
    seed: int = 1


FULL = Sizes()
QUICK = Sizes(alerts=3, people=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """Milliseconds from publish; `missed` of either did not come in time."""

    alerts: int
    missed: int
    feed_p50_ms: float
    feed_p99_ms: float
    told_p50_ms: float
    told_p99_ms: float
    load_1min: float


class WeComHere:
    """A server that takes messages as WeCom's does, and remembers when the first about a device came."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._changed = Condition()
        here = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

            def do_GET(self) -> None:
                self._answer({"errcode": 0, "access_token": "t", "expires_in": 7200})

            def do_POST(self) -> None:
                at = time.monotonic()
                here.take(json.loads(self.rfile.read(int(self.headers["content-length"]))), at)
                self._answer({"errcode": 0, "errmsg": "ok", "msgid": "m"})

            def _answer(self, what: Mapping[str, object]) -> None:
                body = json.dumps(what).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="the service")
        self._thread.start()
        self.account = WeCom(
            corp_id="bench", agent_id=1, secret="s", base=f"http://127.0.0.1:{self._server.server_port}"
        )

    def take(self, message: Mapping[str, object], at: float) -> None:
        """Remember whom a message tells of which device, and when."""
        text = json.dumps(message, ensure_ascii=False)
        with self._changed:
            self._told.setdefault(f"{message['touser']} {text.partition('«')[2].partition('»')[0]}", at)
            self._changed.notify_all()

    def told(self, person: str, device: str) -> float | None:
        """Return when a person was told of a device, None where that is too late."""
        with self._changed:
            self._changed.wait_for(lambda: f"{person} {device}" in self._told, TOLD_WITHIN_S)
            return self._told.get(f"{person} {device}")

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def measure(sizes: Sizes) -> Reached:
    """Let alarms come one by one, and see when each person has theirs."""
    service = WeComHere()
    try:
        with servers() as at:
            tokens = asyncio.run(_district(at, sizes, service.account))
            port = free_port()
            with api_at(at, port), at.collector(), _dispatcher(at), _gateway(at.mqtt_port) as gateway:
                listening = Listening(port, tokens)
                try:
                    return asyncio.run(_alarms(at, sizes, gateway, listening, service))
                finally:
                    listening.close()
    finally:
        service.close()


async def _district(at: Servers, sizes: Sizes, account: WeCom) -> Sequence[str]:
    """Put the grids, their people and devices; return the people's tokens."""
    people = [f"w-{number}" for number in range(sizes.people)]
    async with Store.open(at.database_url) as store:
        estate = Area(code="e", level=AreaLevel.ESTATE, name="e")
        grids = [
            Area(code=f"g-{one}", level=AreaLevel.GRID, grid=GridKind.MICRO, name=one, parent="e")
            for one in people
        ]
        await put_areas(store, [estate, *grids])
        await add_devices(
            store,
            [
                Device(
                    id=_device(number),
                    name=f"«{_device(number)}»",
                    scene="fire",
                    kind=DeviceKind.SENSOR,
                    area=grids[number % len(grids)].code,
                )
                for number in range(sizes.alerts)
            ],
        )
        accounts = [
            Account(username=one, password_hash=None, role=Role.GRID_WORKER, area=f"g-{one}")
            for one in people
        ]
        await put_accounts(store, accounts, by="a test")
        for one in people:
            await store.execute(PUT_PERSON, {"code": one, "area": f"g-{one}"})
        box = Strongbox(at.folder)
        await put_service(store, box, "wecom", account, by="a test")
        lines = [ChannelLine(line=2, person=one, position=1, service="wecom", address=one) for one in people]
        await replace_channels(store, box, lines, by="a test")
        tokens = Tokens(await token_secret(store))
        return [tokens.issue(Person(username=one, role=Role.GRID_WORKER, area=f"g-{one}")) for one in people]


def _device(number: int) -> str:
    return f"alarm-{number:04d}"


@contextmanager
def _dispatcher(at: Servers) -> Iterator[None]:
    process = start(at)
    try:
        until_working(at, 1)
        yield
    finally:
        end(process, signal.SIGTERM)


@contextmanager
def _gateway(port: int) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected, timeout_s=CONNECT_WITHIN_S, what="the gateway connects")
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


async def _alarms(
    at: Servers, sizes: Sizes, gateway: paho.Client, listening: Listening, service: WeComHere
) -> Reached:
    random = Random(sizes.seed)  # noqa: S311 - nothing secret
    feed: list[float] = []
    told: list[float] = []
    async with Store.open(at.database_url) as store:
        for number in range(sizes.alerts):
            device = _device(number)
            await asyncio.to_thread(listening.listen, await last_seq(store), 1)
            alarm = json.dumps({"t": time.time(), "values": {"smoke_alarm": 1}})
            began = time.monotonic()
            gateway.publish(f"gw/v1/{device}/readings", alarm, qos=1)
            feed += [(one - began) * 1e3 for one in (await asyncio.to_thread(listening.heard))[:1]]
            row = await store.row(ALERT_OF, {"device": device})
            if row is None:
                raise RuntimeError(f"{device} raised no alert")
            heard = await asyncio.to_thread(service.told, row["code"], device)
            told += [] if heard is None else [(heard - began) * 1e3]
            await act(
                store, row["id"], "accept", actor=row["code"], role=Role.GRID_WORKER, person=row["person"]
            )
            await asyncio.sleep(random.uniform(*PAUSE_S))
    return Reached(
        alerts=sizes.alerts,
        missed=2 * sizes.alerts - len(feed) - len(told),
        feed_p50_ms=round(quantile(feed, 0.5), 1),
        feed_p99_ms=round(quantile(feed, 0.99), 1),
        told_p50_ms=round(quantile(told, 0.5), 1),
        told_p99_ms=round(quantile(told, 0.99), 1),
        load_1min=round(os.getloadavg()[0], 2),
    )


def rows(found: Reached) -> Sequence[Row]:
    """Return the lines of the table."""
    note = f"{found.alerts} alerts, one after another; {found.missed} missed; load {found.load_1min:g}"
    return [
        Row(
            what="publish → the feed of the person who answers for the place",
            value=f"p50 {found.feed_p50_ms:.0f}, p99 {found.feed_p99_ms:.0f} ms",
            note=note,
        ),
        Row(
            what="publish → their service (WeCom) is asked to tell them",
            value=f"p50 {found.told_p50_ms:.0f}, p99 {found.told_p99_ms:.0f} ms",
            note="the same alerts; a local server in the place of WeCom's",
        ),
    ]


if __name__ == "__main__":
    show(measure, rows, full=FULL, quick=QUICK)
