"""Text messages and calls by Alibaba Cloud and Tencent Cloud, from templates that they approved.

Never tried against the services themselves. Read 2026-11: help.aliyun.com/document_detail/419273.html
(SendSms) and document_detail/114037.html (IvrCall); one person can be called once a minute, 5 times an hour,
20 times a day; cloud.tencent.com/document/product/1128/51559 (SendCodeVoice). From knowledge, not read again:
Tencent's SendSms and SendTts, which that page is a neighbour of, and the codes of errors.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from api.channels.sending import BadCredential, Message, NotSent, Refused, TooFast, ask
from api.channels.signing import aliyun_request, tencent_request
from gridwatch.services import AliyunSms, AliyunVoice, TencentSms, TencentVoice

SMS_VERSION, VOICE_VERSION = "2017-05-25", "2017-05-25"
TENCENT_SMS_VERSION, TENCENT_VOICE_VERSION = "2021-01-11", "2020-09-02"

TRY_AGAIN_S = 60.0
SPOKEN_TIMES = 3
WAIT_FOR_KEY_MS = 8000

ALIYUN_WRONG = (
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "Forbidden",
    "isv.AMOUNT_NOT_ENOUGH",
    "isv.ACCOUNT",
)
ALIYUN_TOO_FAST = ("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "Throttling")
ALIYUN_REFUSED = ("isv.MOBILE_NUMBER_ILLEGAL", "isv.INVALID_PARAMETERS", "isv.SMS_TEMPLATE_ILLEGAL")

TENCENT_WRONG = ("AuthFailure", "UnauthorizedOperation", "FailedOperation.InsufficientBalance")
TENCENT_TOO_FAST = ("LimitExceeded", "RequestLimitExceeded")
TENCENT_REFUSED = ("InvalidParameterValue", "FailedOperation.PhoneNumberInBlacklist", "InvalidParameter")

SHORT = ("what", "place", "time", "number", "link")
"""The variables of a text message's template, in the order of Tencent's numbers 1 to 5."""
SPOKEN = ("what", "place")


async def text_by_aliyun(
    client: httpx.AsyncClient, service: AliyunSms, phone: str, message: Message, *, now: datetime
) -> str:
    """Send a text message; return its BizId, by which the report of its arrival names it. Raises NotSent."""
    given = {
        "PhoneNumbers": phone,
        "SignName": service.sign_name,
        "TemplateCode": service.template,
        "TemplateParam": _json({name: message.short[name] for name in SHORT}),
        "OutId": message.number,
    }
    answer = await _by_aliyun(client, service, "SendSms", SMS_VERSION, given, now)
    return str(answer.get("BizId", ""))


async def call_by_aliyun(
    client: httpx.AsyncClient, service: AliyunVoice, phone: str, message: Message, *, now: datetime
) -> str:
    """Call somebody and wait for a key; return the CallId, by which the report names it. Raises NotSent."""
    given = {
        "CalledShowNumber": service.number,
        "CalledNumber": phone,
        "StartCode": service.template,
        "StartTtsParams": _json({name: message.short[name] for name in SPOKEN}),
        "MenuKeyMap.1.Key": "1",
        "MenuKeyMap.1.Code": service.accepted,
        "MenuKeyMap.2.Key": "2",
        "MenuKeyMap.2.Code": service.passed,
        "PlayTimes": str(SPOKEN_TIMES),
        "Timeout": str(WAIT_FOR_KEY_MS),
        "OutId": message.number,
    }
    answer = await _by_aliyun(client, service, "IvrCall", VOICE_VERSION, given, now)
    return str(answer.get("CallId", ""))


async def text_by_tencent(
    client: httpx.AsyncClient, service: TencentSms, phone: str, message: Message, *, now: datetime
) -> str:
    """Send a text message; return its SerialNo, which the report of its arrival calls sid. Raises NotSent."""
    given = {
        "PhoneNumberSet": [international(phone)],
        "SmsSdkAppId": service.app_id,
        "SignName": service.sign_name,
        "TemplateId": service.template,
        "TemplateParamSet": [message.short[name] for name in SHORT],
        "SessionContext": message.number,
    }
    answer = await _by_tencent(client, service, "sms", "SendSms", TENCENT_SMS_VERSION, given, now)
    (sent,) = answer.get("SendStatusSet") or [{}]
    if sent.get("Code") != "Ok":
        raise _tencent_error(str(sent.get("Code")))
    return str(sent.get("SerialNo", ""))


async def call_by_tencent(
    client: httpx.AsyncClient, service: TencentVoice, phone: str, message: Message, *, now: datetime
) -> str:
    """Call somebody and wait for a key; return the CallId, by which the report names it. Raises NotSent."""
    given = {
        "TemplateId": service.template,
        "CalledNumber": international(phone),
        "VoiceSdkAppid": service.app_id,
        "TemplateParamSet": [message.short[name] for name in SPOKEN],
        "PlayTimes": SPOKEN_TIMES,
        "SessionContext": message.number,
    }
    answer = await _by_tencent(client, service, "vms", "SendTts", TENCENT_VOICE_VERSION, given, now)
    return str((answer.get("SendStatus") or {}).get("CallId", ""))


def international(phone: str) -> str:
    """Return a number with its country; without one it is of China."""
    return phone if phone.startswith("+") else f"+86{phone}"


async def _by_aliyun(
    client: httpx.AsyncClient,
    service: AliyunSms | AliyunVoice,
    action: str,
    version: str,
    given: Mapping[str, str],
    now: datetime,
) -> dict[str, Any]:
    request = aliyun_request(
        client,
        service.base,
        key_id=service.access_key_id,
        secret=service.access_key_secret,
        action=action,
        version=version,
        given=given,
        nonce=uuid4().hex,
        now=now,
    )
    answer = await ask(client, request, whose="Alibaba Cloud")
    code = str(answer.get("Code"))
    if code == "OK":
        return answer
    raise _error("Alibaba Cloud", code, ALIYUN_WRONG, ALIYUN_TOO_FAST, ALIYUN_REFUSED)


async def _by_tencent(
    client: httpx.AsyncClient,
    service: TencentSms | TencentVoice,
    name: str,
    action: str,
    version: str,
    given: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    request = tencent_request(
        client,
        service.base,
        key_id=service.secret_id,
        secret=service.secret_key,
        service=name,
        action=action,
        version=version,
        region=service.region,
        given=given,
        now=now,
    )
    answer = await ask(client, request, whose="Tencent Cloud")
    response = answer.get("Response")
    if not isinstance(response, dict):
        raise NotSent("Tencent Cloud answers nothing that it documents")
    if "Error" in response:
        raise _tencent_error(str(response["Error"].get("Code")))
    return response


def _tencent_error(code: str) -> NotSent:
    return _error("Tencent Cloud", code, TENCENT_WRONG, TENCENT_TOO_FAST, TENCENT_REFUSED)


def _error(
    whose: str, code: str, wrong: tuple[str, ...], too_fast: tuple[str, ...], refused: tuple[str, ...]
) -> NotSent:
    if code.startswith(wrong):
        return BadCredential(f"{whose} does not take our key, or the account is empty ({code})")
    if code.startswith(too_fast):
        return TooFast(f"{whose} takes no more for now ({code})", after_s=TRY_AGAIN_S)
    if code.startswith(refused):
        return Refused(f"{whose} will not take it ({code})")
    return NotSent(f"{whose} did not take it ({code})")


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(values, ensure_ascii=False)
