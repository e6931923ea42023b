"""Servers that speak as the services do: they check signatures, keep limits, put errors under status 200."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

from gridwatch.services import (
    AliyunSms,
    AliyunVoice,
    DingTalk,
    Feishu,
    TencentSms,
    TencentVoice,
    WeCom,
    WeComRobot,
)

SECRET = "secretword"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


Answer = tuple[int, Any]


@dataclass(kw_only=True)
class Cloud:
    """All the services behind one port. What they delivered is in `delivered`, by service and address."""

    delivered: list[tuple[str, str, Any]] = field(default_factory=list)
    broken: Callable[[Asked], Answer | None] = lambda _: None
    """Lets a test answer in the service's place; None lets the service speak."""
    asked: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=lambda: {"ZhangSan", "LiSi"})
    thrown_away: int = 0
    token_number: int = 0
    base: str = ""
    _seen: dict[str, float] = field(default_factory=dict)
    _tasks: set[str] = field(default_factory=set)
    _times: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def to(self, service: str) -> list[tuple[str, Any]]:
        """Return what a service delivered: address and content."""
        with self._lock:
            return [(address, content) for name, address, content in self.delivered if name == service]

    def answer(self, asked: Asked) -> Answer:
        """Answer one request as its service does."""
        with self._lock:
            self.asked.append(asked.path)
            broken = self.broken(asked)
            if broken is not None:
                return broken
            if "x-acs-action" in asked.headers:
                return self._aliyun(asked)
            if "x-tc-action" in asked.headers:
                return self._tencent(asked)
            speak = {
                "/cgi-bin/gettoken": self._wecom_token,
                "/cgi-bin/message/send": self._wecom_send,
                "/cgi-bin/auth/getuserinfo": self._wecom_user,
                "/cgi-bin/webhook/send": self._wecom_robot,
                "/robot/send": self._dingtalk,
                "/open-apis/bot/v2/hook/hook-1": self._feishu,
            }.get(asked.path)
            return (404, {"errcode": 404}) if speak is None else speak(asked)

    def expire_tokens(self) -> None:
        """Let the access tokens that were given end before their time, as WeCom may."""
        self.token_number += 1

    def _wecom_token(self, asked: Asked) -> Answer:
        if asked.query.get("corpid") != "corp-1":
            return 200, {"errcode": 40013, "errmsg": "invalid corpid"}
        if asked.query.get("corpsecret") != SECRET:
            return 200, {"errcode": 40001, "errmsg": "invalid credential"}
        return 200, {"errcode": 0, "access_token": f"token-{self.token_number}", "expires_in": 7200}

    def _let_in(self, asked: Asked) -> bool:
        return asked.query.get("access_token") == f"token-{self.token_number}"

    def _wecom_send(self, asked: Asked) -> Answer:
        if not self._let_in(asked):
            return 200, {"errcode": 42001, "errmsg": "access_token expired"}
        sent = asked.json
        user = sent["touser"]
        if user not in self.members:
            return 200, {
                "errcode": 81013,
                "errmsg": "user & party & tag all invalid",
                "invaliduser": user.lower(),
            }
        assert sent["agentid"] == 7
        ok = {"errcode": 0, "errmsg": "ok", "msgid": hashlib.sha256(asked.body).hexdigest()[:8]}
        digest = hashlib.sha256(asked.body).hexdigest()
        if sent.get("enable_duplicate_check") == 1:
            if time.time() - self._seen.get(digest, 0.0) < sent["duplicate_check_interval"]:
                return 200, ok
            self._seen[digest] = time.time()
        if self._over(f"wecom {user}", 30, 60.0) or self._over(f"wecom {user} hour", 1000, HOUR_S):
            # It is not told: the message is only not shown.
            self.thrown_away += 1
            return 200, ok
        card = sent.get("template_card", {})
        if card:
            assert card["card_type"] == "button_interaction"
            assert card["task_id"] not in self._tasks, "a task id is used once"
            assert 1 <= len(card["button_list"]) <= 6
            self._tasks.add(card["task_id"])
        self.delivered.append(("wecom", user, sent))
        return 200, ok

    def _wecom_user(self, asked: Asked) -> Answer:
        if not self._let_in(asked):
            return 200, {"errcode": 40014, "errmsg": "invalid access_token"}
        code = asked.query.get("code", "")
        if code == "outsider":
            return 200, {"errcode": 0, "openid": "somebody"}
        if not code.startswith("code-of-"):
            return 200, {"errcode": 40029, "errmsg": "invalid code"}
        return 200, {"errcode": 0, "userid": code.removeprefix("code-of-")}

    def _wecom_robot(self, asked: Asked) -> Answer:
        if asked.query.get("key") != SECRET:
            return 200, {"errcode": 93000, "errmsg": "invalid webhook url"}
        if self._over("wecom robot", 20, 60.0):
            return 200, {"errcode": 45009, "errmsg": "api freq out of limit"}
        self.delivered.append(("wecom_robot", "", asked.json["markdown"]["content"]))
        return 200, {"errcode": 0, "errmsg": "ok"}

    def _dingtalk(self, asked: Asked) -> Answer:
        timestamp = asked.query.get("timestamp", "0")
        mac = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()
        fresh = abs(time.time() * 1000 - float(timestamp)) < HOUR_S * 1000
        if not fresh or asked.query.get("sign") != base64.b64encode(mac).decode():
            return 200, {"errcode": 310000, "errmsg": "sign not match"}
        if self._over("dingtalk", 20, 60.0):
            return 200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        self.delivered.append(("dingtalk", "", asked.json["markdown"]))
        return 200, {"errcode": 0, "errmsg": "ok"}

    def _feishu(self, asked: Asked) -> Answer:
        sent = asked.json
        timestamp = sent.get("timestamp", "0")
        mac = hmac.new(f"{timestamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
        fresh = abs(time.time() - float(timestamp)) < HOUR_S
        if not fresh or sent.get("sign") != base64.b64encode(mac).decode():
            return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}
        if self._over("feishu", 100, 60.0):
            return 200, {"code": 11232, "msg": "create message service trigger rate limit"}
        self.delivered.append(("feishu", "", sent["content"]["text"]))
        return 200, {"code": 0, "msg": "success", "data": {}}

    def _aliyun(self, asked: Asked) -> Answer:
        if asked.headers["authorization"].rsplit("=", 1)[-1] != _aliyun_signature(asked):
            return 400, {"Code": "SignatureDoesNotMatch", "Message": "…"}
        action, given = asked.headers["x-acs-action"], asked.query
        if action == "SendSms":
            phone, receipt = given["PhoneNumbers"], f"biz-{len(self.delivered)}"
            if not phone.isdigit():
                return 200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "…"}
            if self._over(f"aliyun {phone}", 5, HOUR_S):
                return 200, {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发小时级流控Permits:5"}
            self.delivered.append(
                ("aliyun_sms", phone, json.loads(given["TemplateParam"]) | {"receipt": receipt})
            )
            return 200, {"Code": "OK", "BizId": receipt}
        assert action == "IvrCall"
        assert (given["MenuKeyMap.1.Key"], given["MenuKeyMap.2.Key"]) == ("1", "2")
        receipt = f"call-{len(self.delivered)}"
        spoken = json.loads(given["StartTtsParams"]) | {"receipt": receipt}
        self.delivered.append(("aliyun_voice", given["CalledNumber"], spoken))
        return 200, {"Code": "OK", "CallId": receipt}

    def _tencent(self, asked: Asked) -> Answer:
        if asked.headers["authorization"].rsplit("=", 1)[-1] != _tencent_signature(asked):
            return 200, {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "…"}}}
        given = asked.json
        if asked.headers["x-tc-action"] == "SendSms":
            (phone,), receipt = given["PhoneNumberSet"], f"serial-{len(self.delivered)}"
            if self._over(f"tencent {phone}", 10, HOUR_S):
                sent = {"Code": "LimitExceeded.PhoneNumberThirtySecondLimit", "SerialNo": ""}
                return 200, {"Response": {"SendStatusSet": [sent]}}
            self.delivered.append(
                ("tencent_sms", phone, {"words": given["TemplateParamSet"], "receipt": receipt})
            )
            return 200, {"Response": {"SendStatusSet": [{"Code": "Ok", "SerialNo": receipt}]}}
        assert asked.headers["x-tc-action"] == "SendTts"
        receipt = f"tts-{len(self.delivered)}"
        spoken = {"words": given["TemplateParamSet"], "receipt": receipt}
        self.delivered.append(("tencent_voice", given["CalledNumber"], spoken))
        return 200, {"Response": {"SendStatus": {"CallId": receipt}}}

    def _over(self, what: str, most: int, within_s: float) -> bool:
        times, now = self._times[what], time.monotonic()
        while times and times[0] <= now - within_s:
            times.popleft()
        if len(times) >= most:
            return True
        times.append(now)
        return False

    @property
    def wecom(self) -> WeCom:
        """Return an application that is let in."""
        return WeCom(
            corp_id="corp-1",
            agent_id=7,
            secret=SECRET,
            token="callback-token",
            aes_key=AES_KEY,
            base=self.base,
            open_base=self.base,
        )

    @property
    def wecom_robot(self) -> WeComRobot:
        """Return a robot that is let in."""
        return WeComRobot(key=SECRET, base=self.base)

    @property
    def dingtalk(self) -> DingTalk:
        """Return a robot whose signature is right."""
        return DingTalk(access_token="robot-1", secret=SECRET, base=self.base)

    @property
    def feishu(self) -> Feishu:
        """Return a robot whose signature is right."""
        return Feishu(hook="hook-1", secret=SECRET, base=self.base)

    @property
    def aliyun_sms(self) -> AliyunSms:
        """Return an account whose signature is right."""
        return AliyunSms(
            access_key_id="key-1",
            access_key_secret=SECRET,
            sign_name="网格",
            template="SMS_1",
            base=self.base,
        )

    @property
    def aliyun_voice(self) -> AliyunVoice:
        """Return an account whose signature is right."""
        return AliyunVoice(
            access_key_id="key-1",
            access_key_secret=SECRET,
            number="057112345678",
            template="TTS_1",
            accepted="TTS_2",
            passed="TTS_3",
            base=self.base,
        )

    @property
    def tencent_sms(self) -> TencentSms:
        """Return an account whose signature is right."""
        return TencentSms(
            secret_id="id-1",
            secret_key=SECRET,
            app_id="1400000000",
            sign_name="网格",
            template="1",
            base=self.base,
        )

    @property
    def tencent_voice(self) -> TencentVoice:
        """Return an account whose signature is right."""
        return TencentVoice(
            secret_id="id-1", secret_key=SECRET, app_id="1400000001", template="2", base=self.base
        )


