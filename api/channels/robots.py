"""Robots of groups: WeCom, DingTalk, Feishu. They reach a group, not a person, and take no answer.

Never tried against the services themselves. Read 2026-11, the makers' pages as others repeat them:

* WeCom (developer.work.weixin.qq.com/document/path/91770): 20 messages a minute
* DingTalk (open.dingtalk.com/document/group/custom-robot-access): the signature in the query is Base64 of
  HMAC-SHA256 over "milliseconds\\nsecret" with the secret as key; 20 a minute, else 10 minutes of silence,
  told by an `errcode` or by a redirect (302)
* Feishu (open.feishu.cn, 自定义机器人): the signature in the body is Base64 of HMAC-SHA256 over nothing with
  "seconds\\nsecret" as key; 100 a minute and 5 a second
"""

import base64
import hashlib
import hmac
from collections.abc import Collection
from typing import Any

import httpx

from api.channels.sending import BadCredential, Message, NotSent, TooFast, ask
from gridwatch.services import DingTalk, Feishu, Robot, WeComRobot

LONGEST_BYTES = 4096
"""Of Markdown in a message of WeCom's robot; the others take more."""

MINUTE_S, DINGTALK_SILENCE_S = 60.0, 600.0


async def send_to_group(client: httpx.AsyncClient, robot: Robot, message: Message, *, now_s: float) -> str:
    """Let a robot speak in its group; return the empty receipt that is all it gives. Raises NotSent."""
    match robot:
        case WeComRobot():
            await _by_wecom(client, robot, message)
        case DingTalk():
            await _by_dingtalk(client, robot, message, now_s)
        case Feishu():
            await _by_feishu(client, robot, message, now_s)
    return ""


def dingtalk_signature(secret: str, timestamp_ms: str) -> str:
    """Return the signature of a moment, as DingTalk wants it."""
    mac = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def feishu_signature(secret: str, timestamp_s: str) -> str:
    """Return the signature of a moment, as Feishu wants it: secret and time are the key, over nothing."""
    mac = hmac.new(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


async def _by_wecom(client: httpx.AsyncClient, robot: WeComRobot, message: Message) -> None:
    body = {"msgtype": "markdown", "markdown": {"content": _clipped(_markdown(message))}}
    url = f"{robot.base}/cgi-bin/webhook/send"
    request = client.build_request("POST", url, params={"key": robot.key}, json=body)
    answer = await ask(client, request, whose="WeCom's robot")
    _check("WeCom's robot", answer, "errcode", wrong={93000, 40058}, too_fast={45009}, after_s=MINUTE_S)


async def _by_dingtalk(client: httpx.AsyncClient, robot: DingTalk, message: Message, now_s: float) -> None:
    timestamp = str(round(now_s * 1000))
    given = {
        "access_token": robot.access_token,
        "timestamp": timestamp,
        "sign": dingtalk_signature(robot.secret, timestamp),
    }
    body = {"msgtype": "markdown", "markdown": {"title": message.title, "text": _markdown(message)}}
    request = client.build_request("POST", f"{robot.base}/robot/send", params=given, json=body)
    answer = await ask(client, request, whose="DingTalk's robot")
    _check(
        "DingTalk's robot",
        answer,
        "errcode",
        wrong={310000, 300001, 300005, 40035},
        too_fast={130101, 130102, 660026, 90030},
        after_s=DINGTALK_SILENCE_S,
    )


async def _by_feishu(client: httpx.AsyncClient, robot: Feishu, message: Message, now_s: float) -> None:
    timestamp = str(round(now_s))
    body = {
        "timestamp": timestamp,
        "sign": feishu_signature(robot.secret, timestamp),
        "msg_type": "text",
        "content": {"text": f"{message.title}\n{message.body}\n{message.link}"},
    }
    request = client.build_request("POST", f"{robot.base}/open-apis/bot/v2/hook/{robot.hook}", json=body)
    answer = await ask(client, request, whose="Feishu's robot")
    _check(
        "Feishu's robot",
        answer,
        "code",
        wrong={19021, 19022, 19024, 19001},
        too_fast={11232, 9499},
        after_s=MINUTE_S,
    )


def _check(
    whose: str,
    answer: dict[str, Any],
    field: str,
    *,
    wrong: Collection[int],
    too_fast: Collection[int],
    after_s: float,
) -> None:
    code = answer.get(field)
    if code == 0:
        return
    if code in wrong:
        raise BadCredential(f"{whose} does not take our key or signature ({field} {code})")
    if code in too_fast:
        raise TooFast(f"{whose} takes no more for now ({field} {code})", after_s=after_s)
    raise NotSent(f"{whose} did not take it ({field} {code})")


def _markdown(message: Message) -> str:
    body = message.body.replace("\n", "\n\n")
    return f"### {message.title}\n\n{body}\n\n[{message.link}]({message.link})"


def _clipped(text: str) -> str:
    return text.encode()[:LONGEST_BYTES].decode(errors="ignore")
