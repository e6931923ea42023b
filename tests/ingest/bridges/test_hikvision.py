"""Hikvision's events: as cameras write them, and all the way to a broker."""

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gridwatch.errors import SettingsError, UnreadableMessage
from gridwatch.model import DeviceFinding
from gridwatch.settings import read_settings
from gridwatch.wire import decode
from ingest.bridges import cameras
from ingest.bridges.hikvision import AlertReader, Hikvision
from ingest.bridges.multipart import Part
from ingest.bridges.running import bridge_cameras
from tests.ingest.bridges.bridging import cameras_bridge, findings, payloads, running, statuses
from tests.ingest.bridges.camera import PASSWORD, USER, Camera, picture
from tests.servers import Mosquitto, accepts, free_port, wait_until
from tests.simulators.listening import listening

HEARTBEAT = """<EventNotificationAlert version="1.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>192.168.1.64</ipAddress>
<portNo>80</portNo>
<protocol>HTTP</protocol>
<macAddress>c0:56:e3:aa:bb:cc</macAddress>
<channelID>1</channelID>
<dateTime>2026-11-23T16:05:00+08:00</dateTime>
<activePostCount>0</activePostCount>
<eventType>videoloss</eventType>
<eventState>inactive</eventState>
<eventDescription>videoloss alarm</eventDescription>
</EventNotificationAlert>"""

# A thermal camera's, field by field as it was seen on the wire.
FIRE = """<EventNotificationAlert>\r
<ipAddress>10.1.99.8</ipAddress>\r
<portNo>8000</portNo>\r
<protocol>HTTP</protocol>\r
<macAddress>a4:4c:62:22:d7:3c</macAddress>\r
<dynChannelID>2</dynChannelID>\r
<channelID>2</channelID>\r
<dateTime>2026-11-23T16:07:58+08:00</dateTime>\r
<activePostCount>1</activePostCount>\r
<eventType>fireDetection</eventType>\r
<eventState>active</eventState>\r
<eventDescription>fireDetection alarm</eventDescription>\r
<DetectionRegionList>\r
<DetectionRegionEntry>\r
<regionID>1</regionID>\r
<RegionCoordinatesList>\r
<RegionCoordinates>\r
<positionX>683</positionX>\r
<positionY>10</positionY>\r
</RegionCoordinates>\r
</RegionCoordinatesList>\r
<FireDetection>\r
<FireRegion>\r
<x>683</x>\r
<y>10</y>\r
<width>31</width>\r
<height>36</height>\r
</FireRegion>\r
<HighestPoint>\r
<x>703</x>\r
<y>15</y>\r
</HighestPoint>\r
<temperatureUnit>celsius</temperatureUnit>\r
<fireMaxTemperature>68</fireMaxTemperature>\r
<targetDistance>-1</targetDistance>\r
</FireDetection>\r
</DetectionRegionEntry>\r
</DetectionRegionList>\r
<channelName>#4汽机西南角枪机</channelName>\r
<detectionPicturesNumber>2</detectionPicturesNumber>\r
</EventNotificationAlert>"""

FIELD = """<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">
<ipAddress>1.0.0.255</ipAddress>
<channelID>1</channelID>
<dateTime>2026-11-23T16:05:05+08:00</dateTime>
<activePostCount>1</activePostCount>
<eventType>fielddetection</eventType>
<eventState>active</eventState>
<eventDescription>fielddetection alarm</eventDescription>
<DetectionRegionList><DetectionRegionEntry><regionID>3</regionID><sensitivityLevel>50</sensitivityLevel>
<detectionTarget>vehicle</detectionTarget>
<TargetRect><X>0.6</X><Y>0.215278</Y><width>0.135937</width><height>0.505556</height></TargetRect>
</DetectionRegionEntry></DetectionRegionList>
<channelName>lift 1</channelName>
<isDataRetransmission>false</isDataRetransmission>
</EventNotificationAlert>"""

