"""Sparkplug B: births, data and deaths become readings and statuses of edge nodes and devices.

Payloads are written field by field as the specification's Protocol Buffers file numbers them.
"""

import struct
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import publish

from gridwatch.formats import Formats, Sparkplug
from gridwatch.model import Device, DeviceKind, Message, Observations, Status
from gridwatch.protobuf import encoded, fields
from ingest.foreign import Foreign
from ingest.rebirths import Rebirths
from ingest.sparkplug import SparkplugAdapter, rebirth_request
from tests.collectors import ask, register, running_collector, totals
from tests.servers import Mosquitto, wait_until
from tests.simulators.listening import listening

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
MAP = Sparkplug.model_validate(
    {
        "map": [
            {
                "profile": "Estate 3/*",
                "fields": {
                    "Inputs/Smoke": "smoke_alarm",
                    "Temperature": {"quantity": "temperature_c", "unit": "°C"},
                    "Level": {"quantity": "water_level_m", "scale": 0.01},
                    "Pump/Pressure": {"quantity": "pressure_kpa", "unit": "bar"},
                    "Signal": {"quantity": "rssi_dbm", "unit": "dBm"},
                },
            }
        ]
    }
)
DEVICE = Device(id="d1", scene="fire", kind=DeviceKind.SENSOR)
INT8, INT16, INT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATE_TIME, TEMPLATE = 1, 2, 4, 9, 10, 11, 12, 13, 19


def fixed(number: int, form: str, value: float) -> bytes:
    """Write a float or a double."""
    return bytes([number << 3 | (5 if form == "<f" else 1)]) + struct.pack(form, value)


def metric(
    name: str | None,
    value: bytes,
    datatype: int | None,
    *,
    alias: int | None = None,
    at_ms: int | None = NOW_MS,
) -> bytes:
    """Write one metric; `value` is its field of the value."""
    parts = b"" if name is None else encoded(1, name.encode())
    parts += b"" if alias is None else encoded(2, alias)
    parts += b"" if at_ms is None else encoded(3, at_ms)
    parts += b"" if datatype is None else encoded(4, datatype)
    return encoded(2, parts + value)


def payload(*metrics: bytes, seq: int | None = 0, at_ms: int = NOW_MS) -> bytes:
    """Write one payload."""
    return encoded(1, at_ms) + b"".join(metrics) + (b"" if seq is None else encoded(3, seq))


def smoke(value: bool, **more: int) -> bytes:
    return metric("Inputs/Smoke", encoded(14, int(value)), BOOLEAN, **more)


def bd_seq(number: int) -> bytes:
    return metric("bdSeq", encoded(11, number), INT64)