def _aliyun_signature(asked: Asked) -> str:
    """Return the signature of ACS3-HMAC-SHA256 over what came, taken from what the header says is signed."""
    signed = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert "host" in signed.split(";")
    lines = "".join(f"{name}:{asked.headers[name].strip()}\n" for name in signed.split(";"))
    pairs = sorted(asked.query.items())
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    payload = hashlib.sha256(asked.body).hexdigest()
    canonical = f"{asked.method}\n{asked.path}\n{query}\n{lines}\n{signed}\n{payload}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def _tencent_signature(asked: Asked) -> str:
    """Return the signature of TC3-HMAC-SHA256 over what came."""
    scope = asked.headers["authorization"].split("Credential=")[1].split(",")[0].split("/", 1)[1]
    signed = asked.headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    lines = "".join(f"{name}:{asked.headers[name].strip().lower()}\n" for name in signed.split(";"))
    payload = hashlib.sha256(asked.body).hexdigest()
    canonical = f"{asked.method}\n{asked.path}\n{asked.raw_query}\n{lines}\n{signed}\n{payload}"
    timestamp = asked.headers["x-tc-timestamp"]
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


@contextmanager
def cloud_running() -> Iterator[Cloud]:
    """Run all the services on a loopback port."""
    cloud = Cloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]
        # Head and body are two writes: the second would wait for the first one's acknowledgement.
        disable_nagle_algorithm: ClassVar[bool] = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = cloud.answer(
                Asked(
                    method=self.command,
                    path=url.path,
                    query=query,
                    raw_query=url.query,
                    headers=headers,
                    body=body,
                )
            )
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    cloud.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Run an SMTP server (RFC 5321); yield its port and what it took: recipient and message."""
    taken: list[tuple[str, str]] = []
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        recipient = ""
        say("220 mail.test ESMTP")
        while line := (await reader.readline()).decode().strip():
            match line.split(" ")[0].upper():
                case "EHLO" | "HELO" | "MAIL" | "RSET" | "NOOP":
                    say("250 mail.test")
                case "RCPT":
                    recipient = line.split("<")[1].split(">")[0]
                    say("550 no such user" if recipient.startswith("nobody") else "250 ok")
                case "DATA":
                    say("354 go on")
                    lines = []
                    while (text := (await reader.readline()).decode()) != ".\r\n":
                        lines.append(text)
                    taken.append((recipient, "".join(lines)))
                    say("250 ok")
                case "QUIT":
                    say("221 bye")
                    break
                case _:
                    say("502 what?")
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], taken
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
