"""Receivers of other systems get every change that they may hear of, signed; nothing is lost on the way."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cap import Sender
from api.channels.senders import new_client
from api.dispatch.calling import Again
from api.dispatch.webhooks import Herald
from api.dispatch.worker import dispatch
from gridwatch.areas.area import Area, AreaLevel
from gridwatch.model import DeviceState, Location, Role
from gridwatch.settings import read_settings
from gridwatch.store import Store
from gridwatch.store.actions import act
from gridwatch.store.areas import put_areas
from gridwatch.store.devices import set_state
from gridwatch.store.webhooks import Address, Form, Webhook, list_webhooks, put_webhook
from gridwatch.strongbox import Strongbox
from tests.api.incidents import happen, register, sensor
from tests.api.receiving import SECRET, Receiver, receiving
from tests.api.serving import Api, at_store
from tests.api.test_cap import valid

FAR = Location(lon=121.1, lat=31.2)
"""Not the same fire."""
LINK_BASE = "https://watch.example"
SENDER = Sender(name="gridwatch@watch.example", installation="gridwatch", link_base=LINK_BASE)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that listens on loopback."""
    with receiving() as one:
        yield one


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A database with two communities, one receiver, and who tells it."""

    store: Store
    herald: Herald
    box: Strongbox
    receiver: Receiver

    async def hook(self, name: str = "city", **given: Any) -> None:
        """Let the receiver be told."""
        address = Address(url=self.receiver.url, secret=SECRET)
        await put_webhook(self.store, self.box, Webhook(name=name, address=address, **given), by="a test")

    async def waiting(self) -> list[int]:
        """Return the messages that wait."""
        rows = await self.store.rows("SELECT key FROM webhook_message WHERE state = 'waiting' ORDER BY key")
        return [row["key"] for row in rows]

    async def tell(self) -> list[Again]:
        """Work on every message that waits once; return which go on later."""
        later = []
        for key in await self.waiting():
            try:
                await self.herald.tell(key)
            except Again as again:
                later.append(again)
        return later

    async def states(self) -> list[str]:
        """Return what became of all messages."""
        rows = await self.store.rows("SELECT state FROM webhook_message ORDER BY key")
        return [row["state"] for row in rows]


def play(
    database_url: str, folder: Path, receiver: Receiver, scene: Callable[[Scene], Awaitable[None]]
) -> None:
    """Run a scene."""

    async def run(store: Store) -> None:
        box = Strongbox(folder)
        communities = [Area(code=code, level=AreaLevel.COMMUNITY, name=code) for code in ("own", "other")]
        below = Area(code="own-b", level=AreaLevel.BUILDING, name="b", parent="own")
        await put_areas(store, [*communities, below])
        await register(store, sensor("in-own", area="own-b"), sensor("in-other", area="other", location=FAR))
        await register(store, sensor("imagined", area="own-b", simulated=True))
        async with new_client() as client:
            await scene(
                Scene(store=store, herald=Herald(store, box, client, SENDER), box=box, receiver=receiver)
            )

    at_store(database_url, run)


def test_each_change_goes_as_a_signed_event(database_url: str, tmp_path: Path, receiver: Receiver) -> None:
    async def scene(at: Scene) -> None:
        await at.hook()
        alert = (await happen(at.store, "in-own"))["alert"]
        await act(at.store, alert, "accept", actor="li", role=Role.OPERATOR)
        assert await at.tell() == []
        raised, accepted = receiver.events
        assert (raised["type"], accepted["type"]) == ("gridwatch.alert.raised", "gridwatch.alert.accept")
        assert (raised["specversion"], raised["source"]) == ("1.0", LINK_BASE)
        assert raised["subject"] == f"alerts/{alert}"
        assert raised["sequence"] < accepted["sequence"]
        assert (raised["data"]["state"], accepted["data"]["state"]) == ("open", "accepted")
        headers, _ = receiver.got[0]
        assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        assert headers["webhook-id"] == raised["id"]
        assert await at.states() == ["sent", "sent"]

    play(database_url, tmp_path, receiver, scene)


def test_a_receiver_of_an_area_hears_of_that_part_alone(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """Of what is simulated nobody hears, of a drill who asked for drills; of an area that is gone nobody."""

    async def scene(at: Scene) -> None:
        await at.hook(area="own")
        for device in ("in-own", "in-other", "imagined"):
            await happen(at.store, device)
        until = datetime.now(UTC) + timedelta(minutes=5)
        await set_state(at.store, ["in-other"], DeviceState.TEST, until=until, by="li")
        await at.tell()
        assert [one["data"]["device"] for one in receiver.events] == ["in-own"]
        await at.hook("drills", area="other", drills=True)
        await at.hook("other", area="other")
        await happen(at.store, "in-other")
        await at.tell()
        assert [one["data"]["drill"] for one in receiver.events[1:]] == [True]
        await at.store.execute("UPDATE area SET code = 'renamed' WHERE code = 'other'")
        await happen(at.store, "in-other")
        assert await at.waiting() == []

    play(database_url, tmp_path, receiver, scene)


def test_cap_goes_in_binary_mode_and_calls_among_us_do_not(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async def scene(at: Scene) -> None:
        await at.hook(form=Form.CAP, area="own-b")
        alert = (await happen(at.store, "in-own"))["alert"]
        await act(at.store, alert, "escalate", actor="li", role=Role.OPERATOR)
        await at.tell()
        ((headers, body),) = receiver.got
        root = valid(body)
        assert (headers["content-type"], headers["ce-specversion"]) == ("application/cap+xml", "1.0")
        assert headers["ce-id"] == headers["webhook-id"]
        codes = [one.text for one in root.iter("{urn:oasis:names:tc:emergency:cap:1.2}value")]
        assert "own-b" in codes
        assert "own" not in codes

    play(database_url, tmp_path, receiver, scene)


def test_while_a_receiver_is_away_one_message_tries_for_all(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    """What waits goes once it is back; it may say itself how long it wants to be left alone."""

    async def scene(at: Scene) -> None:
        await at.hook()
        await happen(at.store, "in-own")
        await happen(at.store, "in-other")
        receiver.answers = [(503, {"Retry-After": "600"}), (500, {})]
        first, second = await at.tell()
        assert first.at == second.at
        assert len(receiver.answers) == 1, "the second message tried too"
        (state,) = await list_webhooks(at.store)
        assert (state.waiting, state.last_error) == (2, "it answered 503")
        assert state.failing_since is not None
        assert (first.at - state.failing_since).total_seconds() == pytest.approx(600, abs=5)
        await at.store.execute("UPDATE webhook SET retry_at = now()")
        assert len(await at.tell()) == 2
        await at.store.execute("UPDATE webhook SET retry_at = now()")
        assert await at.tell() == []
        assert sorted(one["data"]["device"] for one in receiver.events) == ["in-other", "in-own"]
        (state,) = await list_webhooks(at.store)
        assert (state.failing_since, state.last_error) == (None, "")

    play(database_url, tmp_path, receiver, scene)


def test_findings_that_join_an_alert_are_folded_while_they_wait(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async def scene(at: Scene) -> None:
        await at.hook()
        for _ in range(20):
            await happen(at.store, "in-own")
        await at.store.execute("UPDATE alert_change SET change = 'merge' WHERE change = 'merged'")
        await at.tell()
        assert [one["data"]["events"] for one in receiver.events] == [1, 20]
        assert sorted(set(await at.states())) == ["folded", "sent"]

    play(database_url, tmp_path, receiver, scene)


def test_what_is_refused_or_too_old_is_put_aside_and_can_be_sent_again(
    api: Api, tmp_path: Path, receiver: Receiver
) -> None:
    async def fail(store: Store) -> None:
        async with new_client() as client:
            box = Strongbox(api.settings.data_dir)
            at = Scene(store=store, herald=Herald(store, box, client, SENDER), box=box, receiver=receiver)
            await at.hook()
            await register(store, sensor("in-own"), sensor("in-other", location=FAR))
            await happen(store, "in-own")
            await happen(store, "in-other")
            await store.execute("""
                UPDATE alert_change SET changed_at = now() - interval '25 hours'
                WHERE alert ->> 'device' = 'in-other'""")
            receiver.answers = [(400, {}), (500, {})]
            await at.tell()
            assert await at.states() == ["dead", "dead"]

    async def go_on(store: Store) -> None:
        async with new_client() as client:
            box = Strongbox(api.settings.data_dir)
            at = Scene(store=store, herald=Herald(store, box, client, SENDER), box=box, receiver=receiver)
            assert await at.tell() == []

    api.stored(fail)
    listed = api.client.get("/api/v1/webhooks")
    assert [(one["name"], one["dead"]) for one in listed.json()] == [("city", 2)]
    assert "private" not in listed.text
    assert SECRET not in listed.text
    dead = api.client.get("/api/v1/webhooks/city/dead").json()
    assert [one["why"] for one in dead] == [
        "for 1 day, 0:00:00 nothing was taken: it answered 500",
        "it answered 400",
    ]
    one = api.client.post("/api/v1/webhooks/city/replay", json={"keys": [dead[1]["key"]]})
    assert one.json() == {"replayed": 1}
    api.stored(go_on)
    assert [one["data"]["device"] for one in receiver.events] == ["in-own"]
    assert api.client.post("/api/v1/webhooks/city/replay").json() == {"replayed": 1}
    api.stored(go_on)
    assert [one["data"]["device"] for one in receiver.events] == ["in-own", "in-other"]
    assert api.client.get("/api/v1/webhooks/city/dead").json() == []
    assert api.client.delete("/api/v1/webhooks/city/dead").status_code == 204
    assert api.client.delete("/api/v1/webhooks/city").status_code == 204
    assert api.client.get("/api/v1/webhooks").json() == []


def test_a_receiver_is_made_with_a_secret_that_is_shown_once(api: Api) -> None:
    made = api.client.post("/api/v1/webhooks", json={"name": "city", "url": "https://city.example/in"})
    assert made.status_code == 201
    assert len(base64.b64decode(made.json()["secret"].removeprefix("whsec_"))) == 32
    assert made.json()["secret"] not in api.client.get("/api/v1/webhooks").text

    async def sealed(store: Store) -> str:
        row = await store.row("SELECT sealed FROM webhook")
        return "" if row is None else bytes(row["sealed"]).decode(errors="replace")

    assert "city.example" not in api.stored(sealed)
    for wrong in (
        {"url": "http://city.example/in"},
        {"url": "ftp://city.example"},
        {"url": "https://city.example:port"},
        {"secret": "whsec_short"},
        {"area": "nowhere"},
    ):
        body = {"name": "city", "url": "https://city.example/in", **wrong}
        answer = api.client.post("/api/v1/webhooks", json=body)
        assert answer.status_code == (404 if "area" in wrong else 422), wrong
        assert next(iter(wrong)) in answer.json()["detail"]
    for path in ("dead", "replay"):
        method = "GET" if path == "dead" else "POST"
        assert api.client.request(method, f"/api/v1/webhooks/nobody/{path}").status_code == 404


def test_a_receiver_is_tried_with_a_signed_event_of_its_own_type(api: Api, receiver: Receiver) -> None:
    given = {"name": "city", "url": receiver.url, "secret": SECRET}
    assert api.client.post("/api/v1/webhooks", json=given).status_code == 201
    receiver.answers = [(410, {})]
    tried = [api.client.post("/api/v1/webhooks/city/test").json() for _ in range(2)]
    assert tried == [{"taken": False, "why": "it answered 410"}, {"taken": True, "why": ""}]
    assert [one["type"] for one in receiver.events] == ["gridwatch.test"]
    assert api.client.get("/api/v1/webhooks").json()[0]["failing_since"] is None
    assert api.client.post("/api/v1/webhooks/nobody/test").status_code == 404


def test_the_worker_tells_as_soon_as_the_alert_is_committed(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    settings = read_settings(database_url=database_url, data_dir=tmp_path, public_url=LINK_BASE)

    async def scene(at: Scene) -> None:
        await at.hook()
        receiver.answers = [(500, {})]
        working = asyncio.create_task(dispatch(settings))
        try:
            await happen(at.store, "in-own")
            async with asyncio.timeout(30):
                while await at.waiting():  # noqa: ASYNC110 - another process changes the table
                    await asyncio.sleep(0.05)
        finally:
            working.cancel()
            await asyncio.wait([working])
        assert {one["data"]["device"] for one in receiver.events} == {"in-own"}
        assert receiver.events[0]["type"] == "gridwatch.alert.raised"

    play(database_url, tmp_path, receiver, scene)
