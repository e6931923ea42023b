"""Services are asked as they document it, and what they answer is understood."""

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from api.channels.reports import read_reports
from api.channels.senders import Senders, new_client
from api.channels.sending import BadCredential, Button, Message, NotSent, Refused, TooFast
from api.channels.signing import aliyun_request, tencent_text_to_sign
from gridwatch.errors import SettingsError
from gridwatch.services import Others, Service, kind_of, read_service
from tests.channels.services import SECRET, Asked, Cloud, mail_server

# Apprise asks for a module that Python will drop; it does without.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MESSAGE = Message(
    number="call-1-0",
    title="【紧急】明火 · 幸福里 3栋",
    body="地点：幸福里 3栋\n请立即前往",
    link="https://watch.example/a/xyz",
    short={
        "what": "明火",
        "place": "幸福里3栋",
        "time": "23:05",
        "number": "1",
        "link": "https://w.example/a",
    },
    buttons=(Button(text="确认", action="acknowledge"),),
)

PHONE = "13900000000"


def send(*sendings: tuple[Service, str, Message]) -> list[str]:
    """Send one after the other with the same senders; return the receipts."""

    async def scene() -> list[str]:
        async with new_client() as client:
            senders = Senders(client)
            return [await senders.send(*one) for one in sendings]

    return asyncio.run(scene())


def failures(*sendings: tuple[Service, str, Message]) -> list[NotSent | None]:
    """Send one after the other with the same senders; return what each raised."""

    async def failure(senders: Senders, *one: Any) -> NotSent | None:
        try:
            await senders.send(*one)
        except NotSent as error:
            return error
        return None

    async def scene() -> list[NotSent | None]:
        async with new_client() as client:
            senders = Senders(client)
            return [await failure(senders, *one) for one in sendings]

    return asyncio.run(scene())


def all_services(cloud: Cloud) -> list[tuple[Service, str]]:
    """Return every service with an address that it takes."""
    return [
        (cloud.wecom, "ZhangSan"),
        (cloud.wecom_robot, ""),
        (cloud.dingtalk, ""),
        (cloud.feishu, ""),
        (cloud.aliyun_sms, PHONE),
        (cloud.aliyun_voice, PHONE),
        (cloud.tencent_sms, PHONE),
        (cloud.tencent_voice, PHONE),
    ]


def test_every_service_takes_a_message_whose_signature_it_checks(cloud: Cloud) -> None:
    receipts = send(*((service, address, MESSAGE) for service, address in all_services(cloud)))
    told = {
        name: (address, json.dumps(content, ensure_ascii=False)) for name, address, content in cloud.delivered
    }
    assert list(told) == [kind_of(service) for service, _ in all_services(cloud)]
    assert [bool(receipt) for receipt in receipts] == [True, False, False, False, True, True, True, True]
    assert all("明火" in content for _, content in told.values())
    assert told["tencent_sms"][0] == "+8613900000000"
    assert "确认" in told["wecom"][1]


def test_a_wrong_secret_is_the_administrators_business_and_stands_in_no_text(cloud: Cloud) -> None:
    sendings = []
    for service, address in all_services(cloud):
        wrong: dict[str, Any] = {
            name: SECRET[::-1] for name in service.__struct_fields__ if getattr(service, name) == SECRET
        }
        sendings.append((msgspec.structs.replace(service, **wrong), address, MESSAGE))
    raised = failures(*sendings)
    assert all(isinstance(error, BadCredential) for error in raised), raised
    assert SECRET[::-1] not in str(raised)
    assert cloud.delivered == []


def test_wecom_shows_a_message_once_however_often_it_is_sent(cloud: Cloud) -> None:
    send(*[(cloud.wecom, "ZhangSan", MESSAGE)] * 3)
    assert len(cloud.to("wecom")) == 1
    assert cloud.asked.count("/cgi-bin/gettoken") == 1


def test_an_access_token_that_ended_early_is_got_anew(cloud: Cloud) -> None:
    async def scene() -> None:
        async with new_client() as client:
            senders = Senders(client)
            await senders.send(cloud.wecom, "ZhangSan", MESSAGE)
            cloud.expire_tokens()
            await senders.send(cloud.wecom, "LiSi", replace(MESSAGE, number="call-2-0"))

    asyncio.run(scene())
    assert [user for user, _ in cloud.to("wecom")] == ["ZhangSan", "LiSi"]


def test_who_the_application_cannot_reach_is_refused_for_good(cloud: Cloud) -> None:
    with pytest.raises(Refused):
        send((cloud.wecom, "Nobody", MESSAGE))
    with pytest.raises(Refused):
        send((cloud.aliyun_sms, "not a number", MESSAGE))


def test_limits_are_understood_from_bodies_under_status_200(cloud: Cloud) -> None:
    for service, address, most in (
        (cloud.wecom_robot, "", 20),
        (cloud.dingtalk, "", 20),
        (cloud.feishu, "", 100),
        (cloud.aliyun_sms, PHONE, 5),
        (cloud.tencent_sms, PHONE, 10),
    ):
        with pytest.raises(TooFast) as raised:
            send(*[(service, address, MESSAGE)] * (most + 1))
        assert raised.value.after_s >= 60
        assert len(cloud.to(kind_of(service))) == most


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>welcome to the hotel</html>"),
        (500, b""),
        (200, b"[]"),
        (200, b'{"errcode": -1}'),
        (200, b'{"Response": 7}'),
        (302, b"{}"),
    ],
)
def test_nonsense_is_no_yes(cloud: Cloud, answer: tuple[int, bytes]) -> None:
    def nonsense(asked: Asked) -> tuple[int, bytes] | None:
        return None if asked.path == "/cgi-bin/gettoken" else answer

    cloud.broken = nonsense
    assert None not in failures(*((service, address, MESSAGE) for service, address in all_services(cloud)))


