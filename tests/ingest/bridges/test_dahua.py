"""Dahua's events: as cameras write them, and all the way to a broker."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gridwatch.wire import decode
from ingest.bridges.dahua import Dahua, EventReader
from ingest.bridges.judgement import Judgement
from ingest.bridges.multipart import Part
from tests.ingest.bridges.bridging import cameras_bridge, findings, payloads, running, statuses
from tests.ingest.bridges.camera import PASSWORD, USER, Camera
from tests.servers import Mosquitto
from tests.simulators.listening import listening

# Field by field as a camera sent it.
CROSSING = {
    "Class": "Normal",
    "DetectLine": [[18, 4098], [8155, 5549]],
    "Direction": "RightToLeft",
    "EventSeq": 40,
    "FrameSequence": 549073,
    "GroupID": 40,
    "Mark": 0,
    "Name": "Rule1",
    "Object": {
        "Action": "Appear",
        "BoundingBox": [4816, 4552, 5248, 5272],
        "Center": [5032, 4912],
        "Confidence": 0,
        "FrameSequence": 0,
        "ObjectID": 542,
        "ObjectType": "NonMotor",
        "RelativeID": 0,
        "Source": 0.0,
        "Speed": 0,
        "SpeedTypeInternal": 0,
    },
    "PTS": 42986015370.0,
    "RuleId": 1,
    "Source": 51190936.0,
    "Track": None,
    "UTC": 1795420656,
    "UTCMS": 180,
}


def event(code: str, action: str, index: int = 0, data: object = None) -> bytes:
    """Write one event as cameras do, its data on many lines."""
    text = f"Code={code};action={action};index={index}"
    return (text if data is None else f"{text};data={json.dumps(data, indent=3)}\n").encode()


def part(content: bytes) -> bytes:
    """Write one part as cameras do."""
    return b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:%d\r\n\r\n%s\r\n\r\n" % (
        len(content),
        content,
    )


def read(content: bytes) -> list[Judgement]:
    """Return what a reader makes of one part."""
    return EventReader().read(Part(headers={}, body=content))


def test_an_event_says_what_was_seen_where_and_when() -> None:
    (crossing,) = read(event("CrossLineDetection", "Start", 2, CROSSING))
    assert (crossing.kind, crossing.channel, crossing.target) == ("CrossLineDetection", "3", "NonMotor")
    assert (crossing.active, crossing.momentary) == (True, False)
    assert crossing.at == datetime.fromtimestamp(1795420656.18, UTC)
    assert crossing.box == pytest.approx((4816 / 8192, 4552 / 8192, 5248 / 8192, 5272 / 8192))


@pytest.mark.parametrize(
    ("data", "target", "has_box"),
    [
        ({"Objects": [{"ObjectType": "Human", "BoundingBox": [1, 2, 3, 4]}, {}]}, "Human", True),
        ({"object": [{"HumanID": 7, "Rect": [8, 8, 80, 80]}], "RegionName": ["Region1"]}, "", True),
        ({"ObjectType": "Vehicle", "Object": None}, "Vehicle", False),
        ({"Object": "", "Objects": []}, "", False),
        ({"Object": [[1, 2]]}, "", False),
    ],
)
def test_what_was_seen_is_read_as_different_models_write_it(
    data: dict[str, object], target: str, has_box: bool
) -> None:
    (judgement,) = read(event("CrossRegionDetection", "Start", 0, data))
    assert (judgement.target, judgement.box is not None) == (target, has_box)


def test_starts_stops_and_pulses_are_told_apart() -> None:
    said = [read(event("VideoMotion", action))[0] for action in ("Start", "Stop", "Pulse")]
    assert [(one.active, one.momentary) for one in said] == [(True, False), (False, False), (True, True)]


def test_numbers_beyond_reason_cost_the_box_and_the_time_alone() -> None:
    beyond = 10**400
    data = {"UTC": beyond, "Object": {"BoundingBox": [beyond, 0, 1, 1]}}
    (judgement,) = read(event("FireWarning", "Start", 0, data))
    assert (judgement.kind, judgement.at, judgement.box) == ("FireWarning", None, None)
    (judgement,) = read(b"Code=FireWarning;action=Start;index=0;data=" + b"[" * 100_000)
    assert judgement.kind == "FireWarning"


def test_several_events_in_one_part_and_broken_data_are_read() -> None:
    both = (
        event("VideoMotion", "Start", 0, {"Id": [0], "Name": "a;b=c"})
        + b"\r\n"
        + event("VideoBlind", "Start")
    )
    assert [judgement.kind for judgement in read(both)] == ["VideoMotion", "VideoBlind"]
    (broken,) = read(b"Code=FireWarning;action=Start;index=0;data={not json")
    assert (broken.kind, broken.at, broken.box) == ("FireWarning", None, None)


@pytest.mark.parametrize("content", [b"Heartbeat", b"", b"Code=", b"\xff\xd8\xff", b"Error: No Events"])
def test_what_is_no_event_is_passed_over(content: bytes) -> None:
    assert read(content) == []


@pytest.mark.anyio
async def test_a_cameras_events_become_findings_with_its_picture(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA_PASSWORD", PASSWORD)
    chunks = [
        part(b"Heartbeat"),
        part(event("VideoMotion", "Start", 0, {"Id": [0], "RegionName": ["Region1"]})),
        part(event("CrossLineDetection", "Start", 0, CROSSING)),
        part(event("CrossLineDetection", "Stop", 0, CROSSING)),
        part(event("FireWarning", "Start", 1)),
    ]
    content_type = "multipart/x-mixed-replace; boundary=myboundary"
    async with Camera.running(Dahua.stream_path, content_type, chunks) as (camera, url):
        text = f"""
[[camera]]
url = "{url}"
username = "{USER}"
password_env = "CAMERA_PASSWORD"
devices = {{ "1" = "lift-1", "2" = "roof-1" }}
labels = {{ "CrossLineDetection:NonMotor" = "ebike" }}
"""
        work = cameras_bridge(tmp_path, mosquitto, Dahua(), text)
        async with listening(mosquitto) as heard, running(work):
            await heard.until(lambda: len(findings(heard, "roof-1")) == 1)
    assert statuses(heard, "lift-1")[0] == b"online"
    crossing, over = findings(heard, "lift-1")
    assert (crossing["label"], crossing["detector"]) == ("ebike", "vendor:dahua/CrossLineDetection")
    assert crossing["t"] == 1795420656.18
    assert base64.b64decode(crossing["evidence"][0]["base64"]) == camera.snapshot
    assert crossing["box_xyxy"] == pytest.approx([376.25, 200.0390625, 410.0, 231.6796875])
    assert (over["id"], over["t_end"]) == (crossing["id"], 1795420656.18)
    (fire,) = findings(heard, "roof-1")
    assert fire["label"] == "flame"
    assert camera.asked == [
        "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5",
        "/cgi-bin/snapshot.cgi?channel=1",
        "/cgi-bin/snapshot.cgi?channel=2",
    ]
    for device in ("lift-1", "roof-1"):
        for payload in payloads(heard, f"gw/v1/{device}/finding"):
            decode(f"gw/v1/{device}/finding", payload, received_at=datetime.now(UTC))
