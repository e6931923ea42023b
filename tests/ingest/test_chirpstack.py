"""ChirpStack v4: events as its own protobuf types write them, and those of its documentation.

`payloads/chirpstack.json` was written with chirpstack-api 4.20 and protobuf's JSON encoder, which leaves out
what is zero, false or empty.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from gridwatch.formats import ChirpStack
from gridwatch.model import Channel, Device, DeviceFinding, DeviceKind, Message, Observations
from ingest.chirpstack import ChirpStackAdapter
from tests.collectors import ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until

EVENTS = json.loads((Path(__file__).parent / "payloads" / "chirpstack.json").read_text())
EUI = "24e124535b316056"
APPLICATION = "17c82e96-be03-4f38-aef3-f83d48582d97"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)

MAPPING = """
[chirpstack]

[[chirpstack.map]]
profile = "AM *"
[chirpstack.map.fields]
smoke = "smoke_alarm"
temperature = { quantity = "temperature_c", unit = "°C" }
battery = "battery_pct"
tamper = "tamper"
test = "test"
"""

DOCUMENTED_UP = """{
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2022-07-18T09:34:15.775023242+00:00",
    "deviceInfo": {
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
        "tenantName": "ChirpStack",
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
        "applicationName": "Test application",
        "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
        "deviceProfileName": "Test device-profile",
        "deviceName": "Test device",
        "devEui": "0101010101010101",
        "tags": {"key": "value"}
    },
    "devAddr": "00189440",
    "dr": 1,
    "fPort": 1,
    "data": "qg==",
    "rxInfo": [{
        "gatewayId": "0016c001f153a14c",
        "uplinkId": 4217106255,
        "rssi": -36,
        "snr": 10.5,
        "context": "E3OWOQ==",
        "metadata": {"region_name": "eu868", "region_common_name": "EU868"}
    }],
    "txInfo": {
        "frequency": 867100000,
        "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11, "codeRate": "CR_4_5"}}
    }
}"""
"""The example of `up` in ChirpStack's documentation of its events."""


def topic(kind: str, eui: str = EUI) -> str:
    """Return the topic of an event."""
    return f"application/{APPLICATION}/device/{eui}/event/{kind}"


def adapter() -> ChirpStackAdapter:
    """Return the adapter with a table for the test's device profile."""
    fields = {
        "smoke": {"quantity": "smoke_alarm"},
        "temperature": {"quantity": "temperature_c"},
        "battery": {"quantity": "battery_pct"},
        "tamper": {"quantity": "tamper"},
        "test": {"quantity": "test"},
    }
    return ChirpStackAdapter(ChirpStack.model_validate({"map": [{"profile": "AM *", "fields": fields}]}))


