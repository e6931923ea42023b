"""What carriers' platforms push becomes readings, findings and statuses by a table."""

import asyncio
import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gridwatch.errors import SettingsError, UnreadableMessage
from gridwatch.model import DeviceFinding, Observations
from gridwatch.wire import decode
from ingest.bridges.platforms import PlatformFile, bridge_http, read_platform
from ingest.bridges.publisher import Outgoing
from ingest.bridges.push import Unmatched, read_push
from tests.ingest.bridges.bridging import payloads, running, settings_of
from tests.ingest.bridges.camera import picture
from tests.servers import Mosquitto, accepts, free_port, wait_until
from tests.simulators.listening import listening

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "connect" / "http.md").read_text(encoding="utf-8")
(CTWING,) = re.findall(r"^cat > ctwing.toml <<'END'\n(.*?)^END$", PAGE, re.MULTILINE | re.DOTALL)
(ONENET,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

# As platforms pushed them, field by field; the device's numbers are others.
SMOKE = {
    "upPacketSN": -1,
    "upDataSN": -1,
    "topic": "v1/up/ad19prof",
    "timestamp": 1_795_420_820_277,
    "tenantId": "10461180",
    "serviceId": "",
    "protocol": "lwm2m",
    "productId": "15014772",
    "payload": {
        "serviceId": "notification",
        "serviceData": {
            "TData": 30,
            "SNR": 1,
            "RSRP": 114,
            "IMEI": "860374051096202",
            "Cell_ID_Length": 8,
            "Cell_ID": "38848339",
            "CSQ": 5,
            "Battery_Level": 100,
            "Alarm_Status": 2,
            "AlarmLevel": 100,
        },
    },
    "messageType": "dataReport",
    "deviceType": "",
    "deviceId": "acf7baaee65e431eadfb8f5fe50e8b81",
    "assocAssetId": "",
    "IMSI": "undefined",
    "IMEI": "860374051096202",
}
GONE = {
    "timestamp": 1_795_420_833_258,
    "tenantId": "10461180",
    "protocol": "lwm2m",
    "productId": "10053421",
    "messageType": "deviceOnlineOfflineReport",
    "iccid": "undefined",
    "eventType": 0,
    "deviceId": "44d0b9e48d404094bbbcf889e4e64ece",
    "IMEI": "860374051096202",
}
DONE = {
    "messageType": "commandResponse",
    "taskId": 1,
    "result": {"resultCode": "DELIVERED", "resultDetail": ""},
}
POINT: dict[str, Any] = {
    "msg": {"at": 1_795_420_800_000, "type": 1, "ds_id": "temperature", "value": "24.5", "dev_id": 2016617},
    "msg_signature": "message signature",
    "nonce": "abcdefgh",
}


def file(text: str, folder: Path) -> PlatformFile:
    """Read a file of settings."""
    path = folder / "platform.toml"
    path.write_text(text)
    return read_platform(path)


def read(text: str, folder: Path, body: object) -> list[Outgoing]:
    """Return what a pushed body becomes."""
    return read_push(json.dumps(body).encode(), file(text, folder).message, "http/test")


def understood(message: Outgoing) -> Any:
    """Return what the collector makes of a message."""
    return decode(message.topic, message.payload, received_at=datetime.now(UTC))


def test_a_report_of_ctwing_becomes_a_reading_of_the_imei(tmp_path: Path) -> None:
    (message,) = read(CTWING, tmp_path, SMOKE)
    observations = understood(message)
    assert isinstance(observations, Observations)
    assert observations.device == "nb-860374051096202"
    assert observations.items[0].observed_at.timestamp() == 1_795_420_820.277
    assert observations.items[0].values == {"temperature_c": 30, "battery_pct": 100, "smoke_alarm": 1}


def test_a_device_that_is_gone_is_offline(tmp_path: Path) -> None:
    assert read(CTWING, tmp_path, GONE) == [
        Outgoing(topic="gw/v1/nb-860374051096202/status", payload=b"offline", retain=True)
    ]


def test_points_of_onenet_are_read_alone_and_in_lists(tmp_path: Path) -> None:
    (message,) = read(ONENET, tmp_path, POINT)
    assert message.topic == "gw/v1/onenet-2016617/readings"
    assert understood(message).items[0].values == {"temperature_c": 24.5}
    points = [POINT["msg"] | {"ds_id": "humidity", "value": value} for value in (40, 41)]
    found = read(ONENET, tmp_path, POINT | {"msg": points})
    assert [understood(one).items[0].values for one in found] == [{"humidity_pct": 40}, {"humidity_pct": 41}]


def test_an_alarm_becomes_a_finding_with_its_picture(tmp_path: Path) -> None:
    shown = base64.b64encode(picture()).decode()
    for value in (shown, f"data:image/jpeg;base64,{shown}"):
        (message,) = read(ONENET, tmp_path, {"msg": POINT["msg"] | {"ds_id": "smoke_camera", "value": value}})
        finding = understood(message)
        assert isinstance(finding, DeviceFinding)
        assert (finding.finding.label, finding.finding.detector) == ("smoke", "vendor:http/test")
        assert finding.finding.evidence[0].content == picture()
    link = {"msg": POINT["msg"] | {"ds_id": "smoke_camera", "value": "https://example.org/1.jpg"}}
    (message,) = read(ONENET, tmp_path, link)
    assert understood(message).finding.evidence[0].url == "https://example.org/1.jpg"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"IMEI": None}, "IMEI: no device"),
        ({"IMEI": "../.."}, "device id"),
        ({"timestamp": "yesterday"}, "timestamp: no time"),
        ({"timestamp": None}, "timestamp: no time"),
        ({"timestamp": 10**400}, "timestamp: no time"),
        ({"payload": {"serviceData": {"TData": 10**400}}}, "TData: "),
        ({"payload": {}}, "none of them is there"),
        ({"payload": {"serviceData": {"Alarm_Status": "FIRE"}}}, "Alarm_Status: 'FIRE' means nothing"),
        ({"payload": [1]}, "none of them is there"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(CTWING, tmp_path, SMOKE | change)


def test_a_body_that_no_rule_is_for_is_told_apart(tmp_path: Path) -> None:
    bodies: list[Any] = [DONE, 17, [], {"messageType": "eventReport"}]
    for body in bodies:
        with pytest.raises(Unmatched):
            read(CTWING, tmp_path, body)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CTWING.replace('device = "IMEI"', 'device = "a..b"', 1), "message.0.device"),
        (CTWING.replace('= "temperature_c"', '= { unit = "°F" }', 1), "quantity: Field required"),
        (ONENET.replace('label = "smoke"', 'label = "Smoke!"', 1), "small letters"),
    ],
)
def test_a_wrong_rule_is_refused_at_the_start(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        file(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('listen = "127.0.0.1:1"\nmessage = []\n', "key_env"),
        ('listen = "127.0.0.1"\nkey_env = "PUSH_KEY"\nmessage = []\n', "host:port"),
        ('listen = "127.0.0.1:1"\nkey = "in-the-file-itself"\nmessage = []\n', "key"),
        ('listen = "127.0.0.1:1"\nkey_env = "SHORT"\nmessage = []\n', "at least 16"),
        (
            'listen = "127.0.0.1:1"\nkey_env = "PUSH_KEY"\n[[message]]\ndevice = "a"\n',
            "what the message means",
        ),
    ],
)
@pytest.mark.anyio
async def test_a_bridge_does_not_start_with_a_wrong_file(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setenv("PUSH_KEY", "a-key-that-nobody-guesses")
    monkeypatch.setenv("SHORT", "short")
    path = tmp_path / "ctwing.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=why):
        await bridge_http(settings_of(tmp_path, mosquitto), path)


@pytest.mark.anyio
async def test_a_push_is_answered_while_the_broker_is_away_and_published_later(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CTWING_KEY", "a-key-that-nobody-guesses")
    port = free_port()
    path = tmp_path / "ctwing.toml"
    text = CTWING.replace("127.0.0.1:8086", f"127.0.0.1:{port}")
    path.write_text(text.replace('key_file = "ctwing.key"', 'key_env = "CTWING_KEY"'))
    mosquitto.stop()
    async with running(bridge_http(settings_of(tmp_path, mosquitto), path)):
        await asyncio.to_thread(wait_until, lambda: accepts(port))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            answers = [
                (await client.post(f"/{key}", content=content)).status_code
                for key, content in (
                    ("a-key-that-a-stranger-has", json.dumps(SMOKE)),
                    ("a-key-that-nobody-guesses", json.dumps(SMOKE)),
                    ("a-key-that-nobody-guesses", json.dumps(DONE)),
                    ("a-key-that-nobody-guesses", json.dumps(SMOKE | {"IMEI": None})),
                    ("a-key-that-nobody-guesses", "no JSON"),
                )
            ]
            question = await client.get("/a-key-that-nobody-guesses?msg=abc&nonce=d&signature=e")
            strange = await client.get("/a-key-that-a-stranger-has?msg=abc")
        mosquitto.start()
        async with listening(mosquitto) as heard:
            await heard.until(lambda: len(payloads(heard, "gw/v1/http-ctwing/readings")) == 2)
    assert answers == [404, 200, 200, 200, 200]
    assert (question.status_code, question.text, strange.status_code) == (200, "abc", 404)
    assert len(payloads(heard, "gw/v1/nb-860374051096202/readings")) == 1
    for payload in payloads(heard, "gw/v1/http-ctwing/readings"):
        with pytest.raises(UnreadableMessage):
            decode("gw/v1/http-ctwing/readings", payload, received_at=datetime.now(UTC))
    assert "a message goes to quarantine: IMEI" in caplog.text
    assert "860374051096202" not in caplog.text
