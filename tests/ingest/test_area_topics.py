"""Alerts reach the topics of their areas on a real broker, in order, and only once it is sure."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
import pytest
from jsonschema import Draft7Validator
from paho.mqtt.enums import CallbackAPIVersion

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.asyncapi import document
from gridwatch.broker_address import BrokerAddress
from gridwatch.model import Location, Role, check_device_id
from gridwatch.store import Store
from gridwatch.store.actions import Particulars, act
from gridwatch.store.areas import put_areas
from ingest.area_topics import AreaTopics
from tests.api.incidents import happen, register, sensor
from tests.servers import Mosquitto, wait_until

FAR = Location(lon=121.1, lat=31.2)
"""Not the same fire."""


@contextmanager
def siren(mosquitto: Mosquitto, *codes: str) -> Iterator[list[tuple[str, dict[str, Any], bool]]]:
    """Yield what somebody hears who subscribes to areas: code, alert, and whether it was retained."""
    heard: list[tuple[str, dict[str, Any], bool]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="siren", clean_session=False)
    granted: list[Any] = []
    client.on_subscribe = lambda *_: granted.append(True)
    client.on_message = lambda _client, _data, one: heard.append(
        (one.topic.split("/")[3], json.loads(one.payload), bool(one.retain))
    )
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()
    for code in codes:
        client.subscribe(f"gw/v1/areas/{code}/alerts", 1)
    wait_until(lambda: len(granted) == len(codes), what="the broker grants it")
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


async def _settle(store: Store) -> None:
    tree = [
        Area(code="t", level=AreaLevel.TOWN, name="t"),
        Area(code="c", level=AreaLevel.COMMUNITY, name="c", parent="t"),
        Area(code="other", level=AreaLevel.COMMUNITY, name="o", parent="t"),
    ]
    await put_areas(store, tree)
    await register(store, sensor("here", area="c"), sensor("there", area="other", location=FAR))
    await register(store, sensor("imagined", area="c", simulated=True))


@contextmanager
def _publishing(store: Store, mosquitto: Mosquitto) -> Iterator[None]:
    task = asyncio.create_task(AreaTopics(store, BrokerAddress.parse(mosquitto.url)).run())
    try:
        yield
    finally:
        task.cancel()


async def _until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - another thread hears it
            await asyncio.sleep(0.02)


@pytest.mark.anyio
async def test_an_alert_is_heard_in_its_area_and_those_above_it(
    database_url: str, mosquitto: Mosquitto
) -> None:
    """Nothing of what is simulated, nor of what our people say among themselves."""
    async with Store.open(database_url) as store:
        await _settle(store)
        with siren(mosquitto, "c", "t") as heard, _publishing(store, mosquitto):
            await happen(store, "imagined")
            alert = (await happen(store, "here"))["alert"]
            await act(
                store, alert, "comment", actor="li", role=Role.OPERATOR, given=Particulars(text="among us")
            )
            await happen(store, "there")
            await act(store, alert, "accept", actor="li", role=Role.OPERATOR)
            await _until(lambda: len(heard) >= 5)
        assert [(one["device"], one["state"]) for code, one, _ in heard if code == "t"] == [
            ("here", "open"),
            ("there", "open"),
            ("here", "accepted"),
        ]
        assert [one["device"] for code, one, _ in heard if code == "c"] == ["here", "here"]
        assert not any(retained for _, _, retained in heard)
        schema = {"$ref": "#/components/schemas/Alert", "components": document()["components"]}
        assert [
            error.message for _, one, _ in heard for error in Draft7Validator(schema).iter_errors(one)
        ] == []


@pytest.mark.anyio
async def test_what_happened_while_the_broker_was_away_comes_after_it(
    database_url: str, mosquitto: Mosquitto
) -> None:
    """What was published by a collector that died before it could say so comes twice, never not at all."""
    async with Store.open(database_url) as store:
        await _settle(store)
        with siren(mosquitto, "c") as heard:
            mosquitto.stop()
            with _publishing(store, mosquitto):
                await happen(store, "here")
                mosquitto.start()
                await _until(lambda: bool(heard))
        assert {one["device"] for _, one, _ in heard} == {"here"}


def test_no_device_can_be_called_as_the_topics_of_areas_begin() -> None:
    with pytest.raises(ValueError, match="choose another"):
        check_device_id("areas")
