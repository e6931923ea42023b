"""What the topics of `gw/v1` carry becomes messages, or a reason."""

import base64
import json
from datetime import UTC, datetime

import cbor2
import pytest

from gridwatch.errors import UnreadableMessage
from gridwatch.model import (
    Clip,
    CommandResult,
    DeviceFinding,
    Frame,
    LiftState,
    Observation,
    Observations,
    Status,
)
from gridwatch.wire import decode, encode_observation

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
AT = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
T = 1760000000


def read(kind: str, payload: object) -> object:
    """Decode a payload of device `d1`; anything but bytes is sent as JSON."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return decode(f"gw/v1/d1/{kind}", body, received_at=NOW)


def observations(payload: object) -> list[Observation]:
    """Decode a payload of readings."""
    message = read("readings", payload)
    assert isinstance(message, Observations)
    return list(message.items)


def test_one_object_is_one_observation() -> None:
    assert observations({"t": T, "seq": 17, "values": {"temperature_c": 24.1, "smoke_alarm": True}}) == [
        Observation(device="d1", observed_at=AT, values={"temperature_c": 24.1, "smoke_alarm": 1.0}, seq=17)
    ]


def test_a_list_is_as_many_observations_in_its_order() -> None:
    sent = [{"t": T + n, "values": {"co_ppm": n}} for n in (2, 1)]
    assert [item.values["co_ppm"] for item in observations(sent)] == [2, 1]


def test_a_time_may_be_rfc_3339_text() -> None:
    (item,) = observations({"t": "2025-10-09T16:53:20+08:00", "values": {"co_ppm": 1}})
    assert item.observed_at == AT


def test_what_was_encoded_decodes_to_the_same() -> None:
    observation = Observation(device="d1", observed_at=AT, values={"co_ppm": 4.5}, seq=3)
    assert observations(encode_observation(observation)) == [observation]


def test_a_senml_pack_in_json_resolves_base_fields_and_units() -> None:
    pack = [
        {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": T, "n": "temperature", "u": "Cel", "v": 23.1},
        {"n": "humidity", "u": "%RH", "v": 67},
        {"n": "smoke_alarm", "vb": True, "t": -5},
    ]
    earlier, now = observations(pack)
    assert earlier.values == {"smoke_alarm": 1.0}
    assert (now.observed_at, now.values) == (AT, {"temperature_c": 23.1, "humidity_pct": 67.0})


def test_a_senml_pack_in_cbor_says_the_same() -> None:
    pack = [{-2: "x:", -3: T, 0: "temperature", 1: "Cel", 2: 23.1}, {0: "humidity", 1: "%RH", 2: 67}]
    (item,) = observations(cbor2.dumps(pack))
    assert (item.observed_at, item.values) == (AT, {"temperature_c": 23.1, "humidity_pct": 67.0})


def test_a_senml_time_below_two_to_the_28_counts_from_now() -> None:
    (item,) = observations([{"n": "co_ppm", "v": 1, "t": -10}])
    assert (NOW - item.observed_at).total_seconds() == pytest.approx(10)


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        ([{"n": "x", "s": 5}], "sums"),
        ([{"n": "x", "vs": "hot"}], "text"),
        ([{"n": "x", "v": 1, "bver": 11}], "newer"),
        ([{"n": "x", "v": 1, "odd_": 1}], "must be understood"),
        ([{"n": "x"}], "no record holds a value"),
        ([{"n": "x", "v": "1"}], "not a number"),
    ],
)
def test_a_senml_pack_that_holds_no_reading_of_ours_is_refused(pack: object, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        read("readings", pack)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"\x80", "no record"),
        (b"\x9f\x01", "CBOR"),
        ({"values": {"co_ppm": 1}}, "missing required field `t`"),
        ({"t": T}, "missing required field `values`"),
        ({"t": T, "values": {}}, "quantities"),
        ({"t": T, "values": {"co_ppm": "1"}}, "got `str`"),
        ({"t": T, "values": {"CO ppm": 1}}, "small letters"),
        ({"t": T, "values": {"co_ppm": None}}, "null"),
        (b'{"t": 1760000000, "values": {"co_ppm": 1e999}}', "out of range"),
        ({"t": T * 1000, "values": {"co_ppm": 1}}, "milliseconds"),
        ({"t": 0, "values": {"co_ppm": 1}}, "2000"),
        ({"t": "yesterday", "values": {"co_ppm": 1}}, "no time"),
        ({"t": "2025-10-09T16:53:20", "values": {"co_ppm": 1}}, "offset"),
        ({"t": T, "seq": -1, "values": {"co_ppm": 1}}, "seq"),
        ({"t": T, "seq": 2**63, "values": {"co_ppm": 1}}, "seq"),
        ({"t": T, "seq": 1.5, "values": {"co_ppm": 1}}, "int"),
        ([], "0 observations"),
        ({"t": T, "values": {f"q{n}": 1 for n in range(300)}}, "300 quantities"),
    ],
)
def test_readings_that_cannot_be_read_say_why(payload: object, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        read("readings", payload)


def test_frames_and_clips_take_their_time_from_the_topic() -> None:
    assert read(f"frame/{T}123", b"jpeg") == Frame(
        device="d1", observed_at=AT.replace(microsecond=123000), image=b"jpeg"
    )
    assert read(f"clip/{T}000", b"mp4") == Clip(device="d1", observed_at=AT, video=b"mp4")


@pytest.mark.parametrize("topic", ["frame/12", "frame/x", "frame/-1", "frame/", "clip/99999999999999999999"])
def test_a_frame_without_a_plausible_time_is_refused(topic: str) -> None:
    with pytest.raises(UnreadableMessage):
        read(topic, b"jpeg")


def test_a_finding_carries_box_track_and_evidence() -> None:
    message = read(
        "finding",
        {
            "id": "1718987129.308396-fqk5ka",
            "t": T,
            "label": "ebike",
            "confidence": 0.9,
            "box_xyxy": [1, 2, 3, 4],
            "track": [[T, 5, 6]],
            "evidence": [
                {"type": "image/jpeg", "base64": base64.b64encode(b"jpeg").decode()},
                {"type": "video/mp4", "url": "https://recorder.example/clip.mp4"},
            ],
        },
    )
    assert isinstance(message, DeviceFinding)
    finding = message.finding
    assert (finding.id, finding.box_xyxy) == ("1718987129.308396-fqk5ka", (1.0, 2.0, 3.0, 4.0))
    assert (finding.track[0].at, finding.track[0].x) == (AT, 5.0)
    assert [evidence.content for evidence in finding.evidence] == [b"jpeg", b""]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"confidence": 1.2}, "confidence"),
        ({"label": "E-Bike"}, "small letters"),
        ({"box_xyxy": [1, 2, 3]}, "box_xyxy"),
        ({"evidence": [{"type": "text/html", "base64": "aGk="}]}, "text/html"),
        ({"evidence": [{"type": "image/jpeg", "base64": "%%"}]}, "base64"),
        ({"evidence": [{"type": "image/jpeg", "url": "file:///etc/passwd"}]}, "http"),
        ({"evidence": [{"type": "image/jpeg"}]}, "either"),
        ({"detector": "a\x00b"}, "zero byte"),
    ],
)
def test_a_finding_that_cannot_be_read_says_why(change: dict[str, object], reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        read("finding", {"t": T, "label": "ebike", "confidence": 0.9} | change)


def test_a_status_is_online_offline_or_taken_back() -> None:
    assert [read("status", payload) for payload in (b"online", b"offline", b"")] == [
        Status(device="d1", online=online) for online in (True, False, None)
    ]
    with pytest.raises(UnreadableMessage, match="neither"):
        read("status", b"asleep")


def test_a_lift_says_what_it_knows() -> None:
    assert read("state", {"t": T, "door": "open", "moving": False}) == LiftState(
        device="d1", observed_at=AT, door="open", moving=False
    )
    with pytest.raises(UnreadableMessage, match="ajar"):
        read("state", {"t": T, "door": "ajar"})


def test_a_command_result_names_its_command() -> None:
    assert read("command/result", {"id": "c1", "ok": False, "detail": "busy"}) == CommandResult(
        device="d1", id="c1", ok=False, detail="busy"
    )


@pytest.mark.parametrize(
    "topic",
    ["gw/v1/d1", "gw/v2/d1/readings", "gw/v1/d1/command", "gw/v1/d1/readings/x", "gw/v1//readings", "x"],
)
def test_a_topic_of_no_contract_is_refused(topic: str) -> None:
    with pytest.raises(UnreadableMessage):
        decode(topic, b"{}", received_at=NOW)
