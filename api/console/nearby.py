"""Who is nearest to an alert: people who answer for areas around it, by the middle of their area."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import shapely

from api.office import Office
from api.texts import Words
from gridwatch.areas.area import Area
from gridwatch.areas.tree import AreaTree, as_text
from gridwatch.store.board import responsible_for
from gridwatch.store.people import contact_card

LEVELS_UP = 2
"""Around a building: its estate and the estate's community, with all below."""

MOST_AREAS = 400
SHOWN = 8

M_PER_DEGREE = 111_320.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NearPerson:
    """Somebody who answers for an area; the place is the middle of it, None where it has no boundary."""

    code: str
    name: str
    phone: str | None
    duties: str
    area: str
    on_duty: bool
    lon: float | None = None
    lat: float | None = None
    distance_m: float | None = None

    def in_words(self, words: Words) -> str:
        """Return them in one line."""
        duty = words("on_duty") if self.on_duty else ""
        away = "" if self.distance_m is None else words("alert.distance", m=f"{self.distance_m:.0f}")
        return " · ".join(filter(None, (self.name, self.duties, self.area, away, duty)))


async def nearest_people(office: Office, alert: Mapping[str, Any], now: datetime) -> list[NearPerson]:
    """Return who answers for the alert's area, then for those around it, the nearest first."""
    if alert["area"] is None:
        return []
    tree = await office.tree.get()
    areas = _around(tree, alert["area"])
    rows = await responsible_for(office.store, [area.code for area in areas])
    middles = await asyncio.to_thread(_middles, [one for one in areas if one.boundary is not None])
    card = await contact_card(office.store, alert["area"], now)
    there = {one.code for one in card.on_duty}
    people: dict[str, NearPerson] = {}
    for row in rows:
        one = _person(row, tree, middles, alert["location"], on_duty=row["code"] in there)
        known = people.get(one.code)
        if known is None or _away(one) < _away(known):
            people[one.code] = one
    own = {contact.code for contact in card.contacts} | there
    ordered = sorted(people.values(), key=lambda one: (not one.on_duty, one.code not in own, _away(one)))
    return ordered[:SHOWN]


def _around(tree: AreaTree, code: str) -> Sequence[Area]:
    path = tree.path(code)
    if not path:
        return []
    top = path[max(0, len(path) - 1 - LEVELS_UP)]
    below = tree.below(top.code)
    own = {area.code for area in path}
    kept = [area for area in below if area.code not in own][:MOST_AREAS]
    return [*reversed(path), *kept]


def _middles(areas: Sequence[Area]) -> dict[str, tuple[float, float]]:
    shapes = shapely.from_geojson([as_text(area.boundary) for area in areas])
    points = shapely.centroid(shapes)
    return {area.code: (float(point.x), float(point.y)) for area, point in zip(areas, points, strict=True)}


def _person(
    row: Mapping[str, Any],
    tree: AreaTree,
    middles: Mapping[str, tuple[float, float]],
    place: Mapping[str, float] | None,
    *,
    on_duty: bool,
) -> NearPerson:
    area = tree.get(row["area"])
    middle = middles.get(row["area"])
    return NearPerson(
        code=row["code"],
        name=row["name"],
        phone=row["phone"],
        duties=row["duties"],
        area=row["area"] if area is None else area.name,
        on_duty=on_duty,
        lon=None if middle is None else middle[0],
        lat=None if middle is None else middle[1],
        distance_m=None if middle is None or place is None else _distance_m(middle, place),
    )


def _distance_m(middle: tuple[float, float], place: Mapping[str, float]) -> float:
    east = (middle[0] - place["lon"]) * math.cos(math.radians(place["lat"]))
    return M_PER_DEGREE * math.hypot(east, middle[1] - place["lat"])


def _away(person: NearPerson) -> float:
    return math.inf if person.distance_m is None else person.distance_m
