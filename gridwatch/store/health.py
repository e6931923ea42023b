"""How devices fare, by area and one by one: who is silent, since when, and what came last."""

from collections.abc import Sequence
from enum import StrEnum

from gridwatch.store.connection import Row, Store, queries

SQL = queries("health")


class Health(StrEnum):
    """How a device fares; what needs somebody comes first."""

    SILENT = "silent"
    """A channel was not heard for three of its intervals."""
    OFFLINE = "offline"
    """Its gateway or the broker said that it is gone."""
    MAINTENANCE = "maintenance"
    TEST = "test"
    UNHEARD = "unheard"
    """New, and never heard."""
    WELL = "well"
    RETIRED = "retired"


async def area_health(store: Store, *, under: str | None = None) -> Sequence[Row]:
    """Return the areas right below one, each with how the devices below it fare; else the widest ones."""
    return await store.rows(SQL["areas"], {"under": under})


async def devices_health(
    store: Store,
    *,
    area: str | None = None,
    search: str | None = None,
    health: Health | None = None,
    limit: int = 200,
) -> Sequence[Row]:
    """Return devices with how they fare and when they were last heard, those in trouble first."""
    given = {"area": area, "search": search or None, "health": health, "limit": limit}
    return await store.rows(SQL["devices"], given)


async def device_channels(store: Store, device: str) -> Sequence[Row]:
    """Return each quantity of a device with its last value, when that was, and since when it is silent."""
    return await store.rows(SQL["channels"], {"device": device})


async def newest_picture(store: Store, device: str) -> Row | None:
    """Return where the newest masked picture of a device is: event, position, observed_at, label."""
    return await store.row(SQL["picture"], {"device": device})
