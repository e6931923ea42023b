"""Those who were called answer: by a link whose button is pressed, a card, a text message, a key."""

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.answering import read_words
from api.channels.wecom_envelope import Envelope
from api.reports_address import callback_secret
from gridwatch.services import Service
from gridwatch.store import Store
from gridwatch.strongbox import Strongbox
from tests.api.calling import add_alert, add_call, add_person, call_row, caller, go_on, reach
from tests.api.serving import Api
from tests.channels.services import AES_KEY, Cloud, cloud_running

PHONE = "13900000000"
CHAT_SCANNER = {"user-agent": "Mozilla/5.0 (compatible; link preview)"}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Return all the services, running."""
    with cloud_running() as running:
        yield running


@pytest.fixture
def phone_box(api: Api) -> Iterator[httpx.Client]:
    """Return a client from outside: nobody is signed in."""
    with httpx.Client(base_url=api.url, timeout=60) as client:
        yield client


def called(api: Api, cloud: Cloud, *ways: tuple[str, str], people: int = 1) -> list[int]:
    """Let people be called for one fire by their ways; return the calls."""
    services: dict[str, Service] = {
        "wecom": cloud.wecom,
        "sms": cloud.aliyun_sms,
        "voice": cloud.aliyun_voice,
        "tencent": cloud.tencent_sms,
    }

    async def scene(store: Store) -> list[int]:
        box = Strongbox(api.settings.data_dir)
        keys = [await add_person(store, f"w{number}") for number in range(people)]
        told = {f"w{number}": [(name, to.format(number)) for name, to in ways] for number in range(people)}
        await reach(store, box, services, told)
        alert = await add_alert(store)
        calls = [await add_call(store, alert, key) for key in keys]
        async with caller(store, box) as one:
            await go_on(one, *calls)
        return calls

    return api.stored(scene)


def alert_now(api: Api) -> dict[str, Any]:
    """Return the one alert."""
    (found,) = api.client.get("/api/v1/alerts").json()
    return dict(found)


def answer_of(api: Api, call: int) -> str | None:
    """Return what somebody answered."""

    async def read(store: Store) -> str | None:
        row = await call_row(store, call)
        assert (row["answered_at"] is None) == (row["answer"] is None)
        return None if row["answer"] is None else str(row["answer"])

    return api.stored(read)


def test_a_link_acts_only_when_its_button_is_pressed(api: Api, cloud: Cloud, phone_box: httpx.Client) -> None:
    (call,) = called(api, cloud, ("wecom", "ZhangSan"))
    ((_, sent),) = cloud.to("wecom")
    link = urlsplit(sent["template_card"]["card_action"]["url"]).path
    for _ in range(3):
        for method in ("GET", "HEAD"):
            phone_box.request(method, link, headers=CHAT_SCANNER)
    assert alert_now(api)["state"] == "open"
    assert answer_of(api, call) is None
    page = phone_box.get(link)
    assert "我来处理" in page.text
    assert page.text.count("<button") == 1
    assert page.headers["cache-control"] == "no-store"
    assert "谢谢" in phone_box.post(link).text
    now = alert_now(api)
    assert (now["state"], now["accepted_by"], now["assignee"]) == ("accepted", "w0", "网格员w0")
    assert answer_of(api, call) == "accept"
    assert "<button" not in phone_box.get(link).text, "there is nothing left to press"
    for wrong in (link[:-2], link + "x", "/a/1-1-x", "/a/x"):
        assert phone_box.post(wrong).status_code == 404


def test_of_two_who_press_the_first_wins_and_the_other_is_told(
    api: Api, cloud: Cloud, phone_box: httpx.Client
) -> None:
    cloud.members |= {"u0", "u1"}
    called(api, cloud, ("wecom", "u{}"), people=2)
    links = [urlsplit(sent["template_card"]["card_action"]["url"]).path for _, sent in cloud.to("wecom")]
    assert ["谢谢" in phone_box.post(link).text for link in links] == [True, False]
    assert alert_now(api)["accepted_by"] in {"w0", "w1"}


def sealed(text: str, *, at: float | None = None) -> tuple[dict[str, str], str]:
    """Return query and body of a callback of WeCom."""
    envelope = Envelope(token="callback-token", aes_key=AES_KEY, receiver="corp-1")
    timestamp, content = str(int(at or time.time())), envelope.seal(text)
    signature = envelope.signature(timestamp=timestamp, nonce="n", sealed=content)
    query = {"msg_signature": signature, "timestamp": timestamp, "nonce": "n"}
    return query, f"<xml><ToUserName>corp-1</ToUserName><Encrypt>{content}</Encrypt></xml>"


def press(task: str, *, user: str = "ZhangSan", key: str = "acknowledge") -> str:
    """Return the event of a card's button."""
    return (
        f"<xml><ToUserName>corp-1</ToUserName><FromUserName>{user}</FromUserName><MsgType>event</MsgType>"
        f"<Event>template_card_event</Event><EventKey>{key}</EventKey><TaskId>{task}</TaskId>"
        "<CardType>button_interaction</CardType><ResponseCode>r</ResponseCode><AgentID>7</AgentID></xml>"
    )


