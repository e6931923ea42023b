"""Say where something is, by the names of the areas it lies in."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gridwatch.areas.area import Area, feature

LEVELS_SHOWN = 2
"""The area itself and the one around it say enough to who works there."""

MOST_DRAWN = 500
"""Areas on the map."""


class Places:
    """The tree of areas by name."""

    def __init__(self, areas: Iterable[Area] = ()) -> None:
        self._areas = {area.code: area for area in areas}

    def name(self, area: str | None) -> str:
        """Return the names from the outer to the inner area; an unknown one stays its code, none is empty."""
        return " ".join(_needed(self._names(area)))

    def of(self, alert: Mapping[str, Any]) -> str:
        """Return the place of an alert in words: its area, else its coordinates, else nothing."""
        if alert["area"] is not None:
            return self.name(alert["area"])
        place = alert["location"]
        return "" if place is None else f"{place['lat']:.5f}, {place['lon']:.5f}"

    def with_device(self, alert: Mapping[str, Any]) -> str:
        """Return the place of an alert and what saw it there."""
        device = device_of(alert)
        around = self._names(alert["area"]) or [self.of(alert)]
        return " · ".join(_needed([*around, device]))

    def _names(self, area: str | None) -> list[str]:
        names: list[str] = []
        while area is not None and len(names) < LEVELS_SHOWN:
            known = self._areas.get(area)
            if known is None:
                return [area, *names]
            names.insert(0, known.name)
            area = known.parent
        return names

    def geojson(self) -> dict[str, Any]:
        """Return the boundaries, the widest areas first, so that the narrower lie above them.

        The narrow ones of a large tree are left out: nobody could tell so many apart on one map.
        """
        bounded = [(self._depth(area), area) for area in self._areas.values() if area.boundary is not None]
        bounded.sort(key=lambda one: one[0])
        if len(bounded) > MOST_DRAWN:
            too_deep = bounded[MOST_DRAWN][0]
            bounded = [(depth, area) for depth, area in bounded if depth < too_deep]
        features = [feature(area) for _, area in bounded]
        return {"type": "FeatureCollection", "features": features}

    def _depth(self, area: Area) -> int:
        depth, seen = 0, {area.code}
        while area.parent is not None and area.parent not in seen and area.parent in self._areas:
            area = self._areas[area.parent]
            seen.add(area.code)
            depth += 1
        return depth


def device_of(alert: Mapping[str, Any]) -> str:
    """Return what the device of an alert is called; nothing where it only stands for all of an area."""
    is_wide = (alert.get("outage") or {}).get("scope") in {"area", "everything"}
    return "" if is_wide else alert["device_name"] or alert["device"]


def _needed(names: Sequence[str]) -> list[str]:
    """Leave out what a later name begins with, as that of a building often does with its estate's."""
    return [
        name
        for index, name in enumerate(names)
        if name and not any(later.startswith(name) for later in names[index + 1 :])
    ]
