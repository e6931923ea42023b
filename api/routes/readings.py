"""What devices measured."""

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from api.fields import NEXT_PAGE, DeviceId, Label, Since, Until, link_next
from api.office import TheOffice
from api.problems import documented
from gridwatch.store.devices import get_device
from gridwatch.store.history import list_buckets, list_readings

router = APIRouter(prefix="/api/v1", tags=["history"])

BUCKET = re.compile(r"([1-9]\d{0,6})\s*([smhd]?)")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_BUCKET = timedelta(days=366)
DEFAULT_RANGE = timedelta(hours=24)


def _bucket(text: object) -> object:
    match = BUCKET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("write a number and s, m, h or d, as in 30s, 5m, 1h or 1d")
    length = timedelta(seconds=int(match[1]) * UNITS[match[2]])
    if length > LONGEST_BUCKET:
        raise ValueError(f"longer than {LONGEST_BUCKET.days} days")
    return length


class ReadingAnswer(BaseModel):
    """One measured value."""

    device: str
    quantity: str
    observed_at: AwareDatetime
    received_at: AwareDatetime
    value: float
    flags: int = Field(
        description="sum of 1 future, 2 old, 4 clock set, 8 flat line, 16 out of range, 32 spike, 64 drift"
    )


class BucketAnswer(BaseModel):
    """The values of one interval, which begins at `bucket_at`."""

    device: str
    quantity: str
    bucket_at: AwareDatetime
    avg: float
    min: float
    max: float
    count: int


@router.get("/readings", responses={200: NEXT_PAGE, **documented(401, 404, 422, 503)})
async def readings(
    *,
    request: Request,
    response: Response,
    office: TheOffice,
    device: Annotated[DeviceId, Query()],
    quantity: Label | None = None,
    since: Since = None,
    until: Until = None,
    bucket: Annotated[
        timedelta | None, BeforeValidator(_bucket), Query(description="30s, 5m, 1h, 1d: sum up by intervals")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[ReadingAnswer] | list[BucketAnswer]:
    """Return readings of a device, newest first: of the last 24 hours unless a time is given.

    A page ends at a whole instant, so it can hold a few more than `limit`.
    """
    until = until or datetime.now(UTC)
    since = since or until - DEFAULT_RANGE
    if since > until:
        raise RequestValidationError([{"loc": ("query", "from"), "msg": "is later than `to`"}])
    await get_device(office.store, device)
    if bucket is None:
        found = await list_readings(
            office.store, device, quantity=quantity, since=since, until=until, limit=limit
        )
        if len(found) >= limit:
            link_next(request, response, to=found[-1].observed_at.isoformat())
        return [ReadingAnswer(device=device, **asdict(one)) for one in found]
    sums = await list_buckets(
        office.store, device, quantity=quantity, since=since, until=until, bucket=bucket, limit=limit
    )
    if len(sums) >= limit:
        link_next(request, response, to=sums[-1].bucket_at.isoformat())
    return [BucketAnswer(device=device, **asdict(one)) for one in sums]
