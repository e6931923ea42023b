"""The services that carry messages to people: an installation's accounts with them, secrets included.

One is written as a JSON object, `{"kind": "wecom", "corp_id": "…", …}`. Where `base` is not given, it is the
service's own public address; private editions and tests have others.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from gridwatch.errors import SettingsError
from gridwatch.fields import WrongField, WrongFields

WHOLE_URL = "{address}"

PATH = re.compile(r"at `\$\.(?P<field>\w+)`$")
"""Where msgspec says that something is wrong."""


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every account with a service has in common: a kind."""


class WeCom(Account, frozen=True, kw_only=True, tag="wecom"):
    """A self-built application of WeCom (企业微信自建应用): a message to a person by user id.

    `token` and `aes_key` are those of "receive messages" (接收消息): the button's callback is one of these.
    """

    corp_id: str
    agent_id: int
    secret: str
    token: str = ""
    aes_key: str = ""
    base: str = "https://qyapi.weixin.qq.com"
    open_base: str = "https://open.weixin.qq.com"


class WeComRobot(Account, frozen=True, kw_only=True, tag="wecom_robot"):
    """A robot of a WeCom group (群机器人)."""

    key: str
    base: str = "https://qyapi.weixin.qq.com"


class DingTalk(Account, frozen=True, kw_only=True, tag="dingtalk"):
    """A custom robot of a DingTalk group, with signature (加签)."""

    access_token: str
    secret: str
    base: str = "https://oapi.dingtalk.com"


class Feishu(Account, frozen=True, kw_only=True, tag="feishu"):
    """A custom robot of a Feishu group, with signature (签名校验)."""

    hook: str
    secret: str
    base: str = "https://open.feishu.cn"


class AliyunSms(Account, frozen=True, kw_only=True, tag="aliyun_sms"):
    """Text messages by Alibaba Cloud. Its template has the variables what, place, time, number and link."""

    access_key_id: str
    access_key_secret: str
    sign_name: str
    template: str
    base: str = "https://dysmsapi.aliyuncs.com"


class AliyunVoice(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="aliyun_voice",
):
    """Calls with an answer by the keypad by Alibaba Cloud (语音IVR).

    `template` (variables what, place) is spoken, `accepted` after the key 1 and `passed` after the key 2.
    """

    access_key_id: str
    access_key_secret: str
    number: str
    template: str
    accepted: str
    passed: str
    base: str = "https://dyvmsapi.aliyuncs.com"


class TencentSms(Account, frozen=True, kw_only=True, tag="tencent_sms"):
    """Text messages by Tencent Cloud. Its template has five variables: what, place, time, number and link."""

    secret_id: str
    secret_key: str
    app_id: str
    sign_name: str
    template: str
    region: str = "ap-guangzhou"
    base: str = "https://sms.tencentcloudapi.com"


class TencentVoice(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="tencent_voice",
):
    """Calls with an answer by the keypad by Tencent Cloud. Its template has two variables: what and place."""

    secret_id: str
    secret_key: str
    app_id: str
    template: str
    region: str = "ap-guangzhou"
    base: str = "https://vms.tencentcloudapi.com"


class Others(Account, frozen=True, kw_only=True, tag="apprise"):
    """E-mail, Web Push and all else that Apprise knows: an URL of its, where `{address}` is the person's.

    E-mail is `mailtos://user:password@smtp.example.com?to={address}`.
    """

    url: str = WHOLE_URL

    @property
    def takes_whole_urls(self) -> bool:
        """Say whether the addresses of people are URLs themselves, with all the secrets in them."""
        return self.url == WHOLE_URL


Robot: TypeAlias = WeComRobot | DingTalk | Feishu
Phone: TypeAlias = AliyunSms | AliyunVoice | TencentSms | TencentVoice
Service: TypeAlias = WeCom | Robot | Phone | Others

REPORTS = (AliyunSms, AliyunVoice, TencentSms, TencentVoice)
"""They tell later whether a message arrived; of the others their taking it is all that can be known."""

KEEPS_FROM_TWICE = (WeCom,)
"""They do not deliver the same request a second time: it may be sent again when nobody knows if it went."""


def read_service(text: str | bytes) -> Service:
    """Return the service that a JSON object describes. Raises SettingsError that says what is wrong."""
    try:
        service: Service = msgspec.json.decode(text, type=Service)
    except msgspec.DecodeError as error:
        raise SettingsError(f"the service can't be read: {error}") from error
    return service


KINDS: Mapping[str, type[Service]] = {
    str(kind.__struct_config__.tag): kind for kind in (WeCom, *Robot.__args__, *Phone.__args__, Others)
}
"""Services by what their JSON calls them."""

OPEN_FIELDS = frozenset(
    {"corp_id", "agent_id", "sign_name", "template", "app_id", "region", "number", "accepted", "passed"}
    | {"base", "open_base"}
)
"""What is no secret of a service: all else is hidden where it is typed."""


def fields_of(kind: str) -> Mapping[str, bool]:
    """Return the fields of a kind of service, and whether each is needed."""
    return {one.name: one.required for one in msgspec.structs.fields(KINDS[kind])}


def checked_service(given: Mapping[str, Any]) -> Service:
    """Return the service that somebody filled in. Raises WrongFields that names each field that is wrong."""
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        expected = ", ".join(KINDS)
        one = WrongField(field="kind", kind="enum", why=f"use {expected}", limits={"expected": expected})
        raise WrongFields([one])
    wrong = [
        WrongField(field=name, kind="missing", why="is missing", limits={})
        for name, needed in fields_of(kind).items()
        if needed and given.get(name) in (None, "")
    ]
    wrong += [
        WrongField(field=name, kind="extra_forbidden", why=f"a {kind} has no such field", limits={})
        for name in given
        if name not in {"kind", *fields_of(kind)}
    ]
    if wrong:
        raise WrongFields(wrong)
    try:
        service: Service = msgspec.convert(given, Service, strict=False)
    except msgspec.ValidationError as error:
        path = PATH.search(str(error))
        field, kind_of_error = (
            path["field"] if path else "",
            "int_parsing" if "`int`" in str(error) else "string_type",
        )
        raise WrongFields.one(field, kind_of_error, str(error)) from error
    return service


def written(service: Service) -> str:
    """Return a service as its JSON, secrets included."""
    return msgspec.json.encode(service).decode()


def kind_of(service: Service) -> str:
    """Return what kind of service this is, as in its JSON."""
    return str(service.__struct_config__.tag)
