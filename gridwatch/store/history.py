"""What was measured and seen: readings, events and their evidence, as people ask for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from gridwatch.errors import NotFound
from gridwatch.model import BoxXyxy
from gridwatch.store.connection import Row, Store, queries

SQL = queries("history")

HOUR = timedelta(hours=1)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Buckets of any length are counted from here."""
AMONG = 16
"""Readings: some messages of a device that measures several quantities. Without a bound, a quantity that it
sent once would be looked for in its whole history."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One measured value; the quantity's name holds the unit."""

    quantity: str
    observed_at: datetime
    received_at: datetime
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FlaggedReading(Reading):
    """A reading with the sum of its flags: of the device's clock, and of doubts about the value."""

    flags: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """The readings of one quantity in an interval that begins at `bucket_at`, summed up."""

    quantity: str
    bucket_at: datetime
    avg: float
    min: float
    max: float
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceItem:
    """Evidence of an event: a link, or a file that the house keeps."""

    position: int
    media_type: str
    masked: bool
    link: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceFile:
    """Where evidence of an event is: a file by its content hash, or a link."""

    position: int
    media_type: str
    masked: bool
    sha256: str | None
    url: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A finding as it was stored."""

    id: UUID
    device: str
    scene: str
    label: str
    confidence: float
    observed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    box_xyxy: BoxXyxy | None
    track: Sequence[Any]
    origins: Sequence[Mapping[str, Any]]
    criteria: Mapping[str, float]
    detector: str
    received_at: datetime
    recorded_at: datetime
    alert_id: int | None
    evidence: Sequence[EvidenceItem]

    @classmethod
    def from_row(cls, row: Row) -> "Event":
        """Make it from a row of the query."""
        evidence = [EvidenceItem(**item) for item in row["evidence"]]
        box = row["box_xyxy"]
        return cls(**{**row, "evidence": evidence, "box_xyxy": None if box is None else tuple(box)})


async def list_readings(
    store: Store, device: str, *, quantity: str | None, since: datetime, until: datetime, limit: int
) -> list[FlaggedReading]:
    """Return readings in since ≤ time < until, newest first.

    A page ends at a whole instant, so it can be longer than `limit`; the next one is `until` the last
    reading's time.
    """
    given = {"device": device, "quantity": quantity, "since": since, "until": until, "limit": limit}
    return [FlaggedReading(**row) for row in await store.rows(SQL["readings"], given)]


async def list_buckets(
    store: Store,
    device: str,
    *,
    quantity: str | None,
    since: datetime,
    until: datetime,
    bucket: timedelta,
    limit: int,
) -> list[Bucket]:
    """Return readings in since ≤ time < until summed up by intervals, newest first, in pages as above.

    Whole hours come from the hourly sums, which outlive the readings.
    """
    first_hour = EPOCH - (EPOCH - since) // HOUR * HOUR
    last_hour = EPOCH + (until - EPOCH) // HOUR * HOUR
    given = {
        "device": device,
        "quantity": quantity,
        "since": since,
        "until": until,
        "bucket": bucket,
        "limit": limit,
    }
    if bucket % HOUR or first_hour >= last_hour:
        return [Bucket(**row) for row in await store.rows(SQL["buckets"], given)]
    hours = {"first_hour": first_hour, "last_hour": last_hour}
    return [Bucket(**row) for row in await store.rows(SQL["buckets of hours"], given | hours)]


async def latest_readings(
    store: Store, *, since: datetime, area: str | None = None
) -> dict[str, list[Reading]]:
    """Return the newest reading of each quantity of every device, or of those of one area, by device.

    Of quantities that are among a device's last AMONG readings and not older than `since`.
    """
    given = {"since": since, "area": area, "among": AMONG}
    latest: dict[str, list[Reading]] = {}
    for row in await store.rows(SQL["latest"], given):
        latest.setdefault(row.pop("device"), []).append(Reading(**row))
    return latest


async def list_events(
    store: Store,
    *,
    device: str | None = None,
    scene: str | None = None,
    label: str | None = None,
    alert: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: UUID | None = None,
    limit: int = 100,
) -> list[Event]:
    """Return a page of events, the last recorded first; `before` is the last one seen."""
    given = {
        "id": None,
        "device": device,
        "scene": scene,
        "label": label,
        "alert": alert,
        "since": since,
        "until": until,
        "before": before,
        "limit": limit,
    }
    return [Event.from_row(row) for row in await store.rows(SQL["events"], given)]


async def get_event(store: Store, event: UUID) -> Event:
    """Return one event; raise NotFound."""
    nothing = dict.fromkeys(("device", "scene", "label", "alert", "since", "until", "before"))
    row = await store.row(SQL["events"], {**nothing, "id": event, "limit": 1})
    if row is None:
        raise NotFound(f"no event {event}")
    return Event.from_row(row)


async def evidence_of(store: Store, event: UUID) -> list[EvidenceFile]:
    """Return the evidence of an event in its order; none where there is no such event."""
    return [EvidenceFile(**row) for row in await store.rows(SQL["evidence"], {"event": event})]


async def note_view(store: Store, event: UUID, position: int, username: str) -> None:
    """Write down who looked at evidence that shows more than the finding."""
    await store.execute(SQL["note view"], {"event": event, "position": position, "username": username})
