"""Observations in bulk: identities are claimed, and the readings of those never seen before are written.

What is new is decided by a small table of identities: device, observation time, and seq where the device
sends one. It holds a ring of days. An observation from outside of the days that surely are in the ring is
looked up among the readings as well: there its identity is device and time alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import numpy as np

from gridwatch.errors import StoreError
from gridwatch.model import Observation, Observations
from gridwatch.store.columns import Numbers, copy_rows
from gridwatch.store.connection import Connection, Store, queries
from gridwatch.store.devices import KnownDevice
from gridwatch.store.entries import Accepted

SQL = queries("observations")

NO_SEQ = -1
NO_FLAG = (0,)

RING_DAYS = 32
WINDOW = timedelta(days=8)
"""Identities of observations that are no older than this are in the ring."""
AHEAD = timedelta(days=1)
"""And those of a clock that is at most this far ahead."""
KEPT_AHEAD_DAYS = 8
"""Of the ring: what is further ahead than AHEAD today may come again within the window, when it is not."""

MOST_QUANTITIES = 4_000
"""Names of quantities in one installation; a batch that adds some may end a little above."""

DAY_US = 86_400_000_000

DIVISORS = (100, 10_000)
LARGEST_SCALED = 1e12
"""Larger values stay as they are; their ten-thousandths would not all be exact."""


class Observed:
    """The observations of some messages as columns, one row for each, in the order of the messages."""

    def __init__(self, sent: Sequence[tuple[Accepted, Observations]]) -> None:
        self.items = list(chain.from_iterable(message.items for _, message in sent))
        sizes = [len(message.items) for _, message in sent]
        self.message = np.repeat(np.arange(len(sent)), sizes)
        self.device_key = np.repeat(np.fromiter((entry.known.key for entry, _ in sent), np.int32), sizes)
        self.received_at = np.repeat(_times([entry.received_at for entry, _ in sent]), sizes)
        self.flags = np.fromiter(
            chain.from_iterable(entry.flags or NO_FLAG * len(message.items) for entry, message in sent),
            np.int16,
        )
        self.observed_at = _times([item.observed_at for item in self.items])
        self.seq = np.fromiter((NO_SEQ if item.seq is None else item.seq for item in self.items), np.int64)

    def delay_ms(self, row: Numbers) -> Numbers:
        """Return how long after their observation some rows were received."""
        return np.rint((self.received_at - self.observed_at)[row].astype("i8") / 1000).astype("i8")


async def store_observations(
    connection: Connection,
    sent: Sequence[tuple[Accepted, Observations]],
    quantities: Mapping[str, int],
    *,
    in_rows: bool,
) -> list[bool]:
    """Write the readings of observations never seen before; tell which messages held any.

    `quantities`: the keys of all quantities that occur. `in_rows`: a row for each reading, as TimescaleDB
    compresses them well; else a row for each observation, which costs plain PostgreSQL a third as much.
    """
    observed = Observed(sent)
    new = await _claim(connection, observed)
    if len(new):
        values = [observed.items[row].values for row in new.tolist()]
        if in_rows:
            blocks = [_readings(observed, new, values, quantities)]
        else:
            blocks = _messages(observed, new, values, quantities)
        statement = SQL["copy readings" if in_rows else "copy messages"]
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            await copy.write(copy_rows(blocks))
    held = np.zeros(len(sent), bool)
    held[observed.message[new]] = True
    return [bool(any_new) for any_new in held]


async def _claim(connection: Connection, observed: Observed) -> Numbers:
    """Return the rows, in ascending order, that are the first of their identity.

    Identities are claimed in one order, so that two collectors can't deadlock.
    """
    order = np.lexsort((observed.seq, observed.device_key, observed.observed_at))
    at, key, seq = observed.observed_at[order], observed.device_key[order], observed.seq[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(at.view("i8")) != 0) | (np.diff(key) != 0) | (np.diff(seq) != 0)
    first[first] = ~await _stored_long_ago(connection, at[first], key[first])
    at, key, seq, order = at[first], key[first], seq[first], order[first]
    if not len(order):
        return order
    columns = {"device_keys": key, "observed_ats": at, "seqs": seq, "rings": _ring(at), "count": len(order)}
    row = await (await connection.execute(SQL["claim"], columns)).fetchone()
    if row is None or not row["count"]:
        return order[:0]
    if row["count"] < len(order):
        claimed = set(row["claimed"])
        order = order[[number in claimed for number in range(len(order))]]
    return np.sort(order)


async def _stored_long_ago(connection: Connection, at: Numbers, key: Numbers) -> Numbers:
    """Tell of each observation whether it lies outside of the window and its readings are there."""
    now = datetime.now(UTC)
    outside = np.flatnonzero((at < _time(now - WINDOW)) | (at > _time(now + AHEAD)))
    stored = np.zeros(len(at), bool)
    if len(outside):
        columns = {"device_keys": key[outside], "observed_ats": at[outside]}
        rows = await (await connection.execute(SQL["stored long ago"], columns)).fetchall()
        stored[outside[[row["number"] - 1 for row in rows]]] = True
    return stored


def _readings(
    observed: Observed, rows: Numbers, values: Sequence[Mapping[str, float]], quantities: Mapping[str, int]
) -> list[Numbers]:
    """Return the columns of `reading`."""
    sizes = np.fromiter(map(len, values), np.int64)
    row = np.repeat(rows, sizes)
    scaled, divisor = scale(_numbers(values))
    return [
        observed.device_key[row],
        _keys(values, quantities),
        observed.flags[row],
        observed.observed_at[row],
        scaled,
        observed.delay_ms(row),
        divisor,
    ]


def _messages(
    observed: Observed, rows: Numbers, values: Sequence[Mapping[str, float]], quantities: Mapping[str, int]
) -> list[list[Numbers]]:
    """Return the columns of `message_readings`, a block for each number of quantities."""
    sizes = np.fromiter(map(len, values), np.int64)
    blocks: list[list[Numbers]] = []
    for size in np.unique(sizes).tolist():
        chosen = np.flatnonzero(sizes == size)
        row = rows[chosen]
        these = [values[number] for number in chosen.tolist()]
        blocks.append(
            [
                observed.device_key[row],
                observed.flags[row],
                observed.observed_at[row],
                observed.delay_ms(row),
                _keys(these, quantities).reshape(-1, size),
                _numbers(these).reshape(-1, size),
            ]
        )
    return blocks


def _keys(values: Sequence[Mapping[str, float]], quantities: Mapping[str, int]) -> Numbers:
    return np.fromiter(map(quantities.__getitem__, chain.from_iterable(values)), np.int16)


def _numbers(values: Sequence[Mapping[str, float]]) -> Numbers:
    return np.fromiter(chain.from_iterable(value.values() for value in values), np.float64)


def scale(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return values as scaled / divisor, bit for bit.

    In whole hundredths where they have two decimals at most, else in whole ten-thousandths, else as they are.
    Neighbouring whole numbers have most of their bits in common, so they compress well; decimals have not.
    """
    scaled, divisor = values.copy(), np.ones(len(values), np.int16)
    left = np.abs(values) < LARGEST_SCALED
    for candidate in DIVISORS:
        whole = np.rint(values * candidate)
        fits = left & (whole / candidate == values)
        scaled[fits], divisor[fits] = whole[fits], candidate
        left &= ~fits
    return scaled, divisor