def heard(kind: str, body: object, *channels: str, by: ChirpStackAdapter | None = None) -> Message:
    """Return what an event says of its device, registered with some channels."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    (one,) = (by or adapter()).read(topic(kind), payload, NOW)
    assert one.source == f"chirpstack:{EUI}"
    named = tuple(Channel(quantity=quantity) for quantity in channels)
    return one.message(Device(id="smoke-7", scene="fire", kind=DeviceKind.SENSOR, channels=named))


def values(kind: str, body: object, *channels: str) -> dict[str, float]:
    """Return the readings of an event."""
    message = heard(kind, body, *channels)
    assert isinstance(message, Observations)
    (item,) = message.items
    assert item.device == message.device == "smoke-7"
    return dict(item.values)


def test_what_protobuf_leaves_out_is_zero() -> None:
    assert "fCnt" not in EVENTS["up-zero"]
    assert "snr" not in EVENTS["up-zero"]["rxInfo"][0]
    message = heard("up", EVENTS["up-zero"])
    assert isinstance(message, Observations)
    (item,) = message.items
    assert item.seq == 0
    assert item.observed_at == datetime(2026, 11, 20, 9, 34, 15, 775023, tzinfo=UTC)
    assert item.values == {
        "smoke_alarm": 0.0,
        "temperature_c": 0.0,
        "battery_pct": 98.0,
        "tamper": 0.0,
        "rssi_dbm": -97.0,
        "snr_db": 0.0,
    }


def test_a_registered_contact_that_the_codec_leaves_out_is_open() -> None:
    body = EVENTS["up-zero"] | {"object": {"battery": 98.0}}
    assert values("up", body, "smoke_alarm", "battery_pct") == {
        "battery_pct": 98.0,
        "smoke_alarm": 0.0,
        "rssi_dbm": -97.0,
        "snr_db": 0.0,
    }


def test_an_uplink_of_the_network_alone_tells_how_well_it_was_received() -> None:
    assert values("up", EVENTS["up-mac-only"]) == {"rssi_dbm": -97.0, "snr_db": 0.0}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("status-zero-margin", {"link_margin_db": 0.0, "battery_pct": pytest.approx(88.3)}),
        ("status-zero-battery", {"link_margin_db": -12.0, "battery_pct": 0.0}),
        ("status-mains", {"link_margin_db": 10.0}),
        ("status-no-battery", {"link_margin_db": 10.0}),
    ],
)
def test_a_status_is_link_margin_and_battery(name: str, expected: dict[str, float]) -> None:
    assert values("status", EVENTS[name]) == expected


@pytest.mark.parametrize(
    ("kind", "name", "label", "criteria"),
    [
        ("join", "join", "joined", {}),
        ("log", "log-error", "lorawan_uplink_codec", {"level": 2.0}),
        ("log", "log-zero", "lorawan_unknown", {"level": 0.0}),
    ],
)
def test_joins_and_logs_are_events_of_the_device(
    kind: str, name: str, label: str, criteria: dict[str, float]
) -> None:
    message = heard(kind, EVENTS[name])
    assert isinstance(message, DeviceFinding)
    assert (message.device, message.finding.label, message.finding.criteria) == ("smoke-7", label, criteria)


def test_the_deduplication_id_decides_what_is_the_same_uplink() -> None:
    chirpstack, first = adapter(), EVENTS["up-alarm"]
    again = first | {"time": "2026-11-20T09:39:16Z", "fCnt": 9, "rxInfo": []}
    other = again | {"deduplicationId": "00000000-7b06-4a64-9ef5-0d2d44a0a1c5"}
    told = [heard("up", body, by=chirpstack) for body in (first, again, other)]
    identities = [
        (one.items[0].observed_at, one.items[0].seq) for one in told if isinstance(one, Observations)
    ]
    assert identities[0] == identities[1]
    assert identities[2] == (datetime(2026, 11, 20, 9, 39, 16, tzinfo=UTC), 9)


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("up", b"\x0a\x24not json", "json=true"),
        ("up", b"{", "truncated"),
        ("up", {"time": "2026-11-20T09:39:16Z"}, "deviceInfo"),
        ("up", EVENTS["up-zero"] | {"time": "noon"}, "no time"),
        ("up", EVENTS["up-zero"] | {"object": None}, "codec"),
        ("up", EVENTS["up-mac-only"] | {"rxInfo": []}, "0 quantities"),
        ("up", EVENTS["up-zero"] | {"object": {"smoke": "burning"}}, "smoke: 'burning' means nothing"),
        (
            "up",
            EVENTS["up-zero"] | {"deviceInfo": {"devEui": "0101010101010101"}},
            "not the one of the topic",
        ),
        ("ack", {}, "nothing is expected"),
        ("log", EVENTS["log-error"] | {"level": "LOUD"}, "LOUD"),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, body: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        heard(kind, body)


def test_a_topic_names_its_device_in_small_letters() -> None:
    assert adapter().sender(topic("up", "24E124535B316056")) == f"chirpstack:{EUI}"
    assert adapter().sender("application/x/device/y/event/up") is None
    assert adapter().sender("frigate/events") is None


def test_a_sensor_behind_chirpstack_raises_its_alert_once_and_a_stranger_waits_for_its_adoption(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "formats.toml").write_text(MAPPING)
    register(database_url, "smoke-7", "fire", "sensor")
    ask(database_url, "UPDATE device SET source = %s", [f"chirpstack:{EUI}"])

    def send(*events: tuple[str, Any]) -> None:
        messages: list[Any] = [(where, json.dumps(body), 1, False) for where, body in events]
        publish.multiple(messages, hostname="127.0.0.1", port=mosquitto.port)

    formats = str(tmp_path / "formats.toml")
    with running_collector(database_url, mosquitto, tmp_path, GRIDWATCH_FORMATS=formats):
        told = [("up", "up-zero"), ("up", "up-alarm"), ("up", "up-alarm"), ("up", "up-mac-only")]
        told += [("status", "status-zero-margin"), ("join", "join"), ("join", "join"), ("log", "log-error")]
        send(*[(topic(kind), EVENTS[name]) for kind, name in told])
        send((topic("up", "0101010101010101"), json.loads(DOCUMENTED_UP)))
        wait_until(lambda: totals(database_url)["received"] == 9)
        assert totals(database_url) == {
            "received": 9, "stored": 6, "duplicate": 2, "quarantined": 1, "skipped": 0
        }  # fmt: skip
    alerts = ask(database_url, "SELECT device, label, severity FROM gw.alerts")
    assert alerts == [{"device": "smoke-7", "label": "smoke", "severity": "critical"}]
    (status,) = ask(database_url, "SELECT value FROM gw.readings WHERE quantity = 'link_margin_db'")
    assert status["value"] == 0.0
    labels = ask(database_url, "SELECT label FROM gw.events ORDER BY label")
    assert [row["label"] for row in labels] == ["joined", "lorawan_uplink_codec", "smoke"]
    (waiting,) = ask(database_url, "SELECT named, reason, decoder FROM quarantine")
    assert waiting == {
        "named": "chirpstack:0101010101010101",
        "reason": "device 'chirpstack:0101010101010101' is not registered, or retired",
        "decoder": "chirpstack/4",
    }
    assert ask(database_url, "SELECT 1 FROM gap") == []
