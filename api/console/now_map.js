// The map: areas, devices by state, alerts that pulse once. Nothing is loaded from elsewhere unless a tile
// server is set.
import { leaflet as L } from "nicegui-leaflet";
import { loadResource } from "../../static/utils/resources.js";

const NAME_WIDTH_PX = 100;
const CLOSE_ZOOM = 17;
const START = [30.25, 120.15]; // Before anything is known: one has to look somewhere.
const PULSE_MS = 2600;
const SIGNS = { silent: "✕", test: "T", maintenance: "M" };

export default {
  template: `<div class="gw-map-box">
      <div class="gw-map" role="region" :aria-label="words.map"></div>
      <div class="gw-legend"></div>
    </div>`,
  props: { words: Object, tiles: String, attribution: String, resourcePath: String, isSmall: Boolean },
  async mounted() {
    this.alerts = new Map();
    this.shownAreas = [];
    await this.$nextTick();
    await loadResource(window.path_prefix + `${this.resourcePath}/leaflet/leaflet.css`);
    if (!this.$el.isConnected) return;
    const options = { attributionControl: Boolean(this.tiles), zoomSnap: 0.25, preferCanvas: true, center: START, zoom: 12 };
    this.map = L.map(this.$el.querySelector(".gw-map"), options);
    this.map.zoomControl.remove();
    L.control.zoom({ zoomInTitle: this.words.zoom_in, zoomOutTitle: this.words.zoom_out }).addTo(this.map);
    if (this.tiles) L.tileLayer(this.tiles, { attribution: this.attribution, maxZoom: 19 }).addTo(this.map);
    this.map.on("zoomend", () => this.nameAreas());
    this.observer = new ResizeObserver(() => this.map.invalidateSize());
    this.observer.observe(this.$el);
    this.drawLegend();
    this.$emit("ready");
  },
  unmounted() {
    this.observer?.disconnect();
    this.map?.remove();
  },
  methods: {
    setAreas(collection) {
      if (!this.map) return;
      const isFirst = !this.areas;
      this.areas?.remove();
      const style = getComputedStyle(this.$el);
      const colour = style.getPropertyValue("--gw-area");
      this.areas = L.geoJSON(collection, { interactive: false, style: { color: colour, weight: 1.2, fillColor: colour, fillOpacity: 0.06 } });
      this.areas.addTo(this.map);
      this.shownAreas.forEach(({ name }) => name.remove());
      this.shownAreas = [];
      this.areas.eachLayer((layer) => {
        if (!layer.getBounds) return;
        const text = document.createElement("span");
        text.textContent = layer.feature.properties.name;
        const bounds = layer.getBounds();
        const name = L.tooltip([bounds.getNorth(), bounds.getCenter().lng], {
          content: text, permanent: true, direction: "bottom", className: "gw-area", offset: [0, 0], interactive: false,
        });
        this.shownAreas.push({ name, bounds });
      });
      if (isFirst) this.lookAtEverything();
      this.nameAreas();
    },
    // Names stand below the upper edge of their area, where it is wide enough for one.
    nameAreas() {
      for (const { name, bounds } of this.shownAreas) {
        const [west, east] = [this.map.project(bounds.getSouthWest()).x, this.map.project(bounds.getNorthEast()).x];
        if (east - west > NAME_WIDTH_PX) name.addTo(this.map);
        else name.remove();
      }
    },
    // marks: [[id, name, lon, lat, state, what], …]
    setDevices(marks) {
      if (!this.map) return;
      this.devices?.remove();
      this.devices = L.layerGroup(marks.map(([id, name, lon, lat, state, what]) => {
        const said = document.createElement("span");
        said.textContent = `${name || id} · ${what}`;
        return this.deviceMark([lat, lon], state).bindTooltip(said);
      })).addTo(this.map);
    },
    deviceMark(place, state) {
      if (SIGNS[state]) {
        const icon = L.divIcon({ className: `gw-device gw-device-${state}`, html: SIGNS[state], iconSize: [14, 14] });
        return L.marker(place, { icon, keyboard: false });
      }
      const colour = getComputedStyle(this.$el).getPropertyValue("--gw-device");
      const isHeard = state === "well";
      return L.circleMarker(place, { radius: 3.5, weight: 1.2, color: colour, fillColor: colour, fillOpacity: isHeard ? 0.9 : 0 });
    },
    // changed: [{id, name, lon, lat, severity, state, isDashed}], gone: [id]
    setAlerts(changed, gone, isFirst) {
      if (!this.map) return;
      for (const id of gone) {
        this.alerts.get(id)?.marker.remove();
        this.alerts.delete(id);
      }
      for (const one of changed) this.mark(one, isFirst);
    },
    mark(one, isFirst) {
      const known = this.alerts.get(one.id);
      const look = [one.lat, one.lon, one.severity, one.state, one.name].join();
      if (known?.look === look) return;
      known?.marker.remove();
      const pulses = !known && !isFirst ? " gw-pulses" : "";
      const icon = L.divIcon({
        className: `gw-mark-at gw-is-${one.severity} gw-is-${one.state}${one.isDashed ? " gw-is-dashed" : ""}${pulses}`,
        html: "<b></b>",
        iconSize: [22, 22],
      });
      const rank = { critical: 3000, major: 2000, minor: 1000 }[one.severity];
      const marker = L.marker([one.lat, one.lon], { icon, zIndexOffset: rank, keyboard: false, alt: one.name });
      const said = document.createElement("span");
      said.textContent = one.name;
      marker.bindTooltip(said).on("click", () => this.$emit("open", one.id)).addTo(this.map);
      marker.getElement()?.setAttribute("aria-label", one.name);
      marker.getElement()?.setAttribute("role", "img");
      if (pulses) setTimeout(() => marker.getElement()?.classList.remove("gw-pulses"), PULSE_MS);
      this.alerts.set(one.id, { look, marker, place: [one.lat, one.lon] });
    },
    // people: [{name, lon, lat}]
    setPeople(people) {
      if (!this.map) return;
      for (const one of people) {
        const said = document.createElement("span");
        said.textContent = one.name;
        const icon = L.divIcon({ className: "gw-person", html: '<i class="material-icons">person</i>', iconSize: [20, 20] });
        L.marker([one.lat, one.lon], { icon, keyboard: false, alt: one.name }).bindTooltip(said).addTo(this.map);
      }
    },
    lookAt(lon, lat, zoom = CLOSE_ZOOM) {
      this.map?.setView([lat, lon], zoom);
    },
    lookAtEverything() {
      const areas = this.areas?.getBounds();
      const bounds = areas?.isValid() ? areas : L.latLngBounds([...this.alerts.values()].map(({ place }) => place));
      if (bounds.isValid()) this.map.fitBounds(bounds, { maxZoom: CLOSE_ZOOM });
    },
    drawLegend() {
      const legend = this.$el.querySelector(".gw-legend");
      for (const [className, name] of this.words.legend) {
        const one = document.createElement("span");
        const sign = document.createElement("i");
        sign.className = className;
        const state = className.split("gw-device-")[1];
        sign.textContent = SIGNS[state] ?? "";
        one.append(sign, name);
        legend.append(one);
      }
      legend.hidden = this.isSmall;
    },
  },
};
