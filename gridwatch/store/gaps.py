"""Gaps in the numbers that devices count up: messages that were sent and have not come."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gridwatch.store.connection import Connection, Row, Store, queries

SQL = queries("gaps")

LONGEST_GAP = 1_000_000
"""A device that jumps further ahead began to count anew."""


class Expected(NamedTuple):
    """The number that a device should send next, and when it observed the one before."""

    seq: int
    after: datetime


class Odd(NamedTuple):
    """A number that was not the one expected."""

    device_key: int
    seq: int
    at: datetime


class Suspect(NamedTuple):
    """Numbers from `first` to `last` that were passed over, between two observations of a device."""

    device_key: int
    first: int
    last: int
    after: datetime
    before: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Numbers from `first` to `last` of which `missing` have not come; the device's time before and after."""

    device: str
    first: int
    last: int
    missing: int
    after_at: datetime
    before_at: datetime
    found_at: datetime


async def open_gaps(store: Store, *, device: str | None = None, limit: int = 10_000) -> list[Gap]:
    """Return the gaps that are open, of one device or of all."""
    return [Gap(**row) for row in await store.rows(SQL["open"], {"device": device, "limit": limit})]


async def gap_totals(store: Store) -> tuple[int, int]:
    """Return how many gaps are open, and how many messages are missing in them."""
    row = await store.row(SQL["totals"])
    return (row["gaps"], row["missing"]) if row else (0, 0)


async def expected_sequences(store: Store, device_keys: Collection[int]) -> dict[int, Expected]:
    """Return what was written down last of some devices; those never heard of are missing."""
    rows = await store.rows(SQL["expected"], {"device_keys": list(device_keys)})
    return {row["device_key"]: Expected(row["next_seq"], row["observed_at"]) for row in rows}


async def keep_sequences(store: Store, expected: Mapping[int, Expected]) -> None:
    """Write down what is expected of devices."""
    async with store.transaction() as connection:
        await _keep(connection, expected)


async def settle_gaps(
    store: Store, expected: Mapping[int, Expected], odd: Sequence[Odd]
) -> dict[int, Expected]:
    """Open and close gaps after numbers that were not expected; return what is expected now.

    Whether a number is missing is read from the identities, so the order of arrival does not matter.
    """
    now = dict(expected)
    async with store.transaction() as connection:
        keys = sorted({one.device_key for one in odd})
        gaps: dict[int, list[Row]] = {}
        for row in await (await connection.execute(SQL["of devices"], {"device_keys": keys})).fetchall():
            gaps.setdefault(row["device_key"], []).append(row)
        suspects: list[Suspect] = []
        came_late: set[int] = set()
        for one in odd:
            key, seq, at = one
            last = now.get(key)
            if last is None or not seq < last.seq:
                if last is not None and 0 < seq - last.seq <= LONGEST_GAP:
                    suspects.append(Suspect(key, last.seq, seq - 1, last.after, at))
                now[key] = Expected(seq + 1, at)
            elif gap := _gap_of(gaps.get(key, ()), one):
                came_late.add(gap)
            elif at > last.after and not _passed_over(suspects, one):
                # It began to count anew; what is missing from before stays missing.
                now[key] = Expected(seq + 1, at)
        await _open(connection, suspects)
        await connection.execute(SQL["look again"], {"ids": sorted(came_late)})
        await _keep(connection, now)
    return now


def _gap_of(gaps: Iterable[Row], one: Odd) -> int | None:
    """Return which of a device's open gaps a late number lies in."""
    for gap in gaps:
        if gap["first_seq"] <= one.seq <= gap["last_seq"] and gap["after_at"] <= one.at <= gap["before_at"]:
            return int(gap["id"])
    return None


def _passed_over(suspects: Iterable[Suspect], one: Odd) -> bool:
    return any(s.device_key == one.device_key and s.first <= one.seq <= s.last for s in suspects)


async def _open(connection: Connection, suspects: Sequence[Suspect]) -> None:
    """Open a gap for each suspect of which a number is not there."""
    if not suspects:
        return
    names = ("device_keys", "firsts", "lasts", "afters", "befores")
    given = dict(zip(names, map(list, zip(*suspects, strict=True)), strict=True))
    await connection.execute(SQL["find missing"], given)


async def _keep(connection: Connection, expected: Mapping[int, Expected]) -> None:
    ordered = sorted(expected.items())
    given = {
        "device_keys": [key for key, _ in ordered],
        "next_seqs": [one.seq for _, one in ordered],
        "observed_ats": [one.after for _, one in ordered],
    }
    await connection.execute(SQL["keep"], given)
