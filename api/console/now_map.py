"""The map: areas from the table, devices by state, alerts; nothing is loaded from elsewhere by default."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nicegui.element import Element
from nicegui.elements import leaflet

from api.places import Places
from api.texts import Words
from gridwatch.store.board import DeviceMark

LEAFLET = Path(leaflet.__file__).parent / "dist"
"""NiceGUI's own copy: it comes with the wheel."""

SHOWN = 200
"""Alerts at once: more would hide each other."""

SIGNS = ("critical", "major", "minor")
STATES = ("well", "unheard", "silent", "test", "maintenance")


class NowMap(Element, component="now_map.js", esm={"nicegui-leaflet": str(LEAFLET)}):
    """A map that shows areas, devices and the alerts that are not resolved.

    What is to be shown before the browser has drawn it is kept until then.
    """

    def __init__(
        self, words: Words, *, tiles: str | None, attribution: str | None, is_small: bool = False
    ) -> None:
        super().__init__()
        self._words = words
        self._is_ready = False
        self._marked: dict[int, int] = {}
        """By alert: the seq of the change that the browser's mark shows."""
        self._waiting: dict[str, tuple[Any, ...]] = {}
        self.add_resource(LEAFLET)
        self._props["tiles"] = tiles or ""
        self._props["attribution"] = attribution or ""
        self._props["is-small"] = is_small
        legend = [[f"gw-mark-at gw-is-{one}", words(f"severity.{one}")] for one in SIGNS]
        legend += [[f"gw-device gw-device-{one}", words(f"device.{one}")] for one in STATES]
        said = {name: words(f"map.{name}") for name in ("map", "zoom_in", "zoom_out")}
        self._props["words"] = said | {"legend": legend}
        self.classes("gw-map-outside")
        self.on("ready", self._ready)

    def show_areas(self, places: Places) -> None:
        """Draw the areas, and look at all of them the first time."""
        self._tell("setAreas", places.geojson())

    def show_devices(self, devices: Iterable[DeviceMark]) -> None:
        """Draw the devices."""
        states = {state: self._words(f"device.{state}") for state in STATES}
        marks = [[one.id, one.name, one.lon, one.lat, one.state, states[one.state]] for one in devices]
        self._tell("setDevices", marks)

    def show_alerts(self, shown: Mapping[int, Mapping[str, Any]]) -> None:
        """Mark alerts, by id, as `placed` chooses them; those that are new pulse once."""
        before = self._marked if self._is_ready else {}
        changed = [_mark(one, self._words) for one in shown.values() if before.get(one["id"]) != one["seq"]]
        gone = [alert_id for alert_id in before if alert_id not in shown]
        if changed or gone:
            self._tell("setAlerts", changed, gone, not before)
        self._marked = {alert_id: one["seq"] for alert_id, one in shown.items()}

    def show_people(self, people: Sequence[Mapping[str, Any]]) -> None:
        """Draw people, each with name, lon and lat."""
        self._tell("setPeople", people)

    def look_at(self, lon: float, lat: float) -> None:
        """Move to a place."""
        self._tell("lookAt", lon, lat)

    def look_at_everything(self) -> None:
        """Move so far away that all areas are seen; without areas, all alerts."""
        self._tell("lookAtEverything")

    def _tell(self, method: str, *given: Any) -> None:
        if self._is_ready:
            self.run_method(method, *given)
        else:
            self._waiting[method] = given

    def _ready(self) -> None:
        self._is_ready = True
        for method, given in self._waiting.items():
            self.run_method(method, *given)
        self._waiting.clear()


def placed(alerts: Iterable[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Return the most urgent alerts that have a place, by id."""
    return {one["id"]: one for one in islice((one for one in alerts if one["location"] is not None), SHOWN)}


def _mark(alert: Mapping[str, Any], words: Words) -> dict[str, Any]:
    place = alert["location"]
    said = (words("severity." + alert["severity"]), words.label(alert["label"]), alert["device_name"])
    return {
        "id": alert["id"],
        "name": " · ".join(filter(None, said)),
        "lon": place["lon"],
        "lat": place["lat"],
        "severity": alert["severity"],
        "state": alert["state"],
        "isDashed": bool(alert["simulated"] or alert.get("drill")),
    }
