"""Foreign messages in a running collector: hostile ones harm nothing, strangers wait and can be replayed."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import publish

from bench.publisher import device_name
from gridwatch.errors import UnreadableMessage
from gridwatch.formats import ChirpStack, Formats
from gridwatch.model import Channel, Device, DeviceKind
from ingest.adapter import Adapter
from ingest.chirpstack import ChirpStackAdapter
from ingest.foreign import UNREADABLE, Foreign
from ingest.frigate import FrigateAdapter
from tests.collectors import ask, register, running_collector, totals
from tests.ingest.test_chirpstack import EUI, EVENTS, topic
from tests.ingest.test_frigate import NOW, change
from tests.servers import Mosquitto, wait_until
from tests.terminal import typed

FORMATS = """
[chirpstack]
[[chirpstack.map]]
fields = { smoke = "smoke_alarm", temperature = { quantity = "temperature_c", scale = 1e300 } }
[[frigate]]
"""

UP = json.dumps(EVENTS["up-zero"] | {"object": "OBJECT"}).replace('"OBJECT"', "%s")


def hostile() -> list[tuple[str, bytes]]:
    """Return messages that no honest gateway sends."""
    deep = "[" * 100_000
    return [
        (topic("up"), (UP % ('{"x":' + deep)).encode()),
        (topic("up"), (UP % ('{"x":' * 900 + "1" + "}" * 900)).encode()[:-1]),
        (topic("up"), (UP % ('{"x": 1' + "0" * 400 + "}")).encode()),
        (topic("up"), (UP % '{"temperature": 1e300}').encode()),
        (topic("up"), (UP % ("{" + ",".join(f'"q{n}": 1' for n in range(300)) + "}")).encode()),
        (topic("up"), (UP % '{"x": "\\ud800"}').encode()),
        (topic("up"), b"\xff\xfe"),
        (topic("up"), b""),
        ("application/1/device/" + "x" * 3000 + "/event/up", b"{}"),
        ("frigate/events", json.dumps(change("events", frame_time=1e300)).encode()),
        ("frigate/events", json.dumps(change("events", label="\0")).encode()),
        ("frigate/events", b'{"type": "new", "after": ' + deep.encode()),
        ("frigate/reviews", b"null"),
        ("frigate/available", b"\x00" * 100_000),
    ]


def test_hostile_foreign_messages_wait_in_quarantine_and_the_collector_goes_on(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, EUI, "fire", "sensor")
    register(database_url, "front_door", "elevator", "camera")
    register(database_url, "frigate", "elevator", "gateway")
    (tmp_path / "formats.toml").write_text(FORMATS)
    settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
    bad = [*hostile(), ("gw/v1/frigate/readings", b'[{"n":' + b"[" * 100_000)]
    with running_collector(database_url, mosquitto, tmp_path, **settings) as collector:
        pid = collector.pid
        good = (topic("up"), json.dumps(EVENTS["up-alarm"] | {"object": {"smoke": True}}).encode())
        publish.multiple(
            [(where, payload, 1, False) for where, payload in [*bad, good]],
            hostname="127.0.0.1",
            port=mosquitto.port,
        )
        wait_until(lambda: totals(database_url)["received"] == len(bad) + 1)
        assert collector.pid == pid
    reasons = [row["reason"] for row in ask(database_url, "SELECT reason FROM quarantine ORDER BY id")]
    assert totals(database_url)["stored"] == 1, reasons
    assert len(reasons) == len(bad)
    assert all(reasons)


def test_a_stranger_of_a_foreign_format_is_replayed_once_it_is_registered(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (tmp_path / "formats.toml").write_text("[chirpstack]\n[[frigate]]\n")
    settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
    environment = settings | {
        "GRIDWATCH_DATABASE_URL": database_url,
        "GRIDWATCH_MQTT_URL": mosquitto.url,
        "GRIDWATCH_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    event = change("events", "new", camera="roof", label="fire", sub_label=None)
    messages = [(topic("up"), json.dumps(EVENTS["up-alarm"])), ("frigate/events", json.dumps(event))]
    with running_collector(database_url, mosquitto, tmp_path, **settings):
        publish.multiple(
            [(where, body, 1, False) for where, body in messages],
            hostname="127.0.0.1",
            port=mosquitto.port,
        )
        wait_until(lambda: totals(database_url)["quarantined"] == 2)
        register(database_url, "smoke-7", "fire", "sensor")
        register(database_url, "roof", "fire", "camera")
        ask(database_url, "UPDATE device SET source = %s WHERE id = 'smoke-7'", [f"chirpstack:{EUI}"])
        said = typed("quarantine", "replay", **environment)
        assert said.stdout == "published again: 2\n"
        wait_until(lambda: totals(database_url)["stored"] == 2)
    events = ask(database_url, "SELECT device, label FROM gw.events ORDER BY device")
    assert events == [{"device": "roof", "label": "fire"}]


@pytest.mark.slow
def test_two_collectors_divide_the_sensors_behind_chirpstack_and_store_each_uplink_once(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    euis = [f"24e124535b3160{number:02x}" for number in range(20)]
    for eui in euis:
        register(database_url, eui, "fire", "sensor")
    (tmp_path / "formats.toml").write_text("[chirpstack]\n")
    settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    joined = "SELECT 1 FROM share WHERE shares = 2 HAVING count(*) = 4"

    def uplink(eui: str, count: int) -> tuple[str, str, int, bool]:
        body = EVENTS["up-alarm"] | {"fCnt": count, "time": f"2026-11-20T09:{count:02d}:00Z"}
        body |= {"deviceInfo": {"devEui": eui}, "deduplicationId": f"{eui}-{count}"}
        return topic("up", eui), json.dumps(body), 1, False

    with (
        running_collector(database_url, mosquitto, folders[0], **settings),
        running_collector(database_url, mosquitto, folders[1], **settings) as second,
    ):
        wait_until(lambda: bool(ask(database_url, joined)), what="both know of both")
        publish.multiple(
            [uplink(eui, count) for count in range(5) for eui in euis],
            hostname="127.0.0.1",
            port=mosquitto.port,
        )
        wait_until(lambda: totals(database_url)["stored"] == 100)
        second.kill()
        publish.multiple([uplink(eui, 5) for eui in euis], hostname="127.0.0.1", port=mosquitto.port)
        wait_until(lambda: totals(database_url)["stored"] == 120, timeout_s=90)
    assert totals(database_url) == {
        "received": 120, "stored": 120, "duplicate": 0, "quarantined": 0, "skipped": 0
    }  # fmt: skip
    assert ask(database_url, "SELECT count(*) AS n FROM gw.alerts") == [{"n": 0}]


@pytest.mark.slow
def test_a_format_that_is_taken_out_of_the_file_is_not_heard_any_more(
    database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    register(database_url, EUI, "fire", "sensor")
    uplink, frigate = json.dumps(EVENTS["up-alarm"]), json.dumps(change("events"))
    own = json.dumps({"t": NOW.timestamp(), "values": {"co_ppm": 3}})

    def send() -> None:
        messages = [(topic("up"), uplink), ("frigate/events", frigate), (f"gw/v1/{EUI}/readings", own)]
        publish.multiple(
            [(where, body, 1, False) for where, body in messages], hostname="127.0.0.1", port=mosquitto.port
        )

    (tmp_path / "formats.toml").write_text("[chirpstack]\n[[frigate]]\n")
    settings = {"GRIDWATCH_FORMATS": str(tmp_path / "formats.toml")}
    with running_collector(database_url, mosquitto, tmp_path, **settings):
        send()
        wait_until(lambda: totals(database_url)["received"] == 3)
    (tmp_path / "formats.toml").write_text("[chirpstack]\n")
    with running_collector(database_url, mosquitto, tmp_path, **settings):
        send()
        wait_until(lambda: totals(database_url)["received"] == 5)
    with running_collector(database_url, mosquitto, tmp_path):
        send()
        wait_until(lambda: totals(database_url)["received"] == 6)
    assert totals(database_url) == {
        "received": 6, "stored": 2, "duplicate": 3, "quarantined": 1, "skipped": 0
    }  # fmt: skip


def test_work_is_divided_by_whom_a_topic_names_native_and_foreign() -> None:
    foreign = Foreign.of(Formats.model_validate({"chirpstack": {}, "frigate": [{}]}))
    assert foreign.sender(topic("up")) == foreign.sender(topic("join")) == f"chirpstack:{EUI}"
    assert foreign.sender("gw/v1/" + device_name(1) + "/readings") == device_name(1)
    assert Foreign.of(Formats()).sender(topic("up")) == ""
    assert Foreign.of(Formats()).readings == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
DEVICE = Device(id="d1", scene="fire", kind=DeviceKind.SENSOR, channels=(Channel(quantity="smoke_alarm"),))


@given(data=st.data())
def test_no_change_of_an_honest_message_raises_anything_but_a_reason(data: st.DataObject) -> None:
    formats = Formats.model_validate({"chirpstack": {}, "frigate": [{}]})
    chirpstack, frigate = ChirpStackAdapter(ChirpStack()), FrigateAdapter(formats.frigate[0])
    honest: list[tuple[Adapter, str, dict[str, Any]]] = [
        (chirpstack, topic("up"), EVENTS["up-zero"]),
        (chirpstack, topic("status"), EVENTS["status-mains"]),
        (chirpstack, topic("log"), EVENTS["log-error"]),
        (frigate, "frigate/events", change("events")),
        (frigate, "frigate/reviews", change("reviews")),
    ]
    adapter, where, body = data.draw(st.sampled_from(honest))
    inner = body.get("after", body)
    field = data.draw(st.sampled_from(sorted(inner)))
    changed = inner | {field: data.draw(JSON)}
    payload = json.dumps(body | {"after": changed} if "after" in body else changed).encode()
    with suppress(*UNREADABLE, UnreadableMessage):
        (heard,) = adapter.read(where, payload, NOW)
        assert heard.message(DEVICE).device == "d1"


@pytest.mark.parametrize("topic_", ["gw/v1/s1/readings", "gw/v1//x", "application", "frigate", ""])
def test_a_sender_is_text_whatever_the_topic(topic_: str) -> None:
    foreign = Foreign.of(Formats.model_validate({"chirpstack": {}, "frigate": [{}]}))
    assert isinstance(foreign.sender(topic_), str)
