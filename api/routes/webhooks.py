"""Receivers of other systems that are told of alerts: for administrators of the whole installation."""

import base64
import binascii
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Response, status
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api.cap import Sender
from api.channels.senders import new_client
from api.channels.sending import NotSent
from api.dispatch.webhooks import SECRET_MARK, as_trial, post
from api.fields import LARGEST_ID, Text
from api.office import Office, TheOffice, ThePerson
from api.problems import documented
from gridwatch.store.webhooks import (
    MOST_AT_ONCE,
    Address,
    Form,
    Webhook,
    address_of,
    dead_messages,
    delete_webhook,
    discard_dead,
    list_webhooks,
    put_webhook,
    replay_dead,
)
from gridwatch.strongbox import Strongbox

router = APIRouter(prefix="/api/v1/webhooks", tags=["other systems"])

SECRET_BYTES = 32
FEWEST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
"""As Standard Webhooks has it."""

INSIDE = frozenset({"localhost", "127.0.0.1", "::1"})


def _encrypted(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"it is no address: {error}") from error
    if (
        not host
        or not url.isascii()
        or not (parts.scheme == "https" or (parts.scheme == "http" and host in INSIDE))
    ):
        raise ValueError("write an address that begins with https://; http:// is for this machine alone")
    return url


def _strong(secret: str) -> str:
    mark, _, encoded = secret.partition("_")
    try:
        size = len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"write {SECRET_MARK} and base64") from error
    if f"{mark}_" != SECRET_MARK or not FEWEST_SECRET_BYTES <= size <= MOST_SECRET_BYTES:
        raise ValueError(
            f"write {SECRET_MARK} and base64 of {FEWEST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes"
        )
    return secret


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class WebhookBody(BaseModel):
    """A receiver that is wanted; one of that name is replaced."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Name
    url: Annotated[str, Field(max_length=2000), AfterValidator(_encrypted)]
    form: Form = Form.CLOUDEVENTS
    area: Text | None = Field(None, description="only what happens in it and below; null: everything")
    drills: bool = Field(False, description="whether drills are told too; they say that they are")
    secret: Annotated[str, Field(max_length=200), AfterValidator(_strong)] | None = Field(
        None, description="of the signatures, `whsec_…`; null: one is made"
    )


class NewWebhook(BaseModel):
    """A receiver with its secret, which is shown in this answer alone."""

    name: str
    secret: str


class WebhookKnown(BaseModel):
    """A receiver without what is secret of it."""

    name: str
    shown: str = Field(description="its address without path and query")
    form: Form
    area: str | None
    drills: bool
    changed_at: AwareDatetime
    failing_since: AwareDatetime | None
    last_error: str
    waiting: int
    dead: int


class DeadMessage(BaseModel):
    """A message that a receiver refused, or did not take for a day."""

    key: int
    seq: int
    alert: int
    change: str
    changed_at: AwareDatetime
    attempts: int
    settled_at: AwareDatetime
    why: str


class ReplayBody(BaseModel):
    """Which dead messages are sent again."""

    model_config = ConfigDict(extra="forbid")

    keys: (
        Annotated[list[Annotated[int, Field(ge=1, le=LARGEST_ID)]], Field(max_length=MOST_AT_ONCE)] | None
    ) = Field(None, description=f"null: all, the oldest {MOST_AT_ONCE} at once")


class Replayed(BaseModel):
    """How many messages wait again."""

    replayed: int


class Tried(BaseModel):
    """Whether a receiver took a test event, and why not."""

    taken: bool
    why: str


def box_of(office: Office) -> Strongbox:
    return Strongbox(office.settings.data_dir)


@router.get("", responses=documented(401, 503))
async def webhooks(office: TheOffice) -> list[WebhookKnown]:
    """Return the receivers and how they are doing."""
    return [
        WebhookKnown.model_validate(one, from_attributes=True) for one in await list_webhooks(office.store)
    ]


@router.post("", status_code=status.HTTP_201_CREATED, responses=documented(401, 404, 422, 503))
async def put(body: WebhookBody, response: Response, office: TheOffice, person: ThePerson) -> NewWebhook:
    """Let a receiver be told from now on; its secret is shown to nobody once this answer is gone."""
    response.headers["Cache-Control"] = "no-store"
    return NewWebhook(name=body.name, secret=await keep_webhook(office, body, by=person.username))


async def keep_webhook(office: Office, body: WebhookBody, *, by: str) -> str:
    """Let a receiver be told from now on; return its secret. Raises NotFound where there is no such area."""
    made = SECRET_MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    address = Address(url=body.url, secret=body.secret or made)
    webhook = Webhook(name=body.name, address=address, form=body.form, area=body.area, drills=body.drills)
    await put_webhook(office.store, box_of(office), webhook, by=by)
    return address.secret


@router.delete(
    "/{webhook}",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 422, 503),
)
async def delete(webhook: Name, office: TheOffice, person: ThePerson) -> None:
    """Forget a receiver with all messages to it."""
    await delete_webhook(office.store, webhook, by=person.username)


@router.post("/{webhook}/test", responses=documented(401, 404, 422, 503))
async def test(webhook: Name, office: TheOffice) -> Tried:
    """Send a signed event of type `gridwatch.test` at once, and say whether it was taken."""
    return await try_out(office, webhook)


async def try_out(office: Office, webhook: str) -> Tried:
    """Send a test event to a receiver. Raises NotFound."""
    address = await address_of(office.store, box_of(office), webhook)
    event = as_trial(Sender.of(office.settings), now=datetime.now(UTC))
    async with new_client() as client:
        try:
            await post(client, address, event)
        except NotSent as error:
            return Tried(taken=False, why=str(error))
    return Tried(taken=True, why="")


@router.get("/{webhook}/dead", responses=documented(401, 404, 422, 503), response_model=list[DeadMessage])
async def dead(webhook: Name, office: TheOffice) -> Any:
    """Return what was put aside, the newest first."""
    return await dead_messages(office.store, webhook)


@router.post("/{webhook}/replay", responses=documented(401, 404, 422, 503))
async def replay(webhook: Name, office: TheOffice, body: ReplayBody | None = None) -> Replayed:
    """Send what was put aside again."""
    return Replayed(replayed=await replay_dead(office.store, webhook, None if body is None else body.keys))


@router.delete(
    "/{webhook}/dead",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    responses=documented(401, 404, 422, 503),
)
async def discard(webhook: Name, office: TheOffice) -> None:
    """Delete what was put aside."""
    await discard_dead(office.store, webhook)
