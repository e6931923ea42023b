"""What belongs to one person: their place on the roster, their alerts, and whether they can be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gridwatch.areas.area import Area, AreaLevel
from gridwatch.errors import GridwatchError
from gridwatch.store.alerts import alerts_by_id, last_seq
from gridwatch.store.areas import area_of_row
from gridwatch.store.connection import Row, Store, queries

SQL = queries("mine")

MOST = 300
"""Alerts at once: who has more works by the list of a control room."""

ANSWERING = (AreaLevel.ESTATE, AreaLevel.COMMUNITY)
"""Levels whose people know a place: who goes there may call them."""

TRIAL_AGAIN = timedelta(seconds=60)
TRIALS_WITHIN = timedelta(hours=1)
MOST_TRIALS = 6
"""Tests of one's own channels in an hour: messages and calls cost money."""


class TooOften(GridwatchError):
    """Somebody tries their channels more often than is good for anything; `wait_s` until they may again."""

    def __init__(self, text: str, *, wait_s: int) -> None:
        super().__init__(text)
        self.wait_s = wait_s


@dataclass(frozen=True, kw_only=True, slots=True)
class MyAlert:
    """An alert as JSON with what its person needs on the way; `path`: its areas, the widest first."""

    alert: Mapping[str, Any]
    path: Sequence[Area]
    address: str
    telephone: str
    contacts: Sequence[Row]
    called_at: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class MyAlerts:
    """A person's alerts, the worst first; no change up to `seq` is missing, and there are `total`."""

    seq: int
    total: int
    alerts: Sequence[MyAlert]


async def person_behind(store: Store, username: str) -> Row | None:
    """Return who on the roster has an account: key, code, name, phone, language, duties."""
    return await store.row(SQL["person"], {"username": username})


async def my_posts(store: Store, person: int | None) -> Sequence[Row]:
    """Return the areas that somebody answers for: area, name, rank, scenes."""
    return await store.rows(SQL["posts"], {"person": person})


async def my_alerts(
    store: Store, username: str, person: int | None, ids: Sequence[int] | None = None
) -> MyAlerts:
    """Return what is live and somebody's own; or those of `ids` that are, whatever their state."""
    seq = await last_seq(store)
    given = {"username": username, "person": person, "ids": ids, "limit": MOST}
    rows = await store.rows(SQL["alerts"], given)
    alerts = await alerts_by_id(store, [row["id"] for row in rows])
    areas = {area for alert in alerts.values() if (area := alert["area"]) is not None}
    known = {
        row["code"]: area_of_row(row) for row in await store.rows(SQL["above"], {"areas": sorted(areas)})
    }
    answering = sorted(code for code, area in known.items() if area.level in ANSWERING)
    contacts = await store.rows(SQL["telephones"], {"areas": answering, "person": person})
    found = []
    for row in rows:
        alert = alerts[row["id"]]
        path = _path(known, alert["area"])
        codes = [area.code for area in reversed(path)]
        near = [one for one in contacts if one["area"] in codes]
        found.append(
            MyAlert(
                alert=alert,
                path=path,
                address=row["address"],
                telephone=row["telephone"],
                contacts=sorted(near, key=lambda one: codes.index(one["area"])),
                called_at=row["called_at"],
            )
        )
    return MyAlerts(seq=seq, total=rows[0]["total"] if rows else 0, alerts=found)


def _path(known: Mapping[str, Area], code: str | None) -> Sequence[Area]:
    path: list[Area] = []
    while code is not None and (area := known.get(code)) is not None:
        path.insert(0, area)
        code = area.parent
    return path


async def my_channels(store: Store, person: int | None) -> Sequence[Row]:
    """Return how the ways to somebody are doing: what went last, and how the last try ended."""
    return await store.rows(SQL["channels"], {"person": person})


async def begin_trial(store: Store, person: int, channel: int) -> int:
    """Note that somebody tries a channel of theirs; raise TooOften."""
    async with store.transaction() as connection:
        await connection.execute(SQL["lock person"], {"person": person})
        given = {"person": person, "within": TRIALS_WITHIN}
        lately = await (await connection.execute(SQL["trials"], given)).fetchall()
        now = (await (await connection.execute("SELECT now() AS now")).fetchall())[0]["now"]
        waits = [one["tried_at"] + TRIAL_AGAIN - now for one in lately if one["channel_key"] == channel]
        if len(lately) >= MOST_TRIALS:
            waits.append(lately[-MOST_TRIALS]["tried_at"] + TRIALS_WITHIN - now)
        wait_s = max((round(wait.total_seconds()) for wait in waits), default=0)
        if wait_s > 0:
            raise TooOften(f"you tried your channels just now: wait {wait_s} s", wait_s=wait_s)
        (row,) = await (await connection.execute(SQL["begin trial"], {"channel": channel})).fetchall()
        return int(row["key"])


async def end_trial(store: Store, key: int, *, taken: bool, why: str = "") -> None:
    """Note how a try ended."""
    await store.execute(SQL["end trial"], {"key": key, "taken": taken, "why": why})
