"""What services tell later: that a message arrived, that somebody took up the phone, what they answered.

Never tried against the services themselves. None of them documents a signature on what it posts, so our
address for each holds a secret, and what is posted must name a message of ours. Read 2026-11:

* Alibaba Cloud: SmsReport (`biz_id`, `success`) of help.aliyun.com/zh/sms/developer-reference/smsreport-2 and
  VoiceCallReport (`call_id`, `status_code`, `dtmf`) of .../zh/vms/developer-reference/voicecallreport-4;
  arrays, answered by `{"code": 0, "msg": "接收成功"}`
* Tencent Cloud: www.tencentcloud.com/document/product/382/43547 (`sid`, `report_status`) and 382/43548
  (`mobile`, `text`), cloud.tencent.com.cn/document/product/216/37726 (`voicekey_callback`); answered by
  `{"result": 0, "errmsg": "OK"}`

From knowledge, not read again: SmsUp (`phone_number`, `content`), `voiceprompt_callback`, the status codes of
Alibaba Cloud for a call that was answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gridwatch.services import AliyunSms, AliyunVoice, Service, TencentSms, TencentVoice

ALIYUN_PICKED_UP: Final = "200002"
"""The status code of a call that was answered (呼叫状态码)."""

ALIYUN_ANSWERED = frozenset({"200000", ALIYUN_PICKED_UP})

ALIYUN_THANKS: Mapping[str, Any] = {"code": 0, "msg": "接收成功"}
TENCENT_THANKS: Mapping[str, Any] = {"result": 0, "errmsg": "OK"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One thing that a service tells: of the message `receipt`, or of the newest one to `phone`.

    `arrived` is None where it says nothing of that; `by_person` says that a person, not a machine, was there.
    """

    receipt: str = ""
    phone: str = ""
    arrived: bool | None = None
    by_person: bool = False
    words: str = ""


def read_reports(service: Service, body: Any) -> Sequence[Report]:
    """Return what a service posted. Raises ValueError that says what is missing."""
    try:
        match service:
            case AliyunSms():
                return [_aliyun_sms(one) for one in _list(body)]
            case AliyunVoice():
                return [_aliyun_voice(one) for one in _list(body)]
            case TencentSms():
                return [_tencent_sms(one) for one in _list(body)]
            case TencentVoice():
                return _tencent_voice(_object(body))
            case _:
                raise ValueError("this service reports nothing")
    except KeyError as error:
        raise ValueError(f"the field {error} is missing") from error


def thanks(service: Service) -> Mapping[str, Any]:
    """Return what the service wants to hear, so that it does not post again."""
    return ALIYUN_THANKS if isinstance(service, AliyunSms | AliyunVoice) else TENCENT_THANKS


def _aliyun_sms(one: Mapping[str, Any]) -> Report:
    if "content" in one:
        return Report(phone=str(one["phone_number"]), words=str(one["content"]), by_person=True)
    return Report(receipt=str(one["biz_id"]), arrived=bool(one["success"]))


def _aliyun_voice(one: Mapping[str, Any]) -> Report:
    status, key = str(one["status_code"]), str(one.get("dtmf") or "")
    answered = status in ALIYUN_ANSWERED or bool(key)
    return Report(receipt=str(one["call_id"]), arrived=answered or None, by_person=answered, words=key)


def _tencent_sms(one: Mapping[str, Any]) -> Report:
    if "text" in one:
        return Report(phone=str(one["mobile"]), words=str(one["text"]), by_person=True)
    return Report(receipt=str(one["sid"]), arrived=one["report_status"] == "SUCCESS")


def _tencent_voice(body: Mapping[str, Any]) -> Sequence[Report]:
    if "voicekey_callback" in body:
        pressed = _object(body["voicekey_callback"])
        key = str(pressed["keypress"])
        return [Report(receipt=str(pressed["callid"]), arrived=True, by_person=True, words=key)]
    ended = _object(body["voiceprompt_callback"])
    answered = str(ended["result"]) == "0"
    return [Report(receipt=str(ended["callid"]), arrived=answered, by_person=answered)]


def _list(body: Any) -> Sequence[Mapping[str, Any]]:
    return [_object(one) for one in (body if isinstance(body, list) else [body])]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")
    return value