SMOKE_JSON = {
    "ipAddress": "172.6.64.7",
    "portNo": 80,
    "protocol": "HTTP",
    "macAddress": "01:17:24:45:D9:F4",
    "channelID": 1,
    "dateTime": "2026-11-23T16:06:00+08:00",
    "activePostCount": 1,
    "eventType": "smokeDetection",
    "eventState": "active",
    "eventDescription": "smoke detection alarm",
    "TargetRect": {"x": 0.25, "y": 0.5, "width": 0.25, "height": 0.5},
}


def part(content: bytes, kind: str = 'application/xml; charset="UTF-8"', boundary: str = "boundary") -> bytes:
    """Write one part as cameras do."""
    head = f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def state(event: str, word: str) -> str:
    """Say another state of the same event."""
    return event.replace("<eventState>active<", f"<eventState>{word}<")


def read(*contents: bytes) -> list[Any]:
    """Return what a reader makes of parts."""
    reader = AlertReader()
    return [judgement for content in contents for judgement in reader.read(Part(headers={}, body=content))]


def test_an_event_waits_for_the_pictures_it_announces() -> None:
    first, second = picture(), picture(320, 240)
    (judgement,) = read(HEARTBEAT.encode(), FIRE.encode(), first, second, HEARTBEAT.encode())
    assert (judgement.kind, judgement.channel, judgement.active) == ("fireDetection", "2", True)
    assert judgement.at == datetime(2026, 11, 23, 8, 7, 58, tzinfo=UTC)
    assert judgement.pictures == (first, second)
    assert judgement.box == pytest.approx((0.683, 0.010, 0.714, 0.046))


def test_pictures_that_never_come_do_not_hold_an_event_up_beyond_the_next_heartbeat() -> None:
    (judgement,) = read(FIRE.encode(), HEARTBEAT.encode())
    assert judgement.kind == "fireDetection"
    assert judgement.pictures == ()


def test_what_was_seen_and_where_is_read_whatever_the_namespace() -> None:
    for namespace in ("http://www.isapi.org/ver20/XMLSchema", "http://www.hikvision.com/ver10/XMLSchema"):
        event = FIELD.replace("http://www.hikvision.com/ver20/XMLSchema", namespace)
        (judgement,) = read(event.encode())
        assert judgement.target == "vehicle"
        assert judgement.box == pytest.approx((0.6, 0.215278, 0.735937, 0.720834))


@pytest.mark.parametrize(
    ("said", "channel"),
    [
        ("<dynChannelID>5</dynChannelID>", "5"),
        ("<channelID></channelID><dynChannelID>5</dynChannelID>", "5"),
        ("<channelID>3</channelID><dynChannelID>5</dynChannelID>", "3"),
        ("<channelName>Gate</channelName>", "1"),
    ],
)
def test_a_channel_is_read_as_cameras_and_recorders_name_it(said: str, channel: str) -> None:
    body = f"<EventNotificationAlert>{said}<eventType>VMD</eventType></EventNotificationAlert>"
    assert [judgement.channel for judgement in read(body.encode())] == [channel]


def test_events_in_json_and_lasting_ones_are_read() -> None:
    (smoke,) = read(json.dumps(SMOKE_JSON).encode())
    assert (smoke.kind, smoke.channel, smoke.box) == ("smokeDetection", "1", (0.25, 0.5, 0.5, 1.0))
    lasting = FIELD.replace("<eventType>fielddetection<", "<eventType>duration<").replace(
        "</EventNotificationAlert>",
        "<DurationList><Duration><relationEvent>fielddetection</relationEvent></Duration></DurationList>"
        "</EventNotificationAlert>",
    )
    (judgement,) = read(lasting.encode())
    assert judgement.kind == "fielddetection"


@pytest.mark.parametrize("declared", ["UTF-8", "GB2312"])
def test_a_channels_name_in_another_encoding_loses_no_event(declared: str) -> None:
    event = FIELD.replace("UTF-8", declared).replace("lift 1", "一号电梯").encode("gb18030")
    (judgement,) = read(event)
    assert (judgement.kind, judgement.target) == ("fielddetection", "vehicle")
    smoke = json.dumps(SMOKE_JSON | {"channelName": "一号电梯"}, ensure_ascii=False)
    assert [judgement.kind for judgement in read(smoke.encode("gb18030"))] == ["smokeDetection"]


