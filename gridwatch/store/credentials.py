"""The credentials of devices: issued, rotated, revoked, and checked."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, count

import psycopg

from gridwatch.errors import NotAllowed, NotFound
from gridwatch.secret import hash_secret, is_secret_of, new_secret
from gridwatch.store.accounts import token_secret
from gridwatch.store.connection import Connection, Store, queries
from gridwatch.wire import is_area_topic

SQL = queries("credentials")

OVERLAP = timedelta(days=1)
"""How long the old secret stays good beside the new one, unless told otherwise."""

DECOY = hash_secret("nobody has this one")
"""Checked where there is no such user, so that the answer takes as long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who proved to be a device: `devices` are those that it may speak for, itself among them."""

    device: str
    devices: frozenset[str]

    def may_speak_for(self, device: str) -> bool:
        """Say whether what `device` is said to send may come from here."""
        return device in self.devices


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCredential:
    """What a device needs to connect. The secret is known here and now, and never again."""

    device: str
    username: str
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A credential as it is kept. `ends_at`: it is good until then; None for as long as nobody revokes it."""

    device: str
    username: str
    certificate: bool
    serial: str | None
    issued_at: datetime
    issued_by: str
    ends_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerUser:
    """Who the broker lets in. hash: of the password, None where a certificate stands for it.

    others: further devices that it may speak for; topics: of foreign formats that it may use.
    """

    username: str
    device: str
    hash: str | None
    others: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    ends_at: datetime | None = None


async def rotate_secret(
    store: Store, device: str, *, actor: str, overlap: timedelta = OVERLAP, secret: str | None = None
) -> NewCredential:
    """Give a device a new secret (`secret`: one that it brings along), its first or one more.

    The secret it had stays good for `overlap`; one that was to end already ends now. Raises NotFound, and
    NotAllowed where the given secret is another device's.
    """
    secret = secret or new_secret()
    lookup = await lookup_of(store, secret)
    async with store.transaction() as connection:
        new = await _rotate(connection, device, overlap, actor, secret, lookup)
        await write_down(connection, actor, "rotated", device, new.username)
    return new


async def give_first_secret(
    connection: Connection, device: str, secret: str, lookup: bytes, *, actor: str
) -> NewCredential:
    """Give a device its secret in a transaction of the caller's; `lookup` is what `lookup_of` says of it.

    Raises NotFound, and NotAllowed where the device has a credential already.
    """
    key = await _key_of(connection, device)
    if await (await connection.execute(SQL["in use"], {"key": key})).fetchone() is not None:
        raise NotAllowed(f"{device!r} has a credential already")
    return await _rotate(connection, device, OVERLAP, actor, secret, lookup)


async def revoke_credentials(
    store: Store, device: str, *, actor: str, username: str | None = None
) -> Sequence[str]:
    """Take a device's credentials back, or the one named; return their usernames. Raises NotFound."""
    async with store.transaction() as connection:
        await _key_of(connection, device)
        given = {"device": device, "username": username}
        rows = await (await connection.execute(SQL["revoke"], given)).fetchall()
        if not rows:
            raise NotFound(f"{device!r} has no such credential in use")
        names = sorted(row["username"] for row in rows)
        await write_down(connection, actor, "revoked", device, " ".join(names))
    return names


async def list_credentials(
    store: Store, device: str | None = None, *, revoked: bool = False
) -> list[Credential]:
    """Return the credentials that are good, of one device or of all; with `revoked` the others too."""
    rows = await store.rows(SQL["list"], {"device": device, "all": revoked})
    return [Credential(**row) for row in rows]


async def issue_certificate(
    store: Store, device: str, sign: Callable[[str], tuple[str, datetime]], *, actor: str
) -> str:
    """Let `sign` make a certificate for a username and return its serial and end; return the username.

    Those that the device has stay good beside it. Raises NotFound.
    """
    async with store.transaction() as connection:
        key = await _key_of(connection, device)
        username = await _free_username(connection, key, device)
        serial, ends_at = sign(username)
        given = {"key": key, "username": username, "hash": None, "lookup": None, "serial": serial}
        await connection.execute(SQL["add"], given | {"actor": actor, "ends_at": ends_at})
        await write_down(connection, actor, "certificate issued", device, f"{username} {serial}")
    return username


async def allow_topics(store: Store, device: str, topics: Sequence[str], *, actor: str) -> None:
    """Let a device use these topics of foreign formats, and no others beside its own. Raises NotFound."""
    async with store.transaction() as connection:
        key = await _key_of(connection, device)
        await connection.execute(SQL["forget topics"], {"key": key})
        for topic in topics:
            await connection.execute(SQL["add topic"], {"key": key, "topic": check_foreign_topic(topic)})
        await write_down(connection, actor, "topics allowed", device, " ".join(topics))


