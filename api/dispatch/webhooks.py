"""Tell receivers of other systems about changes of alerts: CloudEvents 1.0, signed as Standard Webhooks says.

An event goes in structured mode with the alert as JSON, or in binary mode with a message of CAP 1.2. While a
receiver is away it is tried again for a day, later and later, by one message for all that wait; what it
refuses, or what got too old, is put aside for an administrator.
"""

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import msgspec

from api.cap import MEDIA_TYPE as CAP_TYPE
from api.cap import Sender, cap_message, seen_from
from api.channels.sending import NotSent, Refused, TooFast
from api.dispatch.calling import Again
from gridwatch.areas.area import Area
from gridwatch.errors import NotFound
from gridwatch.store import Store
from gridwatch.store.areas import path_of
from gridwatch.store.changes import Told, changes_of_incident, find_change
from gridwatch.store.webhooks import (
    Address,
    Form,
    ToSend,
    message_to_send,
    note_away,
    note_dead,
    note_folded,
    note_sent,
)
from gridwatch.strongbox import Strongbox

log = logging.getLogger(__name__)

KEEP_TRYING = timedelta(hours=24)
"""A message that waited longer is put aside at its next failure: whoever comes back after that asks."""

SECRET_MARK = "whsec_"  # noqa: S105 - how such secrets begin
LONGEST_PAUSE_S = 3600.0
"""Of what a receiver asks us to wait, so much is believed."""

JSON_TYPE = "application/cloudevents+json; charset=utf-8"

TIMEOUTS = frozenset({408, 425, 429})
"""Of the statuses that say that we are wrong, these say: later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What is posted: a body with the headers that describe it."""

    id: str
    headers: Mapping[str, str]
    body: bytes


class Herald:
    """Tells receivers, one message at a time."""

    def __init__(self, store: Store, box: Strongbox, client: httpx.AsyncClient, sender: Sender) -> None:
        self._store = store
        self._box = box
        self._client = client
        self._sender = sender

    async def tell(self, message_key: int) -> None:
        """Send one message; raise Again where it goes later, StoreError, SettingsError for a lost key."""
        message = await message_to_send(self._store, self._box, message_key)
        if message is None:
            return
        if message.superseded:
            await note_folded(self._store, message)
            return
        if message.retry_at is not None and message.retry_at > datetime.now(UTC):
            raise Again(message.retry_at)
        try:
            event = await self._compose(message)
        except NotFound:
            # The alert is gone, and the message with it.
            return
        try:
            await post(self._client, message.webhook.address, event)
        except Refused as error:
            await note_dead(self._store, message, str(error))
        except NotSent as error:
            await self._put_off(message, error)
        else:
            await note_sent(self._store, message)

    async def _put_off(self, message: ToSend, error: NotSent) -> None:
        after_s = error.after_s if isinstance(error, TooFast) else 0.0
        retry_at = await note_away(self._store, message, str(error), after_s=after_s)
        if datetime.now(UTC) - message.since > KEEP_TRYING:
            await note_dead(self._store, message, f"for {KEEP_TRYING} nothing was taken: {error}")
            return
        raise Again(retry_at)

    async def _compose(self, message: ToSend) -> Event:
        if message.webhook.form is Form.CLOUDEVENTS:
            return as_json(await find_change(self._store, message.seq), self._sender)
        told = await changes_of_incident(self._store, message.alert_id, until=message.seq)
        area = told[-1].alert["area"]
        path = await path_of(self._store, area) if area is not None else []
        return as_cap(told, seen_from(path, message.webhook.area), self._sender)


async def post(client: httpx.AsyncClient, address: Address, event: Event) -> None:
    """Post an event, signed. Raises NotSent or one of its kinds."""
    signed = signature_headers(address.secret, event, now_s=time.time())
    request = client.stream("POST", address.url, content=event.body, headers={**event.headers, **signed})
    try:
        async with request as answer:
            status, wait = answer.status_code, answer.headers.get("retry-after", "")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotSent(f"no answer ({type(error).__name__})") from error
    if httpx.codes.is_success(status):
        return
    if wait.isascii() and wait.isdigit():
        raise TooFast(f"it answered {status}", after_s=min(float(wait), LONGEST_PAUSE_S))
    if httpx.codes.is_client_error(status) and status not in TIMEOUTS:
        raise Refused(f"it answered {status}")
    raise NotSent(f"it answered {status}")


def as_trial(sender: Sender, *, now: datetime) -> Event:
    """Return an event that says nothing but that a receiver is reached."""
    made = {
        "specversion": "1.0",
        "id": f"test-{uuid4().hex}",
        "source": sender.link_base,
        "type": "gridwatch.test",
        "time": now.isoformat(),
    }
    return Event(id=made["id"], headers={"Content-Type": JSON_TYPE}, body=msgspec.json.encode(made))


def as_json(told: Told, sender: Sender) -> Event:
    """Return a change as an event in structured mode."""
    event = {**_attributes(told, sender), "datacontenttype": "application/json", "data": told.alert}
    return Event(id=_event_id(told), headers={"Content-Type": JSON_TYPE}, body=msgspec.json.encode(event))


def as_cap(messages: Sequence[Told], path: Sequence[Area], sender: Sender) -> Event:
    """Return the last change as an event in binary mode, whose data is a message of CAP 1.2."""
    told = messages[-1]
    headers = {f"ce-{name}": value for name, value in _attributes(told, sender).items()}
    body = cap_message(messages, path, sender)
    return Event(id=_event_id(told), headers={**headers, "Content-Type": CAP_TYPE}, body=body)


def signature_headers(secret: str, event: Event, *, now_s: float) -> Mapping[str, str]:
    """Return the headers by which a receiver knows that an event is ours, whole and new."""
    key = base64.b64decode(secret.removeprefix(SECRET_MARK))
    at = str(int(now_s))
    mac = hmac.new(key, f"{event.id}.{at}.".encode() + event.body, hashlib.sha256).digest()
    return {
        "webhook-id": event.id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _attributes(told: Told, sender: Sender) -> Mapping[str, str]:
    """Return what every event says of itself; `sequence` is ordered as text (an extension of CloudEvents)."""
    return {
        "specversion": "1.0",
        "id": _event_id(told),
        "source": sender.link_base,
        "type": f"gridwatch.alert.{told.change}",
        "subject": f"alerts/{told.alert['id']}",
        "time": told.changed_at.isoformat(),
        "sequence": f"{told.seq:020d}",
    }


def _event_id(told: Told) -> str:
    return f"{told.alert['id']}-{told.seq}"
