"""Services and the ways to people: what is secret in them leaves the database only through the strongbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from gridwatch.delivery import Way
from gridwatch.errors import NotFound
from gridwatch.lines import WrongLine, WrongLines
from gridwatch.services import REPORTS, Others, Service, kind_of, read_service, written
from gridwatch.store.connection import Connection, Row, Store, one, queries
from gridwatch.store.trail import What, note
from gridwatch.strongbox import Strongbox

SQL = queries("channels")

SHOWN_INSTEAD = "***"
"""In the place of an address that is a secret itself; in a file it stands for the one that is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceState:
    """How a service is doing; nothing of its secrets."""

    name: str
    kind: str
    changed_at: datetime
    failing_since: datetime | None
    bad_credential: bool
    last_error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """A way to a person as it is used: which service, which address, and its place in the policy."""

    way: Way
    service_name: str
    service: Service
    address: str
    address_mark: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelLine:
    """A way to a person as a file says it."""

    line: int
    person: str
    position: int
    service: str
    address: str
    quiet: tuple[time, time] | None = None


async def put_service(store: Store, box: Strongbox, name: str, service: Service, *, by: str) -> None:
    """Keep an account with a service, in the place of one of that name."""
    given = {"name": name, "kind": kind_of(service), "sealed": box.lock(written(service))}
    async with store.transaction() as connection:
        before = await one(connection, SQL["told service"], name=name)
        await connection.execute(SQL["put service"], given)
        after = await one(connection, SQL["told service"], name=name)
        await note(connection, What.SERVICES, name, by=by, before=before, after=after)


async def delete_service(store: Store, name: str, *, by: str) -> None:
    """Forget a service with all ways that use it; raise NotFound."""
    async with store.transaction() as connection:
        before = await one(connection, SQL["told service"], name=name)
        if (await connection.execute(SQL["delete service"], {"name": name})).rowcount == 0:
            raise NotFound(f"no service {name}")
        await note(connection, What.SERVICES, name, by=by, before=before, after=None)


async def list_services(store: Store) -> Sequence[ServiceState]:
    """Return how all services are doing."""
    return [_state(row) for row in await store.rows(SQL["services"])]


async def find_service(store: Store, box: Strongbox, name: str) -> Service | None:
    """Return the service of that name, if there is one."""
    row = await store.row(SQL["service"], {"name": name})
    return None if row is None else read_service(box.unlock(bytes(row["sealed"])))


async def note_service(
    store: Store, name: str, *, error: str | None = None, bad_credential: bool = False
) -> None:
    """Write down that a service took a message, or that it did not."""
    if error is None:
        await store.execute(SQL["service works"], {"name": name})
    else:
        given = {"name": name, "error": error, "bad_credential": bad_credential}
        await store.execute(SQL["service fails"], given)


async def channels_of(store: Store, box: Strongbox, person_key: int) -> Sequence[Channel]:
    """Return the ways to a person in their order."""
    rows = await store.rows(SQL["ways"], {"person_key": person_key})
    services = {name: await find_service(store, box, name) for name in {row["service"] for row in rows}}
    channels = []
    for row in rows:
        service = services[row["service"]]
        if service is not None:
            channels.append(_channel(row, service, box))
    return channels


async def list_channels(store: Store, box: Strongbox) -> Sequence[Mapping[str, Any]]:
    """Return the ways to all people, as a file says them; an address that is a secret is not told."""
    rows = await store.rows(SQL["channels"])
    services = {name: await find_service(store, box, name) for name in {row["service"] for row in rows}}
    return [_shown(row, services[row["service"]], box) for row in rows]


async def replace_channels(
    store: Store, box: Strongbox, lines: Sequence[ChannelLine], *, by: str
) -> tuple[int, int]:
    """Let exactly these be the ways to people; return how many are new, and how many there are now.

    One that is as it was stays, with the history of what went by it. Raises WrongLines; then all stays.
    """
    async with store.transaction() as connection:
        await connection.execute(SQL["lock channels"])
        there = {(row["person"], row["position"]): row for row in await store.rows(SQL["channels"])}
        await _check(store, lines, there)
        kept, new = [], []
        for line in lines:
            row = there.get((line.person, line.position))
            if row is not None and _is_as_it_was(row, line, box):
                kept.append(row["key"])
            else:
                new.append(line)
        await connection.execute(SQL["remove channels"], {"kept": kept})
        for line in new:
            before = there.get((line.person, line.position))
            hidden = before is not None and line.address == SHOWN_INSTEAD
            address = box.unlock(bytes(before["sealed"])) if before and hidden else line.address
            await connection.execute(SQL["add channel"], _columns(line, address, box))
        await _note_ways(
            connection, there, {(line.person, line.position): line for line in lines}, kept, by=by
        )
    return len(new), len(lines)