def check_foreign_topic(topic: str) -> str:
    """Return a topic that a gateway may be allowed; raise NotAllowed that says why nobody may have it.

    That is a topic filter of a foreign format, or the topic of one area's alerts, which it reads alone.
    """
    if is_area_topic(topic):
        return topic
    first = topic.split("/", 1)[0]
    if first in ("gw", "#", "+", "") or first.startswith("$") or not topic.isprintable() or " " in topic:
        raise NotAllowed(
            f"{topic!r}: name a foreign format's own topics, as frigate/# (not gw/, # or $SYS), "
            "or gw/v1/areas/CODE/alerts"
        )
    return topic


async def broker_users(store: Store) -> list[BrokerUser]:
    """Return everybody whom the broker is to let in now."""
    rows = await store.rows(SQL["broker users"])
    return [
        BrokerUser(**row | {"others": tuple(row["others"]), "topics": tuple(row["topics"])}) for row in rows
    ]


async def end_ended(store: Store) -> bool:
    """End the credentials whose time is over; tell whether there were any."""
    return await store.execute(SQL["end all ended"]) > 0


async def received_by_device(store: Store) -> dict[int, tuple[str, int]]:
    """Return by key the id of each device, and how many messages came from it so far."""
    return {row["key"]: (row["id"], row["received"]) for row in await store.rows(SQL["received"])}


async def revoked_serials(store: Store) -> list[str]:
    """Return the serial numbers of all certificates that were taken back."""
    return [row["serial"] for row in await store.rows(SQL["revoked serials"])]


async def verify(store: Store, username: str, secret: str) -> Identity | None:
    """Return who has this username and secret, None where either is wrong; both take the same time."""
    return await _verify(store, secret, username=username)


async def verify_secret(store: Store, secret: str) -> Identity | None:
    """Return whose secret this is, for protocols that send nothing else; None where nobody has it."""
    return await _verify(store, secret, lookup=await lookup_of(store, secret))


async def _verify(
    store: Store, secret: str, *, username: str | None = None, lookup: bytes | None = None
) -> Identity | None:
    possible = username is None or "\0" not in username
    row = await store.row(SQL["verify"], {"username": username, "lookup": lookup}) if possible else None
    right = is_secret_of((row["hash"] if row else None) or DECOY, secret)
    if row is None or row["hash"] is None or not right:
        return None
    return Identity(device=row["device"], devices=frozenset((row["device"], *row["others"])))


async def _rotate(
    connection: Connection, device: str, overlap: timedelta, actor: str, secret: str, lookup: bytes
) -> NewCredential:
    key = await _key_of(connection, device)
    await connection.execute(SQL["replace"], {"key": key, "overlap": overlap})
    new = NewCredential(device=device, username=await _free_username(connection, key, device), secret=secret)
    given = {
        "key": key,
        "username": new.username,
        "hash": hash_secret(secret),
        "lookup": lookup,
        "serial": None,
        "actor": actor,
        "ends_at": None,
    }
    try:
        await connection.execute(SQL["add"], given)
    except psycopg.errors.UniqueViolation as error:
        raise NotAllowed("this secret is in use already: each device needs its own") from error
    return new


async def _free_username(connection: Connection, key: int, device: str) -> str:
    """Return the device's id, or where an older credential has that still, the id with ~2, ~3 …"""
    await connection.execute(SQL["end ended"], {"key": key})
    rows = await (await connection.execute(SQL["in use"], {"key": key})).fetchall()
    taken = {row["username"] for row in rows}
    further = (f"{device}~{number}" for number in count(2))
    return next(name for name in chain((device,), further) if name not in taken)


async def _key_of(connection: Connection, device: str) -> int:
    """Return a device's key, and let nobody else change its credentials meanwhile. Raises NotFound."""
    row = await (await connection.execute(SQL["device"], {"device": device})).fetchone()
    if row is None:
        raise NotFound(f"no device {device!r} is registered")
    key: int = row["key"]
    return key


async def lookup_of(store: Store, secret: str) -> bytes:
    """Return what a secret is found by: of no use without the installation's key."""
    return hmac.digest(await token_secret(store), secret.encode(), hashlib.sha256)


async def write_down(connection: Connection, actor: str, action: str, device: str, detail: str = "") -> None:
    """Write down what was done with the credentials of a device, and by whom."""
    await connection.execute(
        SQL["log"], {"actor": actor, "action": action, "device": device, "detail": detail}
    )
