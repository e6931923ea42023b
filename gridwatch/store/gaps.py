"""Gaps in the numbers that devices count up: messages that were sent and have not come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from gridwatch.store.connection import Connection, Store, queries

SQL = queries("gaps")

LONGEST_GAP = 1_000_000
"""A device that jumps further ahead began to count anew."""
MOST_OPEN = 1_000
"""Gaps of one device; the numbers of one that has more mean nothing, and no further gap is opened."""


class Expected(NamedTuple):
    """The number that a device should send next, and when it observed the one before."""

    seq: int
    after: datetime


@dataclass(kw_only=True, slots=True)
class Run:
    """Numbers of a device that followed each other, of which the first was not the one expected."""

    device_key: int
    first: int
    last: int
    began: datetime
    ended: datetime
    """The device's times of the first and of the last."""

    def expected(self) -> Expected:
        """Return what should come next."""
        return Expected(self.last + 1, self.ended)


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
    store: Store, expected: Mapping[int, Expected], odd: Sequence[Run]
) -> dict[int, Expected]:
    """Open and close gaps after numbers that were not expected; return what is expected now.

    Whether a number is missing is read from the identities, so the order of arrival does not matter.
    """
    now = dict(expected)
    async with store.transaction() as connection:
        gaps = await _gaps_around(connection, odd)
        suspects: dict[int, list[Suspect]] = {}
        for number, run in enumerate(odd):
            last = now.get(run.device_key)
            passed_over = suspects.setdefault(run.device_key, [])
            if last is None or run.last >= last.seq:
                if last is not None and 0 < run.first - last.seq <= LONGEST_GAP:
                    passed_over.append(
                        Suspect(run.device_key, last.seq, run.first - 1, last.after, run.began)
                    )
                now[run.device_key] = run.expected()
            elif (
                number not in gaps
                and run.began > last.after
                and not any(one.first <= run.first <= one.last for one in passed_over)
            ):
                # It began to count anew; what is missing from before stays missing.
                now[run.device_key] = run.expected()
        await _open(connection, list(chain.from_iterable(suspects.values())))
        await connection.execute(SQL["look again"], {"ids": sorted(set(chain.from_iterable(gaps.values())))})
        await _keep(connection, now)
    return now


async def _gaps_around(connection: Connection, odd: Sequence[Run]) -> dict[int, list[int]]:
    """Return the open gaps that some numbers of a run lie in, by the run's place in `odd`."""
    columns = {
        "device_keys": [run.device_key for run in odd],
        "firsts": [run.first for run in odd],
        "lasts": [run.last for run in odd],
        "begans": [run.began for run in odd],
        "endeds": [run.ended for run in odd],
    }
    found: dict[int, list[int]] = {}
    for row in await (await connection.execute(SQL["around"], columns)).fetchall():
        found.setdefault(row["number"] - 1, []).append(row["id"])
    return found


async def _open(connection: Connection, suspects: Sequence[Suspect]) -> None:
    """Open a gap for each suspect of which a number is not there."""
    if not suspects:
        return
    names = ("device_keys", "firsts", "lasts", "afters", "befores")
    given = dict(zip(names, map(list, zip(*suspects, strict=True)), strict=True))
    await connection.execute(SQL["find missing"], given | {"most": MOST_OPEN})


async def _keep(connection: Connection, expected: Mapping[int, Expected]) -> None:
    ordered = sorted(expected.items())
    given = {
        "device_keys": [key for key, _ in ordered],
        "next_seqs": [one.seq for _, one in ordered],
        "observed_ats": [one.after for _, one in ordered],
    }
    await connection.execute(SQL["keep"], given)
