"""How many alerts there were, of what, where and when, and how many of them were false."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from gridwatch.false_alarms import Judged
from gridwatch.store.connection import Row, Store, queries

SQL = queries("alarms")


class AlarmsBy(StrEnum):
    """What alerts are counted by."""

    SCENE = "scene"
    LABEL = "label"
    DAY = "day"
    HOUR = "hour"
    """The hour of the day, 00 to 23."""
    AREA = "area"
    COMMUNITY = "community"


async def alarm_counts(
    store: Store,
    by: AlarmsBy,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    simulated: bool = False,
) -> Sequence[Row]:
    """Return key, name, scene, alerts, judged and false_alarms; days and hours are those of China.

    Of real alerts that were raised in a time, or of simulated ones in their place; never of drills.
    """
    given = {"by": by.value, "since": since, "until": until, "simulated": simulated}
    return await store.rows(SQL["counts"], given)


async def alarms_of_devices(
    store: Store, *, since: datetime | None = None, until: datetime | None = None, simulated: bool = False
) -> Sequence[Judged]:
    """Return each device that raised an alert in a time, with how many were false."""
    rows = await store.rows(SQL["devices"], {"since": since, "until": until, "simulated": simulated})
    return [Judged(**row) for row in rows]
