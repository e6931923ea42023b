"""The map: areas from the table, alerts where their devices are; nothing is loaded from elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from nicegui import ui

from api.places import Places
from gridwatch.model import AlertState

COLOURS = {"critical": "#ef5350", "major": "#ffa726", "minor": "#64b5f6"}
RADII_PX = {"critical": 10, "major": 8, "minor": 7}

SHOWN = 200
"""Markers at once: more would hide each other."""

CLOSE_ZOOM = 17
START = (30.25, 120.15)
"""Before anything is known: one has to look somewhere."""

AREA_STYLE = {"color": "#5f7d95", "weight": 1, "fillColor": "#7fa6c4", "fillOpacity": 0.07}

Bounds = tuple[float, float, float, float]
"""South, west, north, east in degrees."""

NAME_AREAS = """
const map = getElement(%d).map;
(map.areaNames || []).forEach(one => one.name.remove());
map.areaNames = [];
map.eachLayer(layer => {
  if (!layer.feature || !layer.getBounds) return;
  const text = document.createElement("span");
  text.textContent = layer.feature.properties.name;
  const bounds = layer.getBounds();
  const top = [bounds.getNorth(), bounds.getCenter().lng];
  const name = L.tooltip(top, {content: text, permanent: true, direction: "bottom", className: "gw-area",
                               offset: [0, 0], interactive: false});
  map.areaNames.push({name, bounds});
});
const show = () => map.areaNames.forEach(({name, bounds}) => {
  const [west, east] = [map.project(bounds.getSouthWest()).x, map.project(bounds.getNorthEast()).x];
  if (east - west > %d) name.addTo(map); else name.remove();
});
if (!map.namesAreas) map.on("zoomend", () => map.showAreaNames());
map.namesAreas = true;
map.showAreaNames = show;
show();
"""
"""Names stand below the upper edge of their area, where it is wide enough for one."""

NAME_WIDTH_PX = 100


class AlertMap:
    """A map that shows areas and the alerts that are not resolved."""

    def __init__(self) -> None:
        options = {"attributionControl": False, "zoomControl": True, "zoomSnap": 0.25}
        self._map = ui.leaflet(center=START, zoom=12, options=options).classes("gw-map")
        # It begins with tiles of another server.
        self._map.clear_layers()
        self._areas: Any = None
        self._everything: Bounds | None = None
        self._markers: dict[int, tuple[tuple[Any, ...], Any]] = {}

    async def show_areas(self, places: Places) -> None:
        """Draw the areas, and look at all of them the first time."""
        collection = places.geojson()
        drawn_before = self._areas is not None
        if drawn_before:
            self._map.remove_layer(self._areas)
        self._areas = self._map.generic_layer(name="geoJSON", args=[collection, {"style": AREA_STYLE}])
        await self._map.initialized()
        self._everything = _bounds(_corners(collection))
        if not drawn_before:
            self.look_at_everything()
        ui.run_javascript(NAME_AREAS % (self._map.id, NAME_WIDTH_PX))

    def show_alerts(self, alerts: Iterable[Mapping[str, Any]]) -> None:
        """Mark the alerts that are not resolved and have a place; take away all other marks."""
        wanted = {alert["id"]: alert for alert in alerts if _to_be_marked(alert)}
        newest = sorted(wanted, reverse=True)[:SHOWN]
        for alert_id in [one for one in self._markers if one not in newest]:
            self._map.remove_layer(self._markers.pop(alert_id)[1])
        for alert_id in reversed(newest):
            self._mark(wanted[alert_id])

    def look_at(self, alert: Mapping[str, Any]) -> None:
        """Move to an alert."""
        place = alert["location"]
        if place is not None:
            self._map.run_map_method("setView", [place["lat"], place["lon"]], CLOSE_ZOOM)

    def look_at_everything(self) -> None:
        """Move so far away that all areas are seen; without areas, all alerts."""
        marked = ((look[1], look[0]) for look, _ in self._markers.values())
        bounds = self._everything or _bounds(marked)
        if bounds is not None:
            south, west, north, east = bounds
            self._map.run_map_method("fitBounds", [[south, west], [north, east]], {"maxZoom": CLOSE_ZOOM})

    def _mark(self, alert: Mapping[str, Any]) -> None:
        place, severity = alert["location"], alert["severity"]
        look = (place["lat"], place["lon"], severity, alert["state"])
        known = self._markers.get(alert["id"])
        if known is not None:
            if known[0] == look:
                return
            self._map.remove_layer(known[1])
        style = {
            "radius": RADII_PX[severity],
            "color": "#ffffff" if alert["state"] == AlertState.OPEN else COLOURS[severity],
            "weight": 2,
            "dashArray": "3 3" if alert["simulated"] or alert.get("drill") else None,
            "fillColor": COLOURS[severity],
            "fillOpacity": 0.9 if alert["state"] == AlertState.OPEN else 0.25,
        }
        layer = self._map.generic_layer(name="circleMarker", args=[[place["lat"], place["lon"]], style])
        self._markers[alert["id"]] = (look, layer)


def _to_be_marked(alert: Mapping[str, Any]) -> bool:
    return alert["location"] is not None and not alert["ended"]


def _corners(collection: Mapping[str, Any]) -> Iterable[tuple[float, float]]:
    for feature in collection["features"]:
        yield from _points(feature["geometry"].get("coordinates", []))


def _points(coordinates: Any) -> Iterable[tuple[float, float]]:
    if coordinates and isinstance(coordinates[0], int | float):
        yield coordinates[0], coordinates[1]
        return
    for inner in coordinates:
        yield from _points(inner)


def _bounds(corners: Iterable[tuple[float, float]]) -> Bounds | None:
    known = list(corners)
    if not known:
        return None
    lons, lats = [lon for lon, _ in known], [lat for _, lat in known]
    return min(lats), min(lons), max(lats), max(lons)
