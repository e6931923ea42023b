"""Devices of foreign formats are linked to the gateway that they speak through, where people state none."""

import asyncio
import json
from collections.abc import Sequence

from gridwatch.formats import ChirpStack, Frigate
from gridwatch.store import Store
from gridwatch.store.devices import find_devices
from ingest.chirpstack import ChirpStackAdapter
from ingest.frigate import FrigateAdapter
from ingest.links import Links
from tests.collectors import ask, register
from tests.ingest.test_chirpstack import EVENTS, topic
from tests.ingest.test_frigate import NOW, change

DEVICES = [
    ("smoke-1", "sensor", None, None),
    ("smoke-2", "sensor", None, "chosen"),
    ("smoke-3", "sensor", None, None),
    ("smoke-4", "sensor", None, None),
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
        "smoke-4": ["chirpstack:0016c001f153a14e", "chirpstack:0000000000000000"],
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