def test_a_service_that_nobody_answers_for_is_named_without_its_address(cloud: Cloud) -> None:
    away = msgspec.structs.replace(cloud.wecom_robot, base="http://127.0.0.1:1")
    with pytest.raises(NotSent, match="can't be reached") as raised:
        send((away, "", MESSAGE))
    assert SECRET not in str(raised.value)


def test_mail_goes_to_each_persons_own_address() -> None:
    with mail_server() as (port, taken):
        service = Others(url=f"mailto://127.0.0.1:{port}?from=gridwatch@watch.example&to={{address}}")
        send((service, "li@example.org", MESSAGE))
        with pytest.raises(NotSent):
            send((service, "nobody@example.org", MESSAGE))
    ((recipient, mail),) = taken
    assert recipient == "li@example.org"
    assert "From:" in mail


def test_who_signs_in_is_known_by_wecoms_word(cloud: Cloud) -> None:
    async def users(*codes: str) -> list[str | None]:
        async with new_client() as client:
            application = Senders(client).application(cloud.wecom)
            return [await application.user_behind(code) for code in codes]

    assert asyncio.run(users("code-of-ZhangSan", "outsider", "guessed")) == ["ZhangSan", None, None]


def test_a_signature_is_the_one_that_alibaba_cloud_prints() -> None:
    request = aliyun_request(
        httpx.AsyncClient(),
        "https://ecs.cn-shanghai.aliyuncs.com",
        key_id="YourAccessKeyId",
        secret="YourAccessKeySecret",
        action="RunInstances",
        version="2014-05-26",
        given={
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            "RegionId": "cn-shanghai",
        },
        nonce="3156853299f313e23d1673dc12e1703d",
        now=datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
    )
    printed = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert request.headers["authorization"].endswith(f"Signature={printed}")


def test_what_is_signed_is_the_text_that_tencent_cloud_prints() -> None:
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    assert hashlib.sha256(body).hexdigest().startswith("35e9c5b0e3ae6753")
    text = tencent_text_to_sign(
        "cvm",
        action="DescribeInstances",
        host="cvm.tencentcloudapi.com",
        body=body,
        timestamp="1551113065",
        date="2019-02-25",
    )
    assert text == (
        "TC3-HMAC-SHA256\n1551113065\n2019-02-25/cvm/tc3_request\n"
        "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
    )


def test_reports_of_arrival_and_answers_are_read(cloud: Cloud) -> None:
    (report,) = read_reports(cloud.aliyun_sms, [{"biz_id": "7", "success": True, "phone_number": PHONE}])
    assert (report.receipt, report.arrived, report.by_person) == ("7", True, False)
    (report,) = read_reports(cloud.aliyun_sms, [{"phone_number": PHONE, "content": "1", "dest_code": "10"}])
    assert (report.phone, report.words, report.by_person) == (PHONE, "1", True)
    (report,) = read_reports(cloud.aliyun_voice, [{"call_id": "9", "status_code": "300000", "dtmf": "1"}])
    assert (report.receipt, report.words, report.by_person) == ("9", "1", True)
    (report,) = read_reports(cloud.tencent_sms, [{"sid": "5", "report_status": "FAIL"}])
    assert (report.receipt, report.arrived) == ("5", False)
    (report,) = read_reports(cloud.tencent_sms, {"mobile": PHONE, "nationcode": "86", "text": "2"})
    assert (report.phone, report.words) == (PHONE, "2")
    pressed = {"voicekey_callback": {"callid": "3", "keypress": "1", "mobile": PHONE}}
    (report,) = read_reports(cloud.tencent_voice, pressed)
    assert (report.receipt, report.words, report.by_person) == ("3", "1", True)
    (report,) = read_reports(cloud.tencent_voice, {"voiceprompt_callback": {"callid": "3", "result": "1"}})
    assert (report.arrived, report.by_person) == (False, False)


@pytest.mark.parametrize("body", [7, [7], {}, [{}], {"voicekey_callback": 1}])
def test_a_report_that_is_none_is_refused_by_name(cloud: Cloud, body: object) -> None:
    for service in (
        cloud.aliyun_sms,
        cloud.aliyun_voice,
        cloud.tencent_sms,
        cloud.tencent_voice,
        cloud.feishu,
    ):
        with pytest.raises(ValueError, match=r"missing|expected|nothing"):
            read_reports(service, body)


def test_an_account_is_read_from_its_json_and_what_is_wrong_is_named() -> None:
    service = read_service('{"kind": "feishu", "hook": "h", "secret": "s"}')
    assert kind_of(service) == "feishu"
    for text, told in (
        ('{"kind": "feishu", "hook": "h"}', "secret"),
        ('{"kind": "pigeon"}', "pigeon"),
        ('{"kind": "feishu", "hook": "h", "secret": "s", "colour": 1}', "colour"),
        ("no", "can't be read"),
    ):
        with pytest.raises(SettingsError, match=told):
            read_service(text)
