"""What the topics of `gw/v1` carry becomes messages, or a reason."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import cbor2
import numpy as np
import pytest

from gridwatch.errors import UnreadableMessage
from gridwatch.model import (
    Clip,
    CommandResult,
    DeviceFinding,
    Evidence,
    Finding,
    Frame,
    LiftState,
    Observation,
    Observations,
    Origin,
    Status,
    TrackPoint,
)
from gridwatch.senml import CBOR_NAMES
from gridwatch.wire import decode, encode_finding, encode_observation

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


OW = "urn:dev:ow:10e2073a01080063"
"""The device of the examples in RFC 8428, section 5."""


@pytest.mark.parametrize(
    ("pack", "expected"),
    [
        pytest.param([{"n": OW, "u": "Cel", "v": 23.1}], [(0, {"temperature_c": 23.1})], id="5.1.1"),
        pytest.param(
            [
                {"bn": f"{OW}:", "n": "voltage", "u": "V", "v": 120.1},
                {"n": "current", "u": "A", "v": 1.2},
            ],
            [(0, {"voltage_v": 120.1, "current_a": 1.2})],
            id="5.1.2",
        ),
        pytest.param(
            [
                {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1276020076.001, "bu": "A", "bver": 5}
                | {"n": "voltage", "u": "V", "v": 120.1},
                {"n": "current", "t": -5, "v": 1.2},
                {"n": "current", "t": -4, "v": 1.3},
                {"n": "current", "v": 1.7},
            ],
            [
                (1276020071.001, {"current_a": 1.2}),
                (1276020072.001, {"current_a": 1.3}),
                (1276020076.001, {"voltage_v": 120.1, "current_a": 1.7}),
            ],
            id="5.1.3",
        ),
        pytest.param(
            [
                {"bn": OW, "bt": 1320067464, "bu": "%RH", "v": 20},
                {"u": "lon", "v": 24.30621},
                {"u": "lat", "v": 60.07965},
                {"t": 60, "v": 20.3},
                {"u": "%EL", "t": 150, "v": 98},
            ],
            [
                (1320067464, {"humidity_pct": 20, "lon": 24.30621, "lat": 60.07965}),
                (1320067524, {"humidity_pct": 20.3}),
                (1320067614, {"battery_pct": 98}),
            ],
            id="5.1.4",
        ),
        pytest.param(
            [{"bn": f"{OW}:"}, {"n": "temp", "u": "Cel", "v": 23.1}, {"n": "heat", "u": "/", "v": 1}],
            [(0, {"temp_c": 23.1, "heat": 1})],
            id="5.1.8",
        ),
        pytest.param(
            [{"bn": "x:", "bu": "Cel", "bv": 20, "n": "a"}, {"n": "b", "v": 1.5}, {"n": "open", "vb": False}],
            [(0, {"a_c": 20, "b_c": 21.5, "open": 0})],
            id="base value",
        ),
        pytest.param(
            [
                {"n": "air", "u": "K", "v": 293.15},
                {"n": "wind", "u": "km/h", "v": 36},
                {"n": "a-b.c", "v": 1},
            ],
            [(0, {"air_c": 20.0, "wind_ms": 10.0, "a_b_c": 1})],
            id="units and names",
        ),
    ],
)
def test_the_examples_of_rfc_8428_are_read(
    pack: list[dict[str, object]], expected: list[tuple[float, dict[str, float]]]
) -> None:
    labels = {name: number for number, name in CBOR_NAMES.items()}
    in_cbor = [{labels[name]: value for name, value in record.items()} for record in pack]
    for payload in (json.dumps(pack).encode(), cbor2.dumps(in_cbor)):
        read_ones = [(item.observed_at.timestamp(), item.values) for item in observations(payload)]
        times = [seconds or NOW.timestamp() for seconds, _ in expected]
        assert [seconds for seconds, _ in read_ones] == pytest.approx(times, abs=1e-6)
        for (_, values), (_, wanted) in zip(read_ones, expected, strict=True):
            assert values == pytest.approx(wanted)


def test_the_cbor_of_rfc_8428_section_6_is_read_byte_for_byte() -> None:
    dump = """
        87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b00106223614120050067
        766f6c746167650161 5602fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272
        656e74062302fb3ff4cccccccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e740621
        02f93e00a3006763757272656e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333"""
    read_ones = observations(bytes.fromhex(dump))
    assert [item.values for item in read_ones[:-1]] == [{"current_a": a} for a in (1.2, 1.3, 1.4, 1.5, 1.6)]
    assert read_ones[-1].values == {"voltage_v": 120.1, "current_a": 1.7}
    assert read_ones[-1].observed_at.timestamp() == pytest.approx(1276020076.001, abs=1e-6)


def test_decimal_fractions_of_cbor_are_numbers() -> None:
    (item,) = observations(cbor2.dumps([{0: "co_ppm", 2: Decimal("27.5")}]))
    assert item.values == {"co_ppm": 27.5}


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        ([{"n": "x", "s": 5}], "sums"),
        ([{"bn": "x", "bs": 5, "v": 1}], "sums"),
        ([{"n": "label", "vs": "Machine Room"}], "text"),
        ([{"n": "nfv-reader", "vd": "aGkgCg"}], "data"),
        ([{"n": "x", "v": 1, "vb": True}], "one value"),
        (
            [{"bn": "2001:db8::2/", "n": "co_ppm", "v": 1}, {"bn": "2001:db8::1/", "n": "co_ppm", "v": 2}],
            "two",
        ),
        ([{"n": OW, "v": 1}], "small letters"),
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
        (b'[{"n":' + b"[" * 100_000, "recursion"),
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


def test_an_encoded_finding_decodes_to_the_same() -> None:
    finding = Finding(
        id="throwing/1 2025-10-09T08:53:20+00:00",
        label="falling_object",
        confidence=0.93,
        observed_at=AT,
        started_at=AT - timedelta(seconds=0.04),
        ended_at=AT + timedelta(seconds=1.2),
        box_xyxy=(1.0, 2.0, 3.5, 400.0),
        track=(TrackPoint(at=AT, x=2.0, y=3.0), TrackPoint(at=AT + timedelta(seconds=1), x=2.5, y=399.0)),
        where=(Origin(p=0.62, floor=12, window=3), Origin(p=0.3, floor=11), Origin(p=0.08, place="roof")),
        criteria={"fall_m": 7.5},
        detector="throwing/1",
        evidence=(
            Evidence(media_type="image/jpeg", content=b"jpeg", masked=True),
            Evidence(media_type="video/mp4", url="https://recorder.example/clip.mp4"),
        ),
    )
    message = decode("gw/v1/d1/finding", encode_finding(finding), received_at=NOW)
    assert message == DeviceFinding(device="d1", finding=finding)


def test_a_finding_may_be_counted_in_numpy() -> None:
    box = tuple(np.array([1.5, 2, 3, 4]))
    finding = Finding(label="flame", confidence=np.float64(0.5), observed_at=AT, box_xyxy=box)
    message = decode("gw/v1/d1/finding", encode_finding(finding), received_at=NOW)
    assert isinstance(message, DeviceFinding)
    assert (message.finding.confidence, message.finding.box_xyxy) == (0.5, (1.5, 2.0, 3.0, 4.0))


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
        ({"where": [{"p": 0.7, "floor": 1}, {"p": 0.7, "floor": 2}]}, "sum to at most 1"),
        ({"where": [{"p": 1}]}, "a window has a floor"),
        ({"where": [{"p": 1, "floor": 2, "place": "roof"}]}, "roof and elsewhere have none"),
        ({"criteria": {"fall m": 1}}, "small letters"),
        ({"criteria": {f"c{n}": 1 for n in range(65)}}, "at most 64"),
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


@pytest.mark.parametrize("seconds", [7.7e18, -7.7e18, 1e300, 2.0**62])
def test_a_time_that_no_c_library_knows_is_refused(seconds: float) -> None:
    pack = cbor2.dumps([{-2: "d1:", -3: seconds, 0: "temperature", 1: "Cel", 2: 22.5}])
    with pytest.raises(UnreadableMessage):
        decode("gw/v1/d1/readings", pack, received_at=NOW)
