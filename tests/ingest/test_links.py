"""Devices of foreign formats are linked to the gateway that they speak through, where people state none."""

import asyncio
import json
from collections.abc import Sequence

from gridwatch.formats import ChirpStack, Frigate
from gridwatch.store import Store
from gridwatch.store.devices import find_by_source, find_devices
from ingest.chirpstack import ChirpStackAdapter
from ingest.frigate import FrigateAdapter
from ingest.links import Links
from tests.collectors import ask, register
from tests.ingest.test_chirpstack import EVENTS, topic
from tests.ingest.test_frigate import NOW, change

DEVICES = [
    ("smoke-1", "sensor", "chirpstack:0000000000000001", None),
    ("smoke-2", "sensor", "chirpstack:0000000000000002", "chosen"),
    ("smoke-3", "sensor", "chirpstack:0000000000000003", None),
    ("smoke-4", "sensor", "chirpstack:0000000000000004", None),
    ("0000000000000005", "sensor", None, None),
    ("cam-1", "camera", "frigate:door", None),
    ("lora-1", "gateway", "chirpstack:0016c001f153a14c", None),
    ("lora-2", "gateway", "chirpstack:0016c001f153a14d", None),
    ("no-gateway", "sensor", "chirpstack:0016c001f153a14e", None),
    ("network", "gateway", "chirpstack", None),
    ("frigate", "gateway", None, None),
    ("chosen", "gateway", None, None),
]


def test_a_device_is_linked_to_the_first_registered_gateway_and_what_people_stated_stays(
    database_url: str,
) -> None:
    for id_, kind, source, _ in DEVICES:
        register(database_url, id_, "fire", kind)
        ask(database_url, "UPDATE device SET source = %s WHERE id = %s", [source, id_])
    for id_, _, _, gateway in DEVICES:
        ask(database_url, "UPDATE device SET gateway = %s WHERE id = %s", [gateway, id_])
    ask(database_url, "UPDATE device SET state = 'retired' WHERE id = 'lora-2'")
    heard = {
        "smoke-1": ["chirpstack:0016c001f153a14c", "chirpstack"],
        "smoke-2": ["chirpstack:0016c001f153a14c", "chirpstack"],
        "smoke-3": ["chirpstack:0016c001f153a14d", "chirpstack"],
        "smoke-4": ["chirpstack:0016c001f153a14e", "chirpstack:0000000000000009"],
        "0000000000000005": ["chirpstack"],
        "cam-1": ["frigate"],
        "lora-1": ["chirpstack"],
    }

    async def link() -> None:
        async with Store.open(database_url) as store:
            links, known = Links(), await find_devices(store, list(heard))
            for id_, gateways in heard.items():
                links.note(known[id_].device, gateways)
            # The second time it knows no better, and does no harm.
            await links.write(store)
            for id_, gateways in heard.items():
                links.note(known[id_].device, gateways)
            await links.write(store)

    asyncio.run(link())
    rows = ask(database_url, "SELECT id, gateway FROM device WHERE gateway IS NOT NULL ORDER BY id")
    assert {row["id"]: row["gateway"] for row in rows} == {
        "smoke-1": "lora-1", "smoke-2": "chosen", "smoke-3": "network", "cam-1": "frigate"
    }  # fmt: skip


def test_a_foreign_system_speaks_for_nobody_who_connects_as_itself(database_url: str) -> None:
    for id_ in ("board-1", "board-2", "frigate"):
        register(database_url, id_, "fire", "gateway" if id_ == "frigate" else "sensor")
    issue = """
        INSERT INTO credential (device_key, username, serial, issued_by)
        SELECT key, id, id, 'somebody' FROM device WHERE id IN ('board-1', 'frigate')"""
    ask(database_url, issue)

    async def found() -> dict[str, str]:
        async with Store.open(database_url) as store:
            asked = ["frigate:board-1", "frigate:board-2", "frigate"]
            return {name: known.device.id for name, known in (await find_by_source(store, asked)).items()}

    assert asyncio.run(found()) == {"frigate:board-2": "board-2", "frigate": "frigate"}


def gateways_of(kind: str, name: str, **changed: object) -> Sequence[str]:
    """Return through whom an event of ChirpStack says that it came."""
    body = json.dumps(EVENTS[name] | changed).encode()
    (heard,) = ChirpStackAdapter(ChirpStack()).read(topic(kind), body, NOW)
    return heard.gateways


def test_an_uplink_names_the_one_gateway_that_heard_it_and_chirpstack_itself() -> None:
    one, other = {"gatewayId": "0016C001F153A14C", "rssi": -97}, {"gatewayId": "0016c001f153a14d"}
    lora = "chirpstack:0016c001f153a14c"
    assert gateways_of("up", "up-alarm", rxInfo=[one]) == (lora, "chirpstack")
    assert gateways_of("up", "up-alarm", rxInfo=[one, one]) == (lora, "chirpstack"), "heard on two antennas"
    assert gateways_of("up", "up-alarm", rxInfo=[one, other]) == ("chirpstack",), "neither silences it"
    assert gateways_of("status", "status-mains") == ()


def test_a_camera_speaks_through_its_frigate_and_the_frigate_through_nobody() -> None:
    adapter = FrigateAdapter(Frigate.model_validate({"prefix": "estate/frigate"}))
    told = [
        ("estate/frigate/events", json.dumps(change("events")).encode()),
        ("estate/frigate/door/status/detect", b"online"),
        ("estate/frigate/available", b"online"),
    ]
    through = [adapter.read(where, payload, NOW)[0].gateways for where, payload in told]
    assert through == [("estate.frigate",), ("estate.frigate",), ()]
