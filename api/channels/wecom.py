"""WeCom's self-built application: a card with buttons to a person by user id, and who signs in.

Never tried against WeCom itself. Read 2026-11: sending, repetitions, unknown users at
https://qiyeweixin.apifox.cn/api-10061693 ; 30 a minute and 1,000 an hour for one member, more is
thrown away without an error, at omnisockit.com/en/skills/enterprise/wecom-message.html; part of the codes at
https://static.kancloud.cn/dabashan/qiwei/2376083 (every answer is HTTP 200 with `errcode`); signing in at
developer.work.weixin.qq.com/document/path/91022. From knowledge, not read again: `gettoken`,
`auth/getuserinfo`, the fields of a card, the rest of the codes.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from api.channels.sending import BadCredential, Message, NotSent, Refused, TooFast, ask
from gridwatch.services import WeCom

WHOSE = "WeCom"

REPETITIONS_KNOWN_S = 4 * 3600
"""How long WeCom may be asked to know a request that it had already: its longest."""

STALE_TOKEN = frozenset({40014, 42001, 42007, 42009})
WRONG_SECRET = frozenset({40001, 40013, 40056, 41002, 41004, 60020, 48002, 301002})
"""Secret, CorpID, the address that we come from, or the application's permissions."""
NO_SUCH_PERSON = frozenset({40003, 81013, 60111, 40031})
TOO_MANY = frozenset({45009, 45011, 45033})
TRY_AGAIN_S = 60.0

RENEW_BEFORE_S = 300.0
LONGEST_TITLE, LONGEST_BODY = 26, 500
"""Characters of a card. A phone shows 26 and 112 of them at first (the documented advice), the rest when
touched: what matters most stands first."""


class WeComApplication:
    """Speaks as one self-built application; keeps its access token until shortly before it expires."""

    def __init__(self, client: httpx.AsyncClient, service: WeCom) -> None:
        self._client = client
        self._service = service
        self._token = ""
        self._good_until_s = 0.0
        self._renewing = asyncio.Lock()

    async def send(self, user: str, message: Message) -> str:
        """Send a card with buttons, or a text where there are none; return the id that WeCom gave it.

        The same message to the same person within four hours is shown once, whoever sends it again.
        """
        body = _card(message) if message.buttons else _text(message)
        answer = await self._call(
            "POST",
            "/cgi-bin/message/send",
            body={
                "touser": user,
                "agentid": self._service.agent_id,
                **body,
                "enable_duplicate_check": 1,
                "duplicate_check_interval": REPETITIONS_KNOWN_S,
            },
        )
        # Names that it does not know come back in lower case.
        if user.lower() in str(answer.get("invaliduser", "")).lower().split("|"):
            raise Refused(f"{WHOSE} knows no such member, or the application is not visible to them")
        if user.lower() in str(answer.get("unlicenseduser", "")).lower().split("|"):
            raise Refused(f"{WHOSE}: this member has no licence for messages of applications")
        return str(answer.get("msgid", ""))

    async def prove(self) -> None:
        """See that the application is let in; raise NotSent."""
        await self._access_token()

    async def user_behind(self, code: str) -> str | None:
        """Return the user id of who came back from signing in with `code`; None for somebody from outside."""
        try:
            answer = await self._call("GET", "/cgi-bin/auth/getuserinfo", query={"code": code})
        except Refused:
            return None
        user = answer.get("userid") or answer.get("UserId")
        return str(user) if user else None

    def sign_in_url(self, back: str, state: str) -> str:
        """Return where a browser inside WeCom is sent to prove who holds the phone."""
        query = urlencode(
            {
                "appid": self._service.corp_id,
                "redirect_uri": back,
                "response_type": "code",
                "scope": "snsapi_base",
                "state": state,
                "agentid": self._service.agent_id,
            },
            quote_via=quote,
        )
        return f"{self._service.open_base}/connect/oauth2/authorize?{query}#wechat_redirect"

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        answer = await self._ask(method, path, query, body, token=await self._access_token())
        if answer.get("errcode") in STALE_TOKEN:
            self._good_until_s = 0.0
            answer = await self._ask(method, path, query, body, token=await self._access_token())
        return _checked(answer)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        *,
        token: str,
    ) -> dict[str, Any]:
        given = {"access_token": token, **(query or {})}
        request = self._client.build_request(method, self._service.base + path, params=given, json=body)
        return await ask(self._client, request, whose=WHOSE)

    async def _access_token(self) -> str:
        async with self._renewing:
            if time.monotonic() >= self._good_until_s:
                given = {"corpid": self._service.corp_id, "corpsecret": self._service.secret}
                url = f"{self._service.base}/cgi-bin/gettoken"
                request = self._client.build_request("GET", url, params=given)
                answer = _checked(await ask(self._client, request, whose=WHOSE))
                self._token = str(answer["access_token"])
                lasts_s = float(answer.get("expires_in", 0))
                self._good_until_s = time.monotonic() + max(0.0, lasts_s - RENEW_BEFORE_S)
            return self._token


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that says it went well; raise what its code means."""
    code = answer.get("errcode")
    if code == 0:
        return answer
    if code in WRONG_SECRET or code in STALE_TOKEN:
        raise BadCredential(f"{WHOSE} does not let this application in (errcode {code})")
    if code in NO_SUCH_PERSON or code == 40029:
        raise Refused(f"{WHOSE} knows no such member (errcode {code})")
    if code in TOO_MANY:
        raise TooFast(f"{WHOSE} takes no more for now (errcode {code})", after_s=TRY_AGAIN_S)
    raise NotSent(f"{WHOSE} did not take it (errcode {code})")


def _card(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "template_card",
        "template_card": {
            "card_type": "button_interaction",
            "main_title": {"title": message.title[:LONGEST_TITLE], "desc": message.title[LONGEST_TITLE:]},
            "sub_title_text": message.body[:LONGEST_BODY],
            "card_action": {"type": 1, "url": message.link},
            "task_id": message.number,
            "button_list": [
                {"text": button.text, "style": 1 if index == 0 else 2, "key": button.action}
                for index, button in enumerate(message.buttons)
            ],
        },
    }


def _text(message: Message) -> dict[str, Any]:
    return {
        "msgtype": "text",
        "text": {"content": f"{message.title}\n{message.body}\n{message.link}"},
    }