async def quantity_keys(store: Store, names: Iterable[str]) -> dict[str, int]:
    """Return the short keys of quantities; the first time that one is heard of it gets one.

    Raises StoreError when there are too many: somebody puts something else into names.
    """
    asked = sorted(names)
    wanted = {"names": asked, "most": MOST_QUANTITIES}
    await store.execute(SQL["quantities"], wanted)
    keys = {row["name"]: row["key"] for row in await store.rows(SQL["quantity keys"], wanted)}
    refused = [name for name in asked if name not in keys]
    if refused:
        raise StoreError(f"{refused[0]}: there are {MOST_QUANTITIES} quantities already, no further is taken")
    return keys


async def recent_observations(store: Store, known: Sequence[KnownDevice], *, each: int) -> list[Observation]:
    """Return what the newest `each` readings of some devices belong to, by device, oldest first."""
    rows = await store.rows(SQL["recent"], {"device_keys": [device.key for device in known], "each": each})
    return [
        Observation(
            device=row["device"],
            observed_at=row["observed_at"],
            values=row["values"],
            seq=None if row["seq"] == NO_SEQ else row["seq"],
        )
        for row in rows
    ]


async def forget_old_identities(store: Store) -> None:
    """Empty the days of the ring that nothing of the window can lie in any more."""
    today = datetime.now(UTC).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    kept = {day % RING_DAYS for day in range(today - WINDOW.days, today + KEPT_AHEAD_DAYS + 1)}
    for ring in sorted(set(range(RING_DAYS)) - kept):
        if await store.row(SQL["of ring"], {"ring": ring}):
            await store.execute(f"TRUNCATE observation_{ring:02}")


def _times(moments: Sequence[datetime]) -> Numbers:
    seconds = np.fromiter((moment.timestamp() for moment in moments), np.float64, len(moments))
    return np.rint(seconds * 1e6).astype("i8").view("M8[us]")


def _time(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.replace(tzinfo=None), "us")


def _ring(at: Numbers) -> Numbers:
    return ((at.view("i8") // DAY_US) % RING_DAYS).astype(np.int16)