async def _note_ways(
    connection: Connection,
    there: Mapping[tuple[str, int], Row],
    lines: Mapping[tuple[str, int], ChannelLine],
    kept: Sequence[int],
    *,
    by: str,
) -> None:
    """Write down whose ways became others: by which services, at which hours; no addresses."""
    touched = {person for (person, _), row in there.items() if row["key"] not in kept}
    touched |= {person for person, _ in lines.keys() - there.keys()}
    for person in sorted(touched):
        before = [
            _told(at, row["service"], _quiet(row)) for (whose, at), row in there.items() if whose == person
        ]
        after = [_told(at, way.service, way.quiet) for (whose, at), way in lines.items() if whose == person]
        await note(connection, What.WAYS, person, by=by, before=before, after=after)


def _told(position: int, service: str, quiet: tuple[time, time] | None) -> Mapping[str, Any]:
    begins, ends = quiet or (None, None)
    return {"position": position, "service": service, "quiet_from": _clock(begins), "quiet_to": _clock(ends)}


async def owner_of(store: Store, box: Strongbox, service: str, address: str) -> Row | None:
    """Return whose an address of a service is: `person_key`, `username`; None where that is not certain."""
    rows = await store.rows(SQL["owner"], {"service": service, "address_mark": box.mark(address)})
    return rows[0] if len(rows) == 1 else None


async def _check(store: Store, lines: Sequence[ChannelLine], there: Mapping[Any, Any]) -> None:
    services = {state.name for state in await list_services(store)}
    codes = {
        row["code"] for row in await store.rows(SQL["known people"], {"codes": [x.person for x in lines]})
    }
    wrong, seen = [], set()
    for way in lines:
        if way.person not in codes:
            wrong.append(
                WrongLine(line=way.line, field="person", why=f"nobody has the number {way.person!r}")
            )
        if way.service not in services:
            why = f"there is no service {way.service!r}: gridwatch channels service makes it"
            wrong.append(WrongLine(line=way.line, field="service", why=why))
        if (way.person, way.position) in seen:
            wrong.append(WrongLine(line=way.line, field="position", why="this person has it already"))
        if way.address == SHOWN_INSTEAD and (way.person, way.position) not in there:
            wrong.append(
                WrongLine(line=way.line, field="address", why="there is none yet that it could stay")
            )
        seen.add((way.person, way.position))
    if wrong:
        raise WrongLines(wrong)


def _is_as_it_was(row: Row, line: ChannelLine, box: Strongbox) -> bool:
    if (row["service"], _quiet(row)) != (line.service, line.quiet):
        return False
    return line.address == SHOWN_INSTEAD or box.unlock(bytes(row["sealed"])) == line.address


def _columns(line: ChannelLine, address: str, box: Strongbox) -> dict[str, Any]:
    quiet_from, quiet_to = line.quiet or (None, None)
    return {
        "person": line.person,
        "position": line.position,
        "service": line.service,
        "sealed": box.lock(address),
        "address_mark": box.mark(address),
        "quiet_from": quiet_from,
        "quiet_to": quiet_to,
    }


def _channel(row: Row, service: Service, box: Strongbox) -> Channel:
    return Channel(
        way=Way(key=row["key"], reports=isinstance(service, REPORTS), quiet=_quiet(row)),
        service_name=row["service"],
        service=service,
        address=box.unlock(bytes(row["sealed"])),
        address_mark=bytes(row["address_mark"]),
    )


def _shown(row: Row, service: Service | None, box: Strongbox) -> Mapping[str, Any]:
    secret = isinstance(service, Others) and service.takes_whole_urls
    quiet_from, quiet_to = _quiet(row) or (None, None)
    return {
        "person": row["person"],
        "name": row["name"],
        "position": row["position"],
        "service": row["service"],
        "address": SHOWN_INSTEAD if secret else box.unlock(bytes(row["sealed"])),
        "quiet_from": _clock(quiet_from),
        "quiet_to": _clock(quiet_to),
    }


def _clock(moment: time | None) -> str:
    return "" if moment is None else moment.strftime("%H:%M")


def _quiet(row: Row) -> tuple[time, time] | None:
    return None if row["quiet_from"] is None else (row["quiet_from"], row["quiet_to"])


def _state(row: Row) -> ServiceState:
    return ServiceState(**{name: row[name] for name in ServiceState.__slots__})
