"""ThingsBoard's forms of telemetry become readings of the right device."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gridwatch.errors import SettingsError, UnreadableMessage
from gridwatch.model import DEVICE_ID, Observations
from gridwatch.wire import decode
from ingest.bridges.gateways import GatewaysFile, read_fields
from ingest.bridges.publisher import Outgoing
from ingest.bridges.telemetry import Fields, device_telemetry, gateway_telemetry, own_id

TS = 1_795_420_800_512


def rules(**fields: Any) -> Fields:
    """Return what a file says of fields."""
    return read_fields(Path("thingsboard.toml"), GatewaysFile(fields=fields))


def read(payload: object, fields: Fields | None = None) -> list[tuple[float, dict[str, float]]]:
    """Return what a device's telemetry becomes, as the collector reads it."""
    raw = json.dumps(payload).encode()
    return observed(device_telemetry("smoke-1", raw, fields or {}), "smoke-1")


def observed(messages: list[Outgoing], device: str) -> list[tuple[float, dict[str, float]]]:
    """Return the observations of a device as the collector reads them."""
    found = []
    for message in messages:
        if message.topic == f"gw/v1/{device}/readings":
            decoded = decode(message.topic, message.payload, received_at=datetime.now(UTC))
            assert isinstance(decoded, Observations)
            found += [(item.observed_at.timestamp(), dict(item.values)) for item in decoded.items]
    return found


def test_values_with_a_time_alone_and_in_lists_are_read() -> None:
    values = {"temperature_c": 42.2, "humidity_pct": 70}
    assert read({"ts": TS, "values": values}) == [(1_795_420_800.512, values)]
    assert read([{"ts": TS, "values": values}, {"ts": TS + 1000, "values": {"co_ppm": 7}}]) == [
        (1_795_420_800.512, values),
        (1_795_420_801.512, {"co_ppm": 7}),
    ]


def test_values_without_a_time_are_dated_by_their_arrival() -> None:
    before = datetime.now(UTC).timestamp()
    for payload in ({"temperature_c": 42.2}, [{"temperature_c": 42.2}]):
        ((at, values),) = read(payload)
        assert before <= at <= datetime.now(UTC).timestamp()
        assert values == {"temperature_c": 42.2}


def test_keys_become_our_quantities_and_units() -> None:
    fields = rules(
        temperature={"quantity": "temperature_c", "unit": "°F"},
        alarm={"quantity": "smoke_alarm", "values": {"ALARM": 1, "NORMAL": 0, "true": 1, "false": 0}},
        batteryLevel="battery_pct",
    )
    sent = {
        "temperature": 212,
        "alarm": "ALARM",
        "batteryLevel": "81.5",
        "signalStrength": -71,
        "fw": "1.2.3",
    }
    ((_, values),) = read({"ts": TS, "values": sent}, fields)
    expected = {"temperature_c": 100.0, "smoke_alarm": 1.0, "battery_pct": 81.5, "signal_strength": -71.0}
    assert values == pytest.approx(expected)
    ((_, values),) = read({"ts": TS, "values": {"alarm": False, "doorOpen": True}}, fields)
    assert values == {"smoke_alarm": 0.0, "door_open": 1.0}


def test_what_holds_nothing_for_us_becomes_nothing() -> None:
    assert device_telemetry("smoke-1", b'{"model": "A", "ip": "10.0.0.1"}', {}) == []
    assert device_telemetry("smoke-1", b"[]", {}) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"a": 1%s}' % (b"0" * 400),
        b"",
        b"{",
        b"17",
        b'"text"',
        b'[[{"a": 1}]]',
        b'{"ts": "now", "values": {}}',
    ],
)
def test_what_cannot_be_read_stays_as_it_is_for_quarantine(payload: bytes) -> None:
    assert device_telemetry("smoke-1", payload, {}) == [
        Outgoing(topic="gw/v1/smoke-1/readings", payload=payload)
    ]
    with pytest.raises(UnreadableMessage):
        decode("gw/v1/smoke-1/readings", payload, received_at=datetime.now(UTC))


def test_a_word_that_means_nothing_goes_to_quarantine_too() -> None:
    fields = rules(alarm={"quantity": "smoke_alarm", "values": {"ALARM": 1}})
    payload = b'{"alarm": "SOMETHING"}'
    (message,) = device_telemetry("smoke-1", payload, fields)
    assert message.payload == payload


def test_a_gateways_devices_are_told_apart() -> None:
    sent = {
        "Device A": [
            {"ts": 1_795_420_800_000, "values": {"temperature": 42, "humidity": 80}},
            {"ts": 1_795_420_801_000, "values": {"temperature": 43, "humidity": 82}},
        ],
        "lobby-2": [{"ts": 1_795_420_800_000, "values": {"temperature": 42, "humidity": 80}}],
        "broken": 17,
    }
    fields = rules(temperature="temperature_c", humidity="humidity_pct")
    names = {"Device A": "smoke-a"}
    messages = gateway_telemetry(
        "gw-1", json.dumps(sent).encode(), fields, lambda name: names.get(name) or own_id("gw-1", name)
    )
    assert [message.topic for message in messages] == [
        "gw/v1/smoke-a/readings",
        "gw/v1/gw-1:lobby-2/readings",
        "gw/v1/gw-1:broken/readings",
    ]
    assert observed(messages[:2], "smoke-a")[1] == (1_795_420_801, {"temperature_c": 43, "humidity_pct": 82})
    assert messages[2].payload == b"17"
    (unread,) = gateway_telemetry("gw-1", b"[1]", fields, lambda name: name)
    assert (unread.topic, unread.payload) == ("gw/v1/gw-1/readings", b"[1]")


def test_a_long_backlog_becomes_several_messages() -> None:
    sent = [{"ts": TS + number, "values": {"temperature_c": 1}} for number in range(12_000)]
    messages = device_telemetry("smoke-1", json.dumps(sent).encode(), {})
    assert len(messages) == 3
    assert len(observed(messages, "smoke-1")) == 12_000


@pytest.mark.parametrize(
    "name", ["Device A", "烟感 1", "烟感 2", "a" * 100, "", "-x", "Device-A", "lobby.1", "a/b", "+"]
)
def test_a_gateways_own_names_are_ids_that_nobody_else_has(name: str) -> None:
    own = own_id("gw-1", name)
    assert DEVICE_ID.fullmatch(own)
    assert own.startswith("gw-1")
    others = [
        "Device A",
        "烟感 1",
        "烟感 2",
        "a" * 100,
        "a" * 101,
        "",
        "-x",
        "Device-A",
        "lobby.1",
        "a/b",
        "+",
    ]
    assert [other for other in others if own_id("gw-1", other) == own] == [name]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (GatewaysFile(fields={"a": "Temperature"}), "small letters"),
        (GatewaysFile(fields={"a": {"quantity": "temperature_c", "unit": "mile"}}), "can't be turned"),
        (GatewaysFile(fields={"a": 17}), "fields.a"),
    ],
)
def test_a_wrong_file_is_refused_at_the_start(file: GatewaysFile, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        read_fields(Path("thingsboard.toml"), file)
