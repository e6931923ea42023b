"""One way in to all services."""

import logging
import time
from datetime import UTC, datetime
from urllib.parse import quote

import apprise
import httpx

from api.channels.phones import call_by_aliyun, call_by_tencent, text_by_aliyun, text_by_tencent
from api.channels.robots import send_to_group
from api.channels.sending import SEND_WITHIN_S, Message, NotSent, Refused
from api.channels.wecom import WeComApplication
from gridwatch.services import (
    WHOLE_URL,
    AliyunSms,
    AliyunVoice,
    DingTalk,
    Feishu,
    Others,
    Phone,
    Service,
    TencentSms,
    TencentVoice,
    WeCom,
    WeComRobot,
)


class Senders:
    """Sends by any service; keeps what belongs to more than one message, as WeCom's access tokens."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._applications: dict[WeCom, WeComApplication] = {}

    def application(self, service: WeCom) -> WeComApplication:
        """Return the one that speaks as this application."""
        return self._applications.setdefault(service, WeComApplication(self._client, service))

    async def send(self, service: Service, address: str, message: Message) -> str:
        """Send to one address; return the receipt, empty where the service gives none. Raises NotSent."""
        match service:
            case WeCom():
                return await self.application(service).send(address, message)
            case WeComRobot() | DingTalk() | Feishu():
                return await send_to_group(self._client, service, message, now_s=time.time())
            case Others():
                return await _by_apprise(service, address, message)
            case _:
                return await self._to_phone(service, address, message)

    async def _to_phone(self, service: Phone, phone: str, message: Message) -> str:
        now = datetime.now(UTC)
        match service:
            case AliyunSms():
                return await text_by_aliyun(self._client, service, phone, message, now=now)
            case AliyunVoice():
                return await call_by_aliyun(self._client, service, phone, message, now=now)
            case TencentSms():
                return await text_by_tencent(self._client, service, phone, message, now=now)
            case TencentVoice():
                return await call_by_tencent(self._client, service, phone, message, now=now)


def new_client() -> httpx.AsyncClient:
    """Return a client whose every request ends in time, and whose addresses stand in no log."""
    # It tells of each request with its whole address, and ours hold secrets.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(timeout=SEND_WITHIN_S)


async def _by_apprise(service: Others, address: str, message: Message) -> str:
    sender = apprise.Apprise()
    given = address if service.takes_whole_urls else quote(address, safe="@")
    if not sender.add(service.url.replace(WHOLE_URL, given)):
        raise Refused("Apprise can't use this address")
    if not await sender.async_notify(title=message.title, body=f"{message.body}\n{message.link}"):
        raise NotSent("Apprise could not send it")
    return ""
