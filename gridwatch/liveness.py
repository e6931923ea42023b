"""Which silent devices are one outage: pure, no clock, no database.

What falls silent at about the same time has one cause where it has one gateway or one area, and is one thing
to repair. The narrowest scope that explains it is told: a gateway before its area, a building before its
estate. Outages grow while more is found, and swallow those within them; they never fall apart.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise
from typing import NamedTuple

LEAST_TOGETHER = 3
"""Fewer devices are silent each for itself, unless their gateway is gone."""
MOSTLY = 0.5
"""The share of its devices that makes an area or a gateway itself the one that is gone."""
STRUCK = ((3, MOSTLY), (5, 0.1), (10, 0.0))
"""Of an area: so many devices, with at least such a share of it, are one outage and not that many."""
HIT = 0.1
"""The share of a part of an area that counts as hit; where most parts are, the whole is."""

ABOUT_THE_SAME = timedelta(minutes=2)
"""Last heard no later than this after an outage began, a device is part of it, however late it is missed."""
YOUNG = timedelta(minutes=15)
"""So long, beside the time that its devices are waited for, an outage may become part of a wider one."""
LEFT_OVER, LEFT_OVER_SHARE = 4, 0.1
"""An outage ends when no more devices are left of it than this, and than this share of the most it had."""


class Kind(StrEnum):
    """What an outage is of."""

    DEVICE = "device"
    GATEWAY = "gateway"
    AREA = "area"
    EVERYTHING = "everything"


class Scope(NamedTuple):
    """What an outage is of, by its id or code; a narrower one may lie within it."""

    kind: Kind
    name: str = ""


EVERYTHING = Scope(Kind.EVERYTHING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Silent:
    """A device of which a channel is silent.

    `since` is when that was last heard. Others that fell silent with it are waited for until `ripe_at`.
    """

    key: int
    device: str
    gateway: str | None
    area: str | None
    since: datetime
    ripe_at: datetime
    outage: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """An outage that is not over; `most` is how many devices it had at once, young until `grows_until`."""

    id: int
    scope: Scope
    began_at: datetime
    grows_until: datetime
    most: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Silent devices that are one outage: `outage` where it is told already."""

    scope: Scope
    devices: tuple[Silent, ...]
    outage: int | None = None


class Places:
    """Where the devices that somebody would miss are: the tree of areas and gateways with their numbers."""

    def __init__(
        self, parents: Mapping[str, str | None], missed: Iterable[tuple[str | None, str | None, int]]
    ) -> None:
        """`parents`: of each area. `missed`: how many devices there are of each area and gateway."""
        self._parents = parents
        self._paths: dict[str | None, list[Scope]] = {}
        self.watched: Counter[Scope] = Counter()
        self.parts: dict[Scope, set[Scope]] = {}
        for area, gateway, count in missed:
            path = self.path(area)
            for scope in path:
                self.watched[scope] += count
            for part, whole in pairwise(path):
                self.parts.setdefault(whole, set()).add(part)
            if gateway is not None:
                self.watched[Scope(Kind.GATEWAY, gateway)] += count

    def path(self, area: str | None) -> list[Scope]:
        """Return an area and all that it lies in, the narrowest first."""
        known = self._paths.get(area)
        if known is not None:
            return known
        path: list[Scope] = []
        outer = area
        while outer is not None and Scope(Kind.AREA, outer) not in path:
            path.append(Scope(Kind.AREA, outer))
            outer = self._parents.get(outer)
        self._paths[area] = [*path, EVERYTHING]
        return self._paths[area]

    def scopes(self, one: Silent) -> list[Scope]:
        """Return what a device may be silent with, the narrowest first."""
        gateway = one.gateway or (one.device if Scope(Kind.GATEWAY, one.device) in self.watched else None)
        through = [] if gateway is None else [Scope(Kind.GATEWAY, gateway)]
        return [*through, *self.path(one.area)]


def fold(
    silent: Collection[Silent],
    outages: Collection[Outage],
    places: Places,
    *,
    gone: Collection[str],
    now: datetime,
) -> list[Group]:
    """Return which outages there are now; a device that is still waited for is in none of them.

    `gone`: the gateways whose Last Will says so.
    """
    going_on = _going_on(silent, outages)
    stays = {one.device: _stays_in(one, going_on, places, now) for one in silent}
    pool = [one for one in silent if stays[one.device] is None or _may_grow(stays[one.device], now)]
    down, struck = _cluster(pool, places, gone={*gone, *(one.device for one in silent)})
    groups: dict[Scope, list[Silent]] = {}
    for one in silent:
        found = down.get(one.device) or struck.get(one.device)
        # What is down as a whole is told by its own name, whatever wider outage begins at the same time.
        is_new = one.outage is None and one.device in down
        scope = _widest(one, None if is_new else stays[one.device], found, places)
        groups.setdefault(scope, []).append(one)
    open_now = {outage.scope: outage.id for outage in outages}
    return [
        Group(scope=scope, devices=tuple(devices), outage=open_now.get(scope))
        for scope, devices in groups.items()
        if scope in open_now or any(one.ripe_at <= now for one in devices)
    ]