class Host:
    """An adapter, and whom it asked to be born again."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.adapter = SparkplugAdapter(MAP, self.asked.append)

    def hear(
        self, kind: str, body: bytes, edge: str = "plc 1", device: str | None = None
    ) -> list[tuple[str, Message]]:
        """Return of whom a message speaks and what it says."""
        topic = f"spBv1.0/Estate 3/{kind}/{edge}" + ("" if device is None else f"/{device}")
        return [(one.source, one.message(DEVICE)) for one in self.adapter.read(topic, body, NOW)]


def values_of(message: Message) -> dict[str, float]:
    assert isinstance(message, Observations)
    (item,) = message.items
    return dict(item.values)


EDGE, SENSOR = "sparkplug:Estate%203/plc%201", "sparkplug:Estate%203/plc%201/hall"


def test_a_birth_says_who_is_there_with_all_values_and_data_have_numbers_alone() -> None:
    host = Host()
    assert host.hear("NBIRTH", payload(bd_seq(3))) == [(EDGE, Status(device="d1", online=True))]
    temperature = metric("Temperature", fixed(12, "<f", 24.5), FLOAT, alias=7)
    born, said = host.hear("DBIRTH", payload(temperature, smoke(False, alias=8), seq=1), device="hall")
    assert born == (SENSOR, Status(device="d1", online=True))
    assert (said[0], values_of(said[1])) == (SENSOR, {"temperature_c": 24.5, "smoke_alarm": 0.0})
    ((source, alarm),) = host.hear(
        "DDATA", payload(metric(None, encoded(14, 1), None, alias=8), seq=2), device="hall"
    )
    assert (source, values_of(alarm)) == (SENSOR, {"smoke_alarm": 1.0}), "what is left out has not changed"
    assert host.asked == []


def test_numbers_are_read_by_their_type_and_what_is_no_number_is_passed_over() -> None:
    minus = (1 << 32) - 40
    template = encoded(2, metric("Pressure", fixed(13, "<d", 2.5), DOUBLE, at_ms=None)[2:]) + encoded(
        4, b"Pump"
    )
    said = [
        metric("Signal", encoded(10, minus), INT8),
        metric("Level", encoded(11, (1 << 64) - 150), INT64),
        metric("Pump", encoded(18, template), TEMPLATE),
        metric("Temperature", encoded(15, b"24.50"), STRING),
        metric("Inputs/Smoke", encoded(7, 1), BOOLEAN),
        metric("Last change", encoded(11, NOW_MS), DATE_TIME),
        metric("Firmware", encoded(15, "3.2 \u4e2d".encode()), STRING),
        metric("Other", encoded(10, 5), INT16),
    ]
    ((_, message),) = Host().hear("DDATA", payload(*said), device="hall")
    assert values_of(message) == {
        "rssi_dbm": -40.0, "water_level_m": -1.5, "pressure_kpa": 250.0, "temperature_c": 24.5
    }  # fmt: skip


def test_each_metric_has_its_own_time_and_messages_of_one_millisecond_are_told_apart() -> None:
    host = Host()
    before = metric("Temperature", fixed(12, "<f", 20.0), FLOAT, at_ms=NOW_MS - 60_000)
    ((_, message),) = host.hear("DDATA", payload(smoke(True), before, seq=5), device="hall")
    assert isinstance(message, Observations)
    assert [(item.observed_at - NOW).total_seconds() for item in message.items] == [-60 + 5e-6, 5e-6]
    ((_, other),) = host.hear("DDATA", payload(smoke(True), seq=6), device="hall")
    assert isinstance(other, Observations)
    assert other.items[0].observed_at != message.items[1].observed_at


def test_a_number_that_no_birth_named_waits_and_its_edge_node_is_asked_to_be_born_again() -> None:
    host = Host()
    with pytest.raises(
        ValueError, match="metric 8 is in no birth that was heard since the collector started"
    ):
        host.hear("DDATA", payload(metric(None, encoded(14, 1), None, alias=8)), device="hall")
    assert host.asked == ["spBv1.0/Estate 3/NCMD/plc 1"]


def test_a_message_that_is_missing_makes_the_edge_node_asked_for_its_values() -> None:
    host = Host()
    host.hear("NBIRTH", payload(bd_seq(0)))
    for seq in [*range(1, 256), 0, 1]:
        host.hear("NDATA", payload(smoke(False), seq=seq))
    assert host.asked == [], "it wraps around"
    host.hear("NDATA", payload(smoke(False), seq=3))
    assert host.asked == ["spBv1.0/Estate 3/NCMD/plc 1"]


def test_a_death_takes_the_devices_along_and_one_of_an_earlier_connection_nobody() -> None:
    host = Host()
    host.hear("NBIRTH", payload(bd_seq(4)))
    for device in ("hall", "roof 2"):
        host.hear("DBIRTH", payload(smoke(False)), device=device)
    assert host.hear("NDEATH", payload(bd_seq(3), seq=None)) == [(EDGE, Status(device="d1", online=True))]
    gone = host.hear("NDEATH", payload(bd_seq(4), seq=None))
    assert gone == [
        (source, Status(device="d1", online=False)) for source in (EDGE, SENSOR, f"{EDGE}/roof%202")
    ]
    assert host.hear("DDEATH", payload(seq=9), device="hall") == [(SENSOR, Status(device="d1", online=False))]


def test_a_device_speaks_through_its_edge_node() -> None:
    adapter = Host().adapter
    (device,) = adapter.read("spBv1.0/Estate 3/DDATA/plc 1/hall", payload(smoke(True)), NOW)
    (edge,) = adapter.read("spBv1.0/Estate 3/NDATA/plc 1", payload(smoke(True)), NOW)
    assert (device.gateways, edge.gateways) == ((EDGE,), ())
    assert adapter.sender("spBv1.0/Estate 3/DDATA/plc 1/hall") == EDGE
    assert [adapter.sender(topic) for topic in ("spBv1.0/STATE/scada", "spBv1.0/G/NCMD/e")] == [None, None]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"timestamp": 1}', "Protocol Buffers"),
        (b"\x0a", "ends within a number"),
        (encoded(2, b"\x0a\xff"), "ends within"),
        (encoded(2, encoded(1, 5)), "a number instead of bytes"),
        (encoded(1, b"x"), "bytes instead of a number"),
        (payload(encoded(4, b"SPBV1.0_COMPRESSED")), "SPBV1.0_COMPRESSED"),
        (payload(smoke(True, at_ms=1)), "2000"),
        (payload(metric("Temperature", encoded(15, b"warm"), STRING)), "Temperature: 'warm' means nothing"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Host().hear("DDATA", body, device="hall")


def test_a_field_that_is_left_out_can_mean_nothing() -> None:
    mapped = {"fields": {"Rain": {"quantity": "rain_mm", "absent": 0}}}
    with pytest.raises(ValueError, match="rain_mm: no `absent`"):
        Sparkplug.model_validate({"map": [mapped]})


@given(data=st.binary(max_size=200), honest=st.booleans(), at=st.integers(0, 60))
def test_arbitrary_bytes_are_read_or_refused(data: bytes, honest: bool, at: int) -> None:
    whole = payload(smoke(True), metric("Temperature", fixed(12, "<f", 1.0), FLOAT))
    body = whole[:at] + data + whole[at:] if honest else data
    host = Host()
    for kind, device in (("NBIRTH", None), ("DDATA", "hall"), ("NDEATH", None)):
        try:
            host.hear(kind, body, device=device)
        except (ValueError, OverflowError):
            continue


def test_a_request_to_be_born_again_is_written_as_the_specification_says() -> None:
    (at, (number, metric_)) = list(fields(rebirth_request(NOW)))
    assert (at, number) == ((1, NOW_MS), 2)
    assert isinstance(metric_, bytes)
    assert dict(fields(metric_)) == {1: b"Node Control/Rebirth", 3: NOW_MS, 4: BOOLEAN, 14: 1}


def test_who_does_not_answer_is_asked_again_only_after_a_while() -> None:
    rebirths = Rebirths()
    for _ in range(3):
        rebirths.note("spBv1.0/G/NCMD/e")
    assert rebirths._wanted == {"spBv1.0/G/NCMD/e"}


def test_an_installation_without_it_listens_to_none_of_its_topics() -> None:
    assert Foreign.of(Formats()).readings == []
    assert "spBv1.0/+/NBIRTH/+" in Foreign.of(Formats()).no_longer
    assert "spBv1.0/+/DDATA/+/+" in Foreign.of(Formats.model_validate({"sparkplug": {}})).readings


@pytest.mark.anyio
async def test_an_edge_node_that_was_born_before_is_asked_and_then_its_sensor_raises_its_alert(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, "plc", "fire", "gateway")
    register(database_url, "hall", "fire", "sensor")
    ask(database_url, "UPDATE device SET source = %s WHERE id = 'plc'", ["sparkplug:G/plc"])
    ask(database_url, "UPDATE device SET source = %s WHERE id = 'hall'", ["sparkplug:G/plc/hall"])
    (tmp_path / "formats.toml").write_text(
        '[sparkplug]\n[[sparkplug.map]]\nfields = { Smoke = "smoke_alarm" }\n'
    )
    at_ms = int(time.time() * 1000)
    closed = encoded(14, 1)
    birth = payload(metric("Smoke", encoded(14, 0), BOOLEAN, alias=8, at_ms=at_ms), seq=1, at_ms=at_ms)
    alarm = payload(metric(None, closed, None, alias=8, at_ms=at_ms + 5), seq=2, at_ms=at_ms + 5)

    def send(kind: str, body: bytes, device: str = "/hall") -> None:
        publish.single(
            f"spBv1.0/G/{kind}/plc{device}", body, hostname="127.0.0.1", port=mosquitto.port, qos=1
        )

    settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
    async with listening(mosquitto, "spBv1.0/+/NCMD/+") as heard:
        with running_collector(database_url, mosquitto, tmp_path, **settings):
            send("DDATA", alarm)
            await heard.until(lambda: heard.topics == ["spBv1.0/G/NCMD/plc"])
            send("NBIRTH", payload(seq=0, at_ms=at_ms), "")
            send("DBIRTH", birth)
            send("DDATA", alarm)
            wait_until(lambda: totals(database_url)["stored"] == 4)
            send("NDEATH", payload(seq=None, at_ms=at_ms), "")
            wait_until(lambda: totals(database_url)["stored"] == 6)
    (waits,) = ask(database_url, "SELECT named, decoder, reason FROM quarantine")
    assert (waits["named"], waits["decoder"]) == ("plc", "sparkplug/b")
    assert "metric 8 is in no birth" in waits["reason"]
    alerts = ask(database_url, "SELECT device, label, severity FROM gw.alerts WHERE label = 'smoke'")
    assert alerts == [{"device": "hall", "label": "smoke", "severity": "critical"}]
    assert ask(database_url, "SELECT DISTINCT online FROM device") == [{"online": False}]
