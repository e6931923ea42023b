"""What devices prove themselves by: given, replaced, taken back, and claimed by fleets."""

import math
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from api.fields import DeviceId, Text
from api.office import TheOffice, ThePerson
from api.problems import documented
from gridwatch.errors import NotAllowed
from gridwatch.store.claims import claim
from gridwatch.store.credentials import (
    OVERLAP,
    NewCredential,
    list_credentials,
    revoke_credentials,
    rotate_secret,
)
from gridwatch.store.devices import get_device

router = APIRouter(prefix="/api/v1", tags=["credentials"])

LONGEST_OVERLAP_S = 90 * 86_400
CLAIMS = "claims of an address"
"""In the place of a name, where wrong tokens are counted."""


class Rotation(BaseModel):
    """How the new credential replaces the one before."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: float = Field(
        default=OVERLAP.total_seconds(),
        ge=0,
        le=LONGEST_OVERLAP_S,
        description="seconds that the old one stays good beside it; 0 ends it at once",
    )


class NewCredentialAnswer(BaseModel):
    """User and password for the broker: shown in this answer alone."""

    device: str
    username: str
    password: str

    @classmethod
    def of(cls, new: NewCredential, response: Response) -> "NewCredentialAnswer":
        """Make it, and let nobody on the way keep it."""
        response.headers["Cache-Control"] = "no-store"
        return cls(device=new.device, username=new.username, password=new.secret)


class CredentialAnswer(BaseModel):
    """A credential without what is secret of it."""

    username: str
    certificate: bool = Field(description="whether it is a certificate, not a password")
    serial: str | None
    issued_at: datetime
    issued_by: str
    ends_at: datetime | None = Field(description="null: until somebody revokes it")


class Claim(BaseModel):
    """A bootstrap token, and the device that uses it."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=200)]
    device: DeviceId


@router.get("/devices/{device}/credentials", responses=documented(401, 404, 422, 503))
async def credentials(device: DeviceId, office: TheOffice) -> list[CredentialAnswer]:
    """Return the credentials that are good for a device."""
    await get_device(office.store, device)
    found = await list_credentials(office.store, device)
    return [CredentialAnswer.model_validate(one, from_attributes=True) for one in found]


@router.post(
    "/devices/{device}/credentials",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 404, 422, 503),
)
async def rotate(
    device: DeviceId,
    office: TheOffice,
    person: ThePerson,
    response: Response,
    body: Rotation | None = None,
) -> NewCredentialAnswer:
    """Give a device a new password; the old one stays good for a while. The broker knows it within 5 s."""
    overlap = timedelta(seconds=(body or Rotation()).overlap_s)
    new = await rotate_secret(office.store, device, actor=person.username, overlap=overlap)
    return NewCredentialAnswer.of(new, response)


@router.delete(
    "/devices/{device}/credentials",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=documented(401, 404, 422, 503),
)
async def revoke(
    device: DeviceId,
    office: TheOffice,
    person: ThePerson,
    username: Annotated[Text | None, Query(description="only this one")] = None,
) -> None:
    """Take a device's credentials back, or one; who is connected with it is put out within 5 s."""
    await revoke_credentials(office.store, device, actor=person.username, username=username)


@router.post("/claim", status_code=status.HTTP_201_CREATED, responses=documented(403, 422, 429, 503))
async def claim_credential(
    body: Claim, request: Request, response: Response, office: TheOffice
) -> NewCredentialAnswer:
    """Give a registered device without a credential its first one for a bootstrap token, which it uses up."""
    address = request.client.host if request.client else ""
    wait_s = office.guesses.wait_s(CLAIMS, address)
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise HTTPException(429, f"too many wrong tokens: wait {math.ceil(wait_s)} s", headers=headers)
    try:
        new = await claim(office.store, body.token, body.device, address=address)
    except NotAllowed as error:
        office.guesses.count(CLAIMS, address)
        raise HTTPException(403, str(error)) from error
    return NewCredentialAnswer.of(new, response)
