"""Who is not heard any more, from what is stored: channels that are due, silent devices, outages, alerts.

Silence counts only while collectors listen: a collector, a broker or a database that was away makes nobody
silent. All that is remembered is in the database, so any collector goes on where another stopped.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gridwatch.liveness import YOUNG, Group, Kind, Outage, Places, Scope, Silent, fold
from gridwatch.model import Severity
from gridwatch.store.alerts import announce
from gridwatch.store.connection import Connection, Row, Store, queries
from gridwatch.store.troubles import Trouble, raise_again, raise_trouble, resolve_trouble, show_trouble

SQL = queries("liveness")

log = logging.getLogger(__name__)

DETECTOR = "liveness/1"
OFFLINE, CHANNEL_SILENT = "offline", "channel_silent"

LONGEST_PAUSE = timedelta(seconds=45)
"""Between two looks, which are 15 s apart: after a longer one nobody knows who was heard meanwhile."""
DEVICES_AT_A_LOOK = 2_000
"""Looked up among the readings: after a restart all are due at once, and a look should take less than 1 s."""

FLAPPING = timedelta(hours=1)
"""An outage that begins again within this time of its end is the same one."""
FLAPS = 3
WELL_FOR = timedelta(minutes=15)
"""An outage that began for the third time ends only after everything was heard for so long."""


async def watch_channels(store: Store, now: datetime) -> None:
    """Watch the channels that have an interval in the registry, and no others."""
    await store.execute(SQL["watch"], {"now": now})


async def look_for_silence(
    store: Store, now: datetime, *, installation: str, extra_alarms: Mapping[str, Severity]
) -> None:
    """Find out which channels are silent or heard again, and raise and resolve alerts of outages."""
    async with store.transaction() as connection:
        alone = await (await connection.execute(SQL["alone"])).fetchone()
        if alone is None or not alone["alone"]:
            return
        given = {"now": now, "longest_pause": LONGEST_PAUSE, "installation": installation}
        listening = await (await connection.execute(SQL["listen"], given)).fetchone()
        if listening is None or listening["since"] == now:
            if listening is not None and listening["listened_until"] is not None:
                log.warning(
                    "nobody listened for a while after %s: silence counts from now on",
                    listening["listened_until"],
                )
            return
        await connection.execute(SQL["hear"], {"now": now, "most": DEVICES_AT_A_LOOK})
        await connection.execute(SQL["judge"])
        await connection.execute(SQL["note the silent"], {"now": now})
        # What is real must never hide in an alert that tells nobody.
        changes: dict[int, str] = {}
        for simulated in (False, True):
            changes |= await _Look(connection, now, extra_alarms, simulated=simulated).settle()
        await announce(connection, changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """An outage as it is stored."""

    id: int
    scope: Scope
    began_at: datetime
    grows_until: datetime
    well_since: datetime | None
    times: int
    most: int
    alert_id: int | None

    @classmethod
    def from_row(cls, row: Row) -> "_Kept":
        kind, name = row.pop("kind"), row.pop("name")
        return cls(scope=Scope(Kind(kind), name), **row)

    def as_outage(self) -> Outage:
        return Outage(
            id=self.id,
            scope=self.scope,
            began_at=self.began_at,
            grows_until=self.grows_until,
            most=self.most,
        )


class _Look:
    """What follows from one look at the real devices, or at the simulated ones, in its transaction."""

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        extra_alarms: Mapping[str, Severity],
        *,
        simulated: bool,
    ) -> None:
        self._connection = connection
        self._now = now
        self._extra_alarms = extra_alarms
        self._simulated = simulated
        self._changes: dict[int, str] = {}

    async def settle(self) -> Mapping[int, str]:
        """Bring outages and their alerts to what is silent now; return the changes of alerts."""
        silent = [Silent(**row) for row in await self._rows("silent")]
        kept = {row["id"]: _Kept.from_row(row) for row in await self._rows("open")}
        if not silent and not kept:
            return self._changes
        parents = {row["code"]: row["parent"] for row in await self._rows("parents")}
        missed = [(row["area"], row["gateway"], row["count"]) for row in await self._rows("missed")]
        gone = [row["id"] for row in await self._rows("gateways gone")]
        outages = [outage.as_outage() for outage in kept.values()]
        # A tenth of a second for a large district, which messages must not wait for.
        places = await asyncio.to_thread(Places, parents, missed)
        groups = await asyncio.to_thread(fold, silent, outages, places, gone=gone, now=self._now)
        for group in groups:
            await self._take(group, kept.get(group.outage or 0), places)
        moved = {one.outage for one in silent}
        for outage in kept.keys() - {group.outage for group in groups}:
            await self._end(kept[outage], is_absorbed=outage in moved)
        return self._changes

    async def _take(self, group: Group, outage: _Kept | None, places: Places) -> None:
        """Let an outage have a group's devices, and its alert say so."""
        relapses = outage is not None and outage.well_since is not None
        if outage is None:
            outage = await self._begin(group)
            relapses = outage.times > 1
        elif relapses:
            await self._rows("relapse", id=outage.id)
        await self._rows("belong", id=outage.id, keys=[one.key for one in group.devices])
        trouble = await self._trouble(group, outage, places)
        alert_id = outage.alert_id
        if alert_id is None:
            alert_id = await raise_trouble(self._connection, trouble, self._extra_alarms, now=self._now)
            if alert_id is not None:
                self._changes[alert_id] = "raise"
        elif relapses:
            await raise_again(self._connection, trouble, alert_id, now=self._now)
            await show_trouble(self._connection, trouble, alert_id)
            self._changes[alert_id] = "reopen"
        elif await show_trouble(self._connection, trouble, alert_id):
            self._changes[alert_id] = "update"
        await self._rows("go on", id=outage.id, devices=len(group.devices), alert_id=alert_id)

    async def _begin(self, group: Group) -> _Kept:
        named = {"kind": group.scope.kind, "name": group.scope.name}
        rows = await self._rows("begin anew", **named, flapping=FLAPPING)
        if not rows:
            waited = max(one.ripe_at for one in group.devices) - self._now
            rows = await self._rows(
                "begin",
                **named,
                began_at=max(one.since for one in group.devices),
                grows_until=self._now + YOUNG + max(waited, timedelta(0)),
            )
        return _Kept.from_row(rows[0])

    async def _end(self, outage: _Kept, *, is_absorbed: bool) -> None:
        """End an outage of which nothing is silent any more, or that is part of a wider one now."""
        if outage.times >= FLAPS and not is_absorbed:
            if outage.well_since is None:
                await self._rows("is well", id=outage.id)
                return
            if self._now < outage.well_since + WELL_FOR:
                return
        await self._rows("end", id=outage.id)
        if outage.alert_id is not None and await resolve_trouble(self._connection, outage.alert_id):
            self._changes[outage.alert_id] = "resolve"

    async def _trouble(self, group: Group, outage: _Kept, places: Places) -> Trouble:
        scope, first = group.scope, group.devices[0]
        silent, watched = len(group.devices), places.watched[scope]
        label, criteria = OFFLINE, {"devices": float(silent), "of": float(watched)}
        shown: dict[str, Any] = {"scope": scope.kind, "name": scope.name, "devices": silent, "of": watched}
        if scope.kind is Kind.DEVICE:
            channels = await self._rows("silent channels", key=first.key)
            quiet = [row["quantity"] for row in channels if row["is_silent"]]
            label = OFFLINE if len(quiet) == len(channels) else CHANNEL_SILENT
            criteria = {"channels": float(len(quiet)), "of": float(len(channels))}
            shown = {"scope": scope.kind, "name": scope.name, "channels": quiet}
        stands_for = await self._rows("stands for", gateway=scope.name, key=first.key)
        return Trouble(
            group=f"{OFFLINE}:{scope.kind}:{scope.name}" + (":simulated" if self._simulated else ""),
            label=label,
            scene=stands_for[0]["scene"],
            device_key=stands_for[0]["key"],
            observed_at=min(one.since for one in group.devices),
            detector=DETECTOR,
            criteria=criteria,
            scope=shown,
            area=scope.name if scope.kind is Kind.AREA else None,
            is_wide=scope.kind in (Kind.AREA, Kind.EVERYTHING),
        )

    async def _rows(self, query: str, **given: Any) -> list[Row]:
        cursor = await self._connection.execute(
            SQL[query], {"now": self._now, "simulated": self._simulated, **given}
        )
        return await cursor.fetchall() if cursor.description else []