def test_a_camera_that_does_not_say_its_offset_is_dated_by_the_arrival() -> None:
    (judgement,) = read(FIELD.replace("+08:00<", "<").encode())
    assert judgement.at is None


@pytest.mark.parametrize(
    "body",
    [
        b"<EventNotificationAlert><eventType>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><EventNotificationAlert>&b;</EventNotificationAlert>',
        b"<EventNotificationAlert><eventState>active</eventState></EventNotificationAlert>",
        b'{"eventType": ',
        b"{}",
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        read(body)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the secrets where a bridge finds them."""
    monkeypatch.setenv("CAMERA_PASSWORD", PASSWORD)
    monkeypatch.setenv("PUSH_KEY", "a-key-that-nobody-guesses")
    monkeypatch.setenv("SHORT", "short")


RECORDER = """
[[camera]]
url = "{url}"
username = "{user}"
password_env = "CAMERA_PASSWORD"
devices = {{ "1" = "lift-1", "2" = "roof-1" }}
labels = {{ "fielddetection:vehicle" = "ebike" }}
"""


@pytest.mark.anyio
async def test_a_recorders_events_become_findings_of_its_channels(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broken = b"<EventNotificationAlert>"
    chunks = [
        part(HEARTBEAT.encode()),
        part(FIELD.encode()),
        part(FIELD.encode()),
        part(state(FIELD, "inactive").encode()),
        part(FIRE.encode()) + part(picture(1000, 500), "image/jpeg") + part(picture(), "image/jpeg"),
        part(FIELD.replace("fielddetection", "linedetection").encode()),
        part(broken),
    ]
    content_type = "multipart/mixed; boundary=boundary"
    async with Camera.running(Hikvision.stream_path, content_type, chunks) as (camera, url):
        text = RECORDER.format(url=url, user=USER)
        work = cameras_bridge(tmp_path, mosquitto, Hikvision(), text)
        async with listening(mosquitto) as heard, running(work):
            await heard.until(lambda: len(payloads(heard, "gw/v1/lift-1/finding")) == 3)
        async with listening(mosquitto) as after:
            await after.until(lambda: statuses(after, "lift-1") == [b"offline"])
    assert statuses(heard, "lift-1")[0] == b"online"
    begins, ends, unread = payloads(heard, "gw/v1/lift-1/finding")
    first, last = json.loads(begins), json.loads(ends)
    assert first["label"] == last["label"] == "ebike"
    assert first["id"] == last["id"]
    assert first["detector"] == "vendor:hikvision/fielddetection"
    assert base64.b64decode(first["evidence"][0]["base64"]) == camera.snapshot
    assert first["box_xyxy"] == pytest.approx([384.0, 77.50008, 470.99968, 259.50024])
    assert "evidence" not in last
    assert last["t_end"] == first["t"]
    (fire,) = findings(heard, "roof-1")
    assert (fire["label"], len(fire["evidence"])) == ("flame", 2)
    assert fire["box_xyxy"] == pytest.approx([683.0, 5.0, 714.0, 23.0])
    for payload in (begins, ends):
        message = decode("gw/v1/lift-1/finding", payload, received_at=datetime.now(UTC))
        assert isinstance(message, DeviceFinding)
    assert camera.asked == [Hikvision.stream_path, "/ISAPI/Streaming/channels/101/picture"]
    assert unread == broken  # The collector puts it into quarantine.
    assert "'linedetection' is not passed on: no label" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.anyio
async def test_a_stream_that_breaks_is_opened_again(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras, "BACK_OFF_S", (0.01,))
    async with Camera.running(
        Hikvision.stream_path, "multipart/mixed; boundary=boundary", [part(FIRE.encode())], ends=True
    ) as (camera, url):
        text = RECORDER.format(url=url, user=USER)
        async with (
            listening(mosquitto) as heard,
            running(cameras_bridge(tmp_path, mosquitto, Hikvision(), text)),
        ):
            await heard.until(lambda: len(statuses(heard, "lift-1")) >= 4)
    assert statuses(heard, "lift-1")[:4] == [b"online", b"offline", b"online", b"offline"]
    fire = findings(heard, "roof-1")[0]
    assert (fire["label"], "evidence" in fire) == ("flame", False)  # Its pictures never came.
    assert camera.asked.count(Hikvision.stream_path) >= 2


@pytest.mark.anyio
async def test_a_wrong_password_is_not_tried_often_enough_to_lock_the_account(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cameras, "BACK_OFF_S", (0.01,))
    async with Camera.running(Hikvision.stream_path, "multipart/mixed; boundary=boundary", []) as (
        camera,
        url,
    ):
        text = RECORDER.format(url=url, user="somebody")
        async with running(cameras_bridge(tmp_path, mosquitto, Hikvision(), text)):
            await asyncio.to_thread(wait_until, lambda: "refuses the user name or password" in caplog.text)
            assert camera.refused == 2
            assert camera.asked == []


@pytest.mark.anyio
async def test_a_camera_pushes_events_with_its_key_alone(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    text = f"""
listen = "127.0.0.1:{port}"
[[camera]]
device = "stair-1"
push_key_env = "PUSH_KEY"
"""
    shown = picture()
    body = part(FIRE.replace(">2</detectionP", ">1</detectionP").encode()) + part(shown, "image/jpeg")
    kind = "multipart/form-data; boundary=boundary"
    async with listening(mosquitto) as heard, running(cameras_bridge(tmp_path, mosquitto, Hikvision(), text)):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            answers = []
            await asyncio.to_thread(wait_until, lambda: accepts(port))
            answers.append((await client.post("/a-wrong-key-of-a-stranger", content=b"")).status_code)
            for content, name in (
                (body + b"--boundary--\r\n", kind),
                (json.dumps(SMOKE_JSON).encode(), "application/json"),
                (b"", "multipart/form-data"),
            ):
                answer = await client.post(
                    "/a-key-that-nobody-guesses", content=content, headers={"Content-Type": name}
                )
                answers.append(answer.status_code)
        await heard.until(lambda: len(findings(heard, "stair-1")) == 2)
    assert answers == [404, 200, 200, 400]
    fire, smoke = findings(heard, "stair-1")
    assert (fire["label"], smoke["label"]) == ("flame", "smoke")
    assert base64.b64decode(fire["evidence"][0]["base64"]) == shown
    ours = [
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    ]
    assert not [line for line in ours if "a-key-that-nobody-guesses" in line]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "camera"),
        ("camera = []", "no \\[\\[camera\\]\\]"),
        ('[[camera]]\ndevice = "a"\n', "give `url`"),
        ('[[camera]]\ndevice = "a"\npassword = "b"\n', "password"),
        ('[[camera]]\ndevice = "a"\nurl = "http://x"\nusername = "u"\n', "password_env"),
        (
            '[[camera]]\ndevice = "a"\nurl = "http://x"\nusername = "u"\npassword_env = "NOT_SET"\n',
            "NOT_SET is not set",
        ),
        ('[[camera]]\ndevice = "a"\nurl = "http://u:p@x"\n', "without a password"),
        ('[[camera]]\ndevice = "a/b"\npush_key_env = "PUSH_KEY"\n', "device id"),
        ('[[camera]]\ndevice = "a"\npush_key_env = "PUSH_KEY"\n', "listen"),
        ('[[camera]]\ndevice = "a"\npush_key_env = "SHORT"\n', "at least 16"),
        ('[labels]\nVMD = "Motion!"\n[[camera]]\ndevice = "a"\npush_key_env = "PUSH_KEY"\n', "VMD"),
        ('[[camera]]\ndevice = "a"\ndevices = { "1" = "b" }\npush_key_env = "PUSH_KEY"\n', "recorder"),
        (
            'listen = "127.0.0.1:1"\n[[camera]]\ndevice = "a"\npush_key_env = "PUSH_KEY"\n'
            '[[camera]]\ndevice = "a"\npush_key_env = "PUSH_KEY"\n',
            "more than one camera",
        ),
    ],
)
@pytest.mark.anyio
async def test_a_wrong_file_is_refused_at_the_start(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=why):
        await bridge_cameras(read_settings(data_dir=tmp_path), Hikvision(), path)