def _going_on(silent: Iterable[Silent], outages: Iterable[Outage]) -> dict[int, Outage]:
    left = Counter(one.outage for one in silent)
    return {
        outage.id: outage
        for outage in outages
        if left[outage.id] > min(LEFT_OVER, int(LEFT_OVER_SHARE * outage.most))
    }


def _stays_in(one: Silent, going_on: Mapping[int, Outage], places: Places, now: datetime) -> Outage | None:
    """Return the outage that a device is part of already, or that it fell silent with."""
    if one.outage is not None:
        return going_on.get(one.outage)
    by_scope = {outage.scope: outage for outage in going_on.values()}
    for scope in places.scopes(one):
        outage = by_scope.get(scope)
        if outage is not None and one.since <= outage.began_at + ABOUT_THE_SAME:
            return outage
    return None


def _may_grow(outage: Outage | None, now: datetime) -> bool:
    return outage is not None and now < outage.grows_until


def _widest(one: Silent, stays: Outage | None, found: Scope | None, places: Places) -> Scope:
    alone = Scope(Kind.DEVICE, one.device)
    order = [alone, *places.scopes(one)]
    candidates = [scope for scope in (stays.scope if stays else None, found) if scope in order]
    return max(candidates, key=order.index, default=alone)


def _cluster(
    pool: Sequence[Silent], places: Places, *, gone: Collection[str]
) -> tuple[dict[str, Scope], dict[str, Scope]]:
    """Return the scope of each device that is silent together with others.

    First those whose scope is mostly silent, then those that only have too many beside them for chance.
    """
    paths = {one.device: places.scopes(one) for one in pool}
    counts = Counter(chain.from_iterable(paths.values()))
    mostly = {scope for scope in counts if _is_mostly(scope, counts, places)}
    down = {
        device: scope for device, path in paths.items() if (scope := _down(path, counts, mostly)) is not None
    }
    struck: dict[str, Scope] = {}
    for height in range(max(map(len, paths.values()), default=0), 0, -1):
        left = {device: path for device, path in paths.items() if device not in down and device not in struck}
        if not left:
            break
        counts = Counter(chain.from_iterable(left.values()))
        struck |= {
            device: path[-height]
            for device, path in left.items()
            if len(path) >= height and _is_struck(path[-height], counts, places, gone)
        }
    return down, struck


def _down(path: Sequence[Scope], counts: Mapping[Scope, int], mostly: Collection[Scope]) -> Scope | None:
    """Return the widest scope that is mostly silent, by the narrowest name that says the same."""
    down = [scope for scope in path if scope in mostly]
    if not down:
        return None
    return next(scope for scope in path if counts[scope] == counts[down[-1]])


def _is_mostly(scope: Scope, counts: Mapping[Scope, int], places: Places) -> bool:
    if counts[scope] < LEAST_TOGETHER:
        return False
    parts = places.parts.get(scope, set())
    worst = max(parts, key=lambda part: counts.get(part, 0), default=None)
    beside = [(counts[scope], places.watched[scope])]
    if worst is not None and places.watched[worst] == places.watched[scope]:
        return _is_mostly(worst, counts, places)
    if worst is not None:
        # One dark estate and a stray device elsewhere are not a dark town.
        beside.append((counts[scope] - counts.get(worst, 0), places.watched[scope] - places.watched[worst]))
    if all(silent >= MOSTLY * watched for silent, watched in beside):
        return True
    hit = sum(counts.get(part, 0) >= max(LEAST_TOGETHER, HIT * places.watched[part]) for part in parts)
    return hit >= max(LEAST_TOGETHER, MOSTLY * len(parts))


def _is_struck(scope: Scope, counts: Mapping[Scope, int], places: Places, gone: Collection[str]) -> bool:
    """Say whether a gateway is gone, or many devices of an area are silent beside those of its parts."""
    if scope.kind is Kind.GATEWAY:
        return scope.name in gone
    return any(
        counts[scope] >= least and counts[scope] >= share * places.watched[scope] for least, share in STRUCK
    )