def test_a_cards_button_acknowledges_and_says_so(api: Api, cloud: Cloud, phone_box: httpx.Client) -> None:
    (call,) = called(api, cloud, ("wecom", "ZhangSan"))
    task = cloud.to("wecom")[0][1]["template_card"]["task_id"]
    query, body = sealed("an echo")
    echo = re.search("<Encrypt>(.*)</Encrypt>", body)
    assert echo is not None
    proved = phone_box.get("/callbacks/wecom", params={**query, "echostr": echo[1]})
    assert proved.text == "an echo"

    for wrong in (press(task, user="LiSi"), press("9999-1"), press("no task"), press(task, key="close")):
        query, body = sealed(wrong)
        assert phone_box.post("/callbacks/wecom", params=query, content=body).status_code == 200
    query, body = sealed(press(task))
    forged = phone_box.post("/callbacks/wecom", params={**query, "msg_signature": "0" * 40}, content=body)
    assert forged.status_code == 403
    old, old_body = sealed(press(task), at=time.time() - 3600)
    assert phone_box.post("/callbacks/wecom", params=old, content=old_body).status_code == 403
    assert phone_box.post("/callbacks/wecom", params=query, content="<!DOCTYPE x><x").status_code == 422
    assert phone_box.post("/callbacks/sms", params=query, content=body).status_code == 404
    assert alert_now(api)["state"] == "open"

    answer = phone_box.post("/callbacks/wecom", params=query, content=body)
    content = re.search("<Encrypt>(.*)</Encrypt>", answer.text)
    signature = re.search("<MsgSignature>(.*)</MsgSignature>.*<TimeStamp>(.*)</TimeStamp>", answer.text)
    assert content is not None
    assert signature is not None
    envelope = Envelope(token="callback-token", aes_key=AES_KEY, receiver="corp-1")
    said = envelope.open(
        signature=signature[1], timestamp=signature[2], nonce="gridwatch", sealed=unescape(content[1])
    )
    assert "<ReplaceName>已收到，谢谢。</ReplaceName>" in said
    now = alert_now(api)
    assert (now["state"], now["acknowledged_by"]) == ("acknowledged", "w0")
    assert answer_of(api, call) == "acknowledge"


def reports_to(api: Api, service: str) -> str:
    """Return our address for the reports of a service."""

    async def read(store: Store) -> str:
        return f"/callbacks/{service}/{await callback_secret(store, service)}"

    return api.stored(read)


def test_a_text_message_is_answered_by_one(api: Api, cloud: Cloud, phone_box: httpx.Client) -> None:
    (call,) = called(api, cloud, ("sms", PHONE))
    receipt = cloud.to("aliyun_sms")[0][1]["receipt"]
    address = reports_to(api, "sms")
    arrived = [{"biz_id": receipt, "success": True, "phone_number": PHONE}]
    assert phone_box.post("/callbacks/sms/guessed", json=arrived).status_code == 404
    assert phone_box.post(address, json=arrived).json() == {"code": 0, "msg": "接收成功"}
    strange = [{"phone_number": "13911111111", "content": "1"}, {"phone_number": PHONE, "content": "在吗"}]
    assert phone_box.post(address, json=strange).status_code == 200
    assert alert_now(api)["state"] == "open"
    assert phone_box.post(address, content="no json").status_code == 422
    assert phone_box.post(address, json=[{"phone_number": PHONE, "content": " １ "}]).status_code == 200
    assert alert_now(api)["state"] == "accepted"
    assert answer_of(api, call) == "accept"


def test_a_key_pressed_in_a_call_accepts_or_passes_it_on(
    api: Api, cloud: Cloud, phone_box: httpx.Client
) -> None:
    first, second = called(api, cloud, ("voice", "1390000000{}"), people=2)
    receipts = {phone: content["receipt"] for phone, content in cloud.to("aliyun_voice")}
    address = reports_to(api, "voice")
    passed = [{"call_id": receipts["13900000000"], "status_code": "300000", "dtmf": "2"}]
    accepted = [{"call_id": receipts["13900000001"], "status_code": "300000", "dtmf": "1"}]
    phone_box.post(address, json=passed)
    assert answer_of(api, first) == "return"
    assert alert_now(api)["state"] == "open"
    phone_box.post(address, json=accepted)
    assert answer_of(api, second) == "accept"
    assert alert_now(api)["accepted_by"] == "w1"


def test_what_a_text_message_says_is_understood_or_left_alone() -> None:
    for words in ("1", " 1 ", "１", "1。", "接单"):
        answer = read_words(words)
        assert answer is not None
        assert (answer.action, answer.alert_id) == ("accept", None)
    named = read_words("1 #4711")
    assert named is not None
    assert named.alert_id == 4711
    for words in ("", "11", "好的 1", "3", "1 或 2 都行吗 x"):
        assert read_words(words) is None


def test_who_holds_the_phone_is_signed_in_by_wecom(api: Api, cloud: Cloud, phone_box: httpx.Client) -> None:
    called(api, cloud, ("wecom", "ZhangSan"))

    async def bind(store: Store) -> None:
        await store.execute("UPDATE person SET username = 'admin' WHERE code = 'w0'")

    def come_back(code: str, *, honest: bool = True) -> httpx.Response:
        phone_box.cookies.clear()
        sent_to = phone_box.get("/login/wecom/wecom").headers["location"]
        state = parse_qs(urlsplit(sent_to).query)["state"][0] if honest else "0" * 32
        return phone_box.get("/login/wecom/wecom/back", params={"code": code, "state": state})

    assert "failed=wrong" in come_back("code-of-ZhangSan").headers["location"], "nobody's account yet"
    api.stored(bind)
    assert come_back("code-of-ZhangSan", honest=False).status_code == 403
    for code in ("outsider", "guessed", "code-of-LiSi"):
        assert "failed=wrong" in come_back(code).headers["location"]
    assert come_back("code-of-ZhangSan").headers["location"] == "/"
    assert phone_box.get("/api/v1/me").json()["username"] == "admin"
