"""Readings that can't be right, found among those that are stored, and the alerts that tell of them.

A verdict is a row beside the readings, from one to another time of observation: the readings themselves are
compressed and never changed. Views and the API add it to their flags.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from gridwatch.model import Severity
from gridwatch.quality import DRIFT_HOURS, FEW, LABELS, NEIGHBOURS
from gridwatch.store.alerts import announce
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.troubles import Trouble, raise_trouble, resolve_trouble

SQL = queries("quality")

DETECTOR = "quality/1"

COMMITTED_AFTER = timedelta(seconds=30)
"""What was received so long ago is in the database."""
LOOK_EVERY = timedelta(minutes=1)
"""At a device: its readings of so long are tested at once."""
DEVICES_AT_A_LOOK, CHANNELS_AT_A_LOOK = 1_000, 2_000
"""A look should take less than a second. There is one in 15 s: 10,000 devices get theirs within 3 minutes."""

LEAST_FLAT_READINGS = 4
LOOK_FOR_FLAT_LEAST_S = 60.0
"""A line of one-minute readings that has to be flat for 5 minutes is told before the tenth."""
MEAN_OVER_S = 6 * 3600.0
"""Of the readings whose mean is held against the neighbours', with less weight the older they are."""


async def watch_quality(store: Store, now: datetime) -> None:
    """Test the channels that the registry has limits for, and no others."""
    await store.execute(SQL["watch"], {"now": now})


async def look_at_quality(store: Store, now: datetime, *, extra_alarms: Mapping[str, Severity]) -> None:
    """Test what was received since the last look, and raise and resolve alerts of maintenance."""
    async with store.transaction() as connection:
        look = _Look(connection, now, extra_alarms)
        if (await look.run("alone"))[0]["alone"]:
            await look.run("look", every=LOOK_EVERY, most=DEVICES_AT_A_LOOK, mean_over_s=MEAN_OVER_S)
            await look.run(
                "look for flat lines",
                least_s=LOOK_FOR_FLAT_LEAST_S,
                least_readings=LEAST_FLAT_READINGS,
                most=CHANNELS_AT_A_LOOK,
            )
            await look.tell()


async def look_for_drifts(store: Store, now: datetime) -> None:
    """Hold the means of readings against those of their neighbours."""
    async with store.transaction() as connection:
        look = _Look(connection, now, {})
        if (await look.run("alone"))[0]["alone"]:
            await look.run(
                "look for drifts",
                mean_over_s=MEAN_OVER_S,
                neighbours=NEIGHBOURS,
                drift_hours=DRIFT_HOURS,
            )


class _Look:
    """One look at the readings, in its transaction."""

    def __init__(self, connection: Connection, now: datetime, extra_alarms: Mapping[str, Severity]) -> None:
        self._connection = connection
        self._now = now
        self._extra_alarms = extra_alarms

    async def run(self, query: str, **given: Any) -> list[Row]:
        """Run a query up to what is surely in the database."""
        until = self._now - COMMITTED_AFTER
        cursor = await self._connection.execute(SQL[query], {"until": until, **given})
        return await cursor.fetchall() if cursor.description else []

    async def tell(self) -> None:
        """Raise alerts of what was found, and resolve those of what is over."""
        changes: dict[int, str] = {}
        few = Jsonb({str(flag): count for flag, count in FEW.items()})
        for row in await self.run("to tell", few=few):
            alert_id = await self._raise(row)
            if alert_id is not None:
                await self.run("told", device_key=row["device_key"], flag=row["flag"], alert_id=alert_id)
                changes[alert_id] = "raise"
        for row in await self.run("over"):
            if await resolve_trouble(self._connection, row["alert_id"]):
                changes[row["alert_id"]] = "resolve"
        await announce(self._connection, changes)

    async def _raise(self, row: Row) -> int | None:
        label = LABELS[row["flag"]]
        trouble = Trouble(
            group=f"{label}:{row['device']}",
            label=label,
            scene=row["scene"],
            device_key=row["device_key"],
            observed_at=row["observed_at"],
            detector=DETECTOR,
            criteria={"value": row["value"], "readings": float(row["readings"])},
            scope={"scope": "device", "name": row["device"], "channels": row["channels"]},
        )
        return await raise_trouble(self._connection, trouble, self._extra_alarms, now=self._now)
