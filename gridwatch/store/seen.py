"""Whether a thing lies in the part of the area tree that a store sees."""

from enum import StrEnum

from gridwatch.store.connection import Store, queries

SQL = queries("seen")


class Thing(StrEnum):
    """What an address may name."""

    DEVICE = "device"
    ALERT = "alert"
    EVENT = "event"
    AREA = "area"


async def is_seen(store: Store, thing: Thing, name: str) -> bool:
    """Say whether a thing is there and is seen."""
    if "\0" in name:
        return False
    row = await store.row(SQL[thing], {"name": name})
    return row is not None and bool(row["seen"])
