"""What was seen of the broker: as it is, what may have lost messages, and who misused it."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gridwatch.store.connection import Connection, Store, queries

SQL = queries("broker")

AWAY = timedelta(minutes=1)
"""A broker that says it began so much later than it was last seen did begin anew, whatever its uptime."""
STALE = timedelta(seconds=15)
"""An uptime may be that old when it comes."""


class What(StrEnum):
    """What happened to the broker."""

    RESTARTED = "restarted"
    DROPPED = "dropped"
    FORGOT = "forgot"
    FLOODED = "flooded"
    TRESPASSED = "trespassed"
    TAKEN_OVER = "taken over"


MISUSES = frozenset({What.FLOODED, What.TRESPASSED, What.TAKEN_OVER})
"""What those do who may connect."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenBroker:
    """What a broker says of itself; `dropped` counts from its start, `kept` is what it holds for others."""

    version: str
    uptime_s: float
    kept: int
    dropped: int
    seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """Something that happened to the broker; `count` of messages, sessions or restarts."""

    at: datetime
    what: What
    count: int
    detail: str

    @property
    def sentence(self) -> str:
        """Say what happened and what it means."""
        when = f"{self.at:%Y-%m-%d %H:%M:%S} UTC"
        match self.what:
            case What.RESTARTED:
                return (
                    f"{when}: the broker started anew ({self.detail}): what it had not saved by then "
                    "is lost, the gaps name what devices had numbered"
                )
            case What.DROPPED:
                return f"{when}: the broker threw {self.count} messages away: {self.detail}"
            case What.FORGOT:
                return f"{when}: the broker forgot {self.count} times {self.detail}: messages are lost"
            case What.FLOODED:
                return f"{when}: {self.detail} flooded the broker and was put out, {self.count} times"
            case What.TRESPASSED:
                return f"{when}: {self.detail} asked for what is not its own, {self.count} times"
            case What.TAKEN_OVER:
                return (
                    f"{when}: {self.detail} connected while it was connected, {self.count} times: two use "
                    "the same credential, or its line is bad; if in doubt give it a new one"
                )


def compare(before: SeenBroker, now: SeenBroker) -> list[Incident] | None:
    """Return what must have happened between two looks; None where a busy collector's look is an old one."""
    began = now.seen_at - timedelta(seconds=now.uptime_s)
    is_less = now.uptime_s < before.uptime_s
    restarted = began > before.seen_at + AWAY or (is_less and began > before.seen_at - STALE)
    if is_less and not restarted:
        return None
    incidents = []
    if restarted:
        detail = (
            f"it was last seen {before.seen_at:%Y-%m-%d %H:%M:%S} UTC with {before.kept} messages kept, "
            f"and came back with {now.kept}"
        )
        incidents.append(Incident(at=began, what=What.RESTARTED, count=1, detail=detail))
    lost = now.dropped - (0 if restarted else before.dropped)
    if lost > 0:
        detail = "messages found no room in its queues"
        incidents.append(Incident(at=now.seen_at, what=What.DROPPED, count=lost, detail=detail))
    return incidents


def misuse(at: datetime, what: What, username: str) -> Incident:
    """Return what somebody did who may connect."""
    return Incident(at=at, what=what, count=1, detail=username)


def forgot(at: datetime, client_id: str, count: int) -> Incident:
    """Return that the broker forgot a session that it had promised to keep."""
    return Incident(
        at=at, what=What.FORGOT, count=count, detail=f"the session {client_id}, with what waited in it"
    )


async def see_broker(store: Store, now: SeenBroker) -> list[Incident]:
    """Write down what a broker says of itself; return what happened since it was last seen."""
    async with store.transaction() as connection:
        row = await (await connection.execute(SQL["before"])).fetchone()
        incidents = compare(SeenBroker(**row), now) if row else []
        if incidents is None:
            return []
        await connection.execute(SQL["see"], asdict(now))
        for incident in incidents:
            await _write(connection, incident)
    return incidents


async def write_incident(store: Store, incident: Incident) -> None:
    """Write down what happened to the broker."""
    async with store.transaction() as connection:
        await _write(connection, incident)


async def _write(connection: Connection, incident: Incident) -> None:
    """Write an incident; one that goes on is counted on for an hour."""
    if not (await connection.execute(SQL["count on"], asdict(incident))).rowcount:
        await connection.execute(SQL["incident"], asdict(incident))


async def seen_broker(store: Store) -> SeenBroker | None:
    """Return the broker as it was last seen, None where it never spoke of itself."""
    row = await store.row(SQL["seen"])
    return SeenBroker(**row) if row else None


async def broker_incidents(store: Store, within: timedelta) -> list[Incident]:
    """Return what happened to the broker, newest first."""
    rows = await store.rows(SQL["incidents"], {"within": within})
    return [Incident(**row | {"what": What(row["what"])}) for row in rows]
