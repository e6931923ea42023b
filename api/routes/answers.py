"""Where answers come in from outside: one-tap links, and what services post."""

import hmac
import json
import re
import time
from datetime import UTC, datetime
from html import escape
from typing import Annotated, Any
from xml.etree.ElementTree import Element

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from api.answering import ACCEPT, answer_call, read_words
from api.channels.reports import Report, read_reports, thanks
from api.channels.wecom_envelope import BrokenSeal, Envelope
from api.dispatch.answer_links import PATH, AnswerLinks
from api.dispatch.letter import marked
from api.office import Office, TheOffice
from api.places import Places
from api.reports_address import callback_secret
from api.texts import DEFAULT_LANGUAGE, Words
from gridwatch.errors import NotAllowed, NotFound
from gridwatch.model import Role
from gridwatch.services import Service, WeCom
from gridwatch.store.accounts import token_secret
from gridwatch.store.alerts import get_alert
from gridwatch.store.areas import path_of
from gridwatch.store.channels import find_service, owner_of
from gridwatch.store.deliveries import newest_call, owner_of_call, take_report
from gridwatch.strongbox import Strongbox
from gridwatch.workflow import allowed_actions

router = APIRouter(tags=["answers"], include_in_schema=False)

FRESH_S = 600
"""A callback of WeCom that is older was recorded and is played again."""

TASK = re.compile(r"(\d{1,18})-\d{1,18}")

PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Gridwatch</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>body{{font:18px/1.5 sans-serif;margin:2em auto;max-width:26em;padding:0 1em}}
body{{background:#16202b;color:#eee}}
button{{font-size:1.3em;width:100%;padding:.8em;border:0;border-radius:8px;background:#c62828;color:#fff}}
a{{color:#8cf}}</style><h1>{title}</h1><p>{text}</p>{form}
<p><a href="/?alert={alert}">{details}</a></p></html>"""


@router.get(PATH + "{token}")
async def ask(token: str, office: TheOffice) -> HTMLResponse:
    """Show one button that posts. Nothing is done by looking: scanners of mail and chat open links too."""
    call_key = await _call_behind(office, token)
    if call_key is None:
        return _expired()
    owner, alert = await _called(office, call_key)
    words = Words(owner["language"])
    action = _usual_action(alert)
    if action is None:
        return _page(words, alert, await _title(office, alert, words), words("answer.nothing"))
    button = f'<form method="post"><button>{escape(words(f"answer.{action}"))}</button></form>'
    title = await _title(office, alert, words)
    return _page(words, alert, title, words("answer.question"), button)


@router.post(PATH + "{token}")
async def answer(token: str, office: TheOffice) -> HTMLResponse:
    """Do what the button says, for whom the link was made."""
    call_key = await _call_behind(office, token)
    if call_key is None:
        return _expired()
    owner, alert = await _called(office, call_key)
    done = await answer_call(office.store, call_key, _usual_action(alert) or ACCEPT)
    words = Words(owner["language"])
    text = words("answer.nothing") if done.refused else words("answer.done")
    return _page(words, alert, await _title(office, alert, words), text)


@router.post("/callbacks/{service}/{secret}")
async def report(service: str, secret: str, request: Request, office: TheOffice) -> Response:
    """Take in what a service tells of messages and calls: that they arrived, and what people answered."""
    told = await _service(office, service)
    if not hmac.compare_digest(secret.encode(), (await callback_secret(office.store, service)).encode()):
        raise HTTPException(404)
    try:
        reports = read_reports(told, json.loads(await request.body()))
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    for one in reports:
        await _take_in(office, service, one)
    return JSONResponse(dict(thanks(told)))


Seal = Annotated[str, Query(alias="msg_signature", max_length=64)]
Timestamp = Annotated[str, Query(max_length=16)]
Nonce = Annotated[str, Query(max_length=64)]


@router.get("/callbacks/{service}")
async def prove(
    service: str, office: TheOffice, seal: Seal, timestamp: Timestamp, nonce: Nonce, echostr: str
) -> PlainTextResponse:
    """Prove to WeCom that this address is the application's."""
    envelope = await _envelope(office, service)
    return PlainTextResponse(_opened(envelope, seal, timestamp, nonce, echostr))


@router.post("/callbacks/{service}")
async def pressed(
    service: str, request: Request, office: TheOffice, seal: Seal, timestamp: Timestamp, nonce: Nonce
) -> Response:
    """Take in a button of a card that somebody pressed in WeCom; the button then says what became of it."""
    envelope = await _envelope(office, service)
    sealed = _element(await request.body()).findtext("Encrypt") or ""
    event = _element(_opened(envelope, seal, timestamp, nonce, sealed).encode())
    said = {child.tag: child.text or "" for child in event}
    if said.get("Event") != "template_card_event":
        return PlainTextResponse("success")
    return Response(
        _sealed(envelope, _update(said, await _press(office, service, said))), media_type="application/xml"
    )


async def _press(office: Office, service: str, said: dict[str, str]) -> str:
    """Return what the button says from now on."""
    task, user = TASK.fullmatch(said.get("TaskId", "")), said.get("FromUserName", "")
    owner = await owner_of(office.store, Strongbox(office.settings.data_dir), service, user)
    called = None if task is None else await owner_of_call(office.store, int(task[1]))
    if owner is None or called is None or owner["person_key"] != called["person_key"]:
        return Words(DEFAULT_LANGUAGE)("answer.expired")
    words = Words(called["language"])
    try:
        done = await answer_call(office.store, called["key"], said.get("EventKey", ""))
    except NotAllowed:
        return words("answer.nothing")
    return words("answer.nothing") if done.refused else words("answer.done")


async def _take_in(office: Office, service: str, one: Report) -> None:
    box = Strongbox(office.settings.data_dir)
    answer = read_words(one.words)
    if one.receipt:
        calls = await take_report(
            office.store, service=service, receipt=one.receipt, arrived=one.arrived, by_person=one.by_person
        )
    else:
        mark = box.mark(_national(one.phone))
        named = answer.alert_id if answer else None
        newest = await newest_call(office.store, service=service, address_mark=mark, alert_id=named)
        calls = [] if newest is None else [newest]
    for call_key in calls:
        if answer is not None:
            await answer_call(office.store, call_key, answer.action)


def _national(phone: str) -> str:
    """Return a number without the country, as it stands with the people of China."""
    return re.sub(r"^(\+86|0086|86)(?=1\d{10}$)", "", phone)


async def _call_behind(office: Office, token: str) -> int | None:
    links = AnswerLinks(await token_secret(office.store))
    return links.read(token, now=datetime.now(UTC))


async def _called(office: Office, call_key: int) -> tuple[Any, Any]:
    owner = await owner_of_call(office.store, call_key)
    if owner is None:
        raise NotFound("this call is gone")
    return owner, await get_alert(office.store, owner["alert_id"])


def _usual_action(alert: Any) -> str | None:
    """Return what the one button does: going there where that is still open; None where nothing is."""
    allowed = allowed_actions(alert["state"], Role.GRID_WORKER)
    return ACCEPT if ACCEPT in allowed else None


async def _title(office: Office, alert: Any, words: Words) -> str:
    area = alert["area"]
    places = Places(await path_of(office.store, area) if area is not None else ())
    label = marked(words.label(alert["label"]), alert, words)
    return " · ".join(filter(None, (label, places.of(alert))))


def _page(words: Words, alert: Any, title: str, text: str, form: str = "") -> HTMLResponse:
    content = PAGE.format(
        language=words.language,
        title=escape(title),
        text=escape(text),
        form=form,
        alert=alert["id"],
        details=escape(words("answer.details")),
    )
    return HTMLResponse(content, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _expired() -> HTMLResponse:
    words = Words(DEFAULT_LANGUAGE)
    content = f'<!doctype html><meta charset="utf-8"><p>{escape(words("answer.expired"))}</p>'
    return HTMLResponse(content, 404, headers={"Cache-Control": "no-store"})


async def _service(office: Office, name: str) -> Service:
    service = await find_service(office.store, Strongbox(office.settings.data_dir), name)
    if service is None:
        raise HTTPException(404)
    return service


async def _envelope(office: Office, name: str) -> Envelope:
    service = await _service(office, name)
    if not isinstance(service, WeCom):
        raise HTTPException(404)
    try:
        return Envelope(token=service.token, aes_key=service.aes_key, receiver=service.corp_id)
    except ValueError as error:
        raise HTTPException(404, f"service {name}: {error}") from error


def _opened(envelope: Envelope, seal: str, timestamp: str, nonce: str, sealed: str) -> str:
    if not timestamp.isascii() or not timestamp.isdigit() or abs(time.time() - int(timestamp)) > FRESH_S:
        raise HTTPException(403, "the timestamp is not of now")
    try:
        return envelope.open(signature=seal, timestamp=timestamp, nonce=nonce, sealed=sealed)
    except BrokenSeal as error:
        raise HTTPException(403, str(error)) from error


def _element(content: bytes) -> Element:
    try:
        element: Element = ElementTree.fromstring(content)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise HTTPException(422, "no XML that can be read") from error
    return element


def _update(said: dict[str, str], text: str) -> str:
    """Return the answer by which WeCom changes the button (更新点击用户的按钮文案)."""
    to, own = escape(said.get("FromUserName", "")), escape(said.get("ToUserName", ""))
    return (
        f"<xml><ToUserName>{to}</ToUserName><FromUserName>{own}</FromUserName>"
        f"<CreateTime>{int(time.time())}</CreateTime><MsgType>update_button</MsgType>"
        f"<Button><ReplaceName>{escape(text)}</ReplaceName></Button></xml>"
    )


def _sealed(envelope: Envelope, text: str) -> str:
    sealed, timestamp, nonce = envelope.seal(text), str(int(time.time())), "gridwatch"
    signature = envelope.signature(timestamp=timestamp, nonce=nonce, sealed=sealed)
    return (
        f"<xml><Encrypt>{sealed}</Encrypt><MsgSignature>{signature}</MsgSignature>"
        f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{nonce}</Nonce></xml>"
    )
