// One alert on the whole screen: what to do, the way there, whom to call, what was seen, and what happened.

import { allowed, queuedPhotos, state } from "./alerts.js";
import { conflictNotes, severityBand, title, waitLine, who } from "./cards.js";
import { button, h, sign } from "./pieces.js";
import { getAlert } from "./server.js";
import { photoPicker } from "./sheets.js";
import { has, say, time } from "./words.js";

const MAIN = ["arrive", "accept", "resolve"];
const OTHERS = ["acknowledge", "escalate", "return", "handle", "false_alarm", "comment", "call_119"];
const JOINED = new Set(["merge", "update"]);
const SCENES = new Set(["fire", "elevator", "throwing"]);
const OWN_FILES = "/api/v1/";

let shown = null; // the id of the alert, while it is open
let timeline = null;
let mark = "";

const dialog = () => document.getElementById("detail");
export const shownAlert = () => shown;

export function openDetail(alert, doer) {
  if (shown !== alert.id) timeline = null;
  shown = alert.id;
  mark = "";
  refreshDetail(doer);
  if (!dialog().open) dialog().showModal();
  dialog().scrollTop = 0;
  loadTimeline(alert.id, doer);
}

export function closeDetail() {
  shown = null;
  if (dialog().open) dialog().close();
}

// Draw it anew where something changed; a clip that plays goes on.
export function refreshDetail(doer) {
  const alert = state.alerts.get(shown);
  if (!alert) return;
  const pictures = JSON.stringify([alert.id, alert.evidence, alert.photos, queuedPhotos(alert.id).length]);
  const there = dialog().querySelector(".pictures");
  const keptPictures = there?.dataset.mark === pictures ? there : evidence(alert, pictures);
  const made = page(alert, keptPictures, doer);
  const now = made.dataset.mark;
  if (now === mark && dialog().firstElementChild) return;
  mark = now;
  const focus = document.activeElement?.dataset?.focus;
  dialog().replaceChildren(made);
  if (focus) [...dialog().querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focus)?.focus();
}

async function loadTimeline(id, doer) {
  const found = await getAlert(id).catch(() => null);
  if (shown !== id) return;
  timeline = found?.timeline ?? [];
  mark = "";
  refreshDetail(doer);
}

export function timelineChanged(id, doer) {
  if (shown === id) loadTimeline(id, doer);
}

function page(alert, pictures, doer) {
  const stand = who(alert);
  const made = h(
    `div.detail.${alert.severity}`,
    {},
    h("header", {}, h("button.back", { type: "button", "aria-label": say("back"), "data-focus": "back", onclick: () => doer.back() }, sign("back")), h("h2", { id: "detail-title" }, title(alert))),
    severityBand(alert),
    h(`p.who${stand.nobody ? ".nobody" : ""}${stand.mine ? ".mine" : ""}`, {}, sign(stand.sign), h("span", {}, stand.text),
      alert.called_at ? h("span.quiet", {}, ` · ${say("called", { time: time(alert.called_at) })}`) : null),
    waitLine(alert),
    conflictNotes(alert, doer),
    facts(alert),
    routes(alert),
    phones(alert),
    pictures,
    history(),
    actions(alert, doer),
  );
  made.dataset.mark = made.outerHTML;
  dialog().setAttribute("aria-labelledby", "detail-title");
  return made;
}

function facts(alert) {
  const scene = alert.outage ? "outage" : SCENES.has(alert.scene) ? alert.scene : "other";
  const rows = [
    ["todo", say(`todo.${scene}`)],
    ["place", [alert.place, origin(alert)].filter(Boolean).join(" · ")],
    ["address", alert.address],
    ["observed", time(alert.observed_at, { seconds: true })],
  ];
  return h("dl.facts", {}, rows.filter(([, text]) => text).flatMap(([key, text]) => [h("dt", {}, say(key)), h("dd", {}, text)]));
}

// Where a thing that fell likely came from.
function origin(alert) {
  const likely = (alert.where ?? []).filter((one) => one.p >= 0.1).slice(0, 3);
  return likely
    .map((one) => {
      const kind = one.place && one.place !== "window" ? one.place : one.window == null ? "floor" : "window";
      return say(`origin.${kind}`, { ...one, p: `${Math.round(one.p * 100)}%` });
    })
    .join("，");
}

function section(key, ...parts) {
  return h("section", {}, h("h3", {}, say(key)), ...parts);
}

function routes(alert) {
  const links = (alert.routes ?? []).map((one) =>
    h("a.button", { href: one.url, target: "_blank", rel: "noopener noreferrer", "data-focus": `route-${one.app}` }, say(`route.${one.app}`)));
  return section("route", links.length ? h("div.links", {}, links) : h("p.quiet", {}, say("route.none")));
}

function phones(alert) {
  const call = (name, phone) =>
    h("a.button.call", { href: `tel:${phone.replace(/[^\d+*#]/g, "")}`, "data-focus": `tel-${phone}` }, sign("phone"), h("span", {}, name), h("span.quiet", {}, phone));
  const emergency = { fire: ["phone.119", "119"], throwing: ["phone.120", "120"] }[alert.scene];
  const links = [
    emergency && h("a.button.call", { href: `tel:${emergency[1]}`, "data-focus": "tel-emergency" }, sign("phone"), h("span", {}, say(emergency[0]))),
    alert.telephone && call(say("phone.place"), alert.telephone),
    ...(alert.contacts ?? []).map((one) => call(one.name, one.phone)),
  ].filter(Boolean);
  return section("phone", links.length ? h("div.links", {}, links) : h("p.quiet", {}, say("phone.none")));
}

function evidence(alert, marked) {
  const own = (alert.evidence ?? []).filter((one) => one.url.startsWith(OWN_FILES));
  const photos = alert.photos ?? [];
  const none = say(alert.evidence_deleted_at ? "evidence.deleted" : "evidence.none");
  return h(
    "div.pictures",
    { data: { mark: marked } },
    section("evidence", own.length ? own.map((one) => picture(one, say("evidence"))) : h("p.quiet", {}, none)),
    photos.length
      ? section("photos", photos.map((one) => {
          const text = say("photos.by", { by: one.by, time: time(one.taken_at) });
          return h("figure", {}, picture(one, text), h("figcaption", {}, text));
        }))
      : null,
  );
}

function picture(one, text) {
  const gone = (event) => event.target.replaceWith(h("p.quiet", {}, say("evidence.gone")));
  if (one.media_type.startsWith("video/")) {
    return h("video", { src: one.url, controls: true, playsinline: true, preload: "none", "aria-label": text, onerror: gone });
  }
  return h("img", { src: one.url, alt: text, loading: "lazy", onerror: gone });
}

function history() {
  if (timeline === null) return section("timeline", h("p.quiet", {}, say("list.loading")));
  if (!timeline.length) return section("timeline", h("p.quiet", {}, say("timeline.offline")));
  // What was seen again and again is one line, with the last time.
  const folded = [];
  for (const one of timeline) {
    const last = folded.at(-1);
    if (last && JOINED.has(one.change) && JOINED.has(last.change)) folded.splice(-1, 1, { ...one, times: (last.times ?? 1) + 1 });
    else folded.push(one);
  }
  const times = (one) => (one.times ? ` ×${one.times}` : "");
  const word = (change) => (has(`act.${change}`) ? say(`act.${change}`) : say(`change.${change}`));
  return section("timeline", h("ol.timeline", {}, folded.map((one) => h("li", {},
    h("time", { datetime: one.changed_at }, time(one.changed_at, { seconds: true })),
    h("span", {}, [word(one.change) + times(one), one.actor, one.detail?.reason ?? one.detail?.text].filter(Boolean).join(" · "))))));
}

function actions(alert, doer) {
  const can = allowed(alert);
  const main = MAIN.find((one) => can.has(one));
  const press = (action) => () => doer.do(alert, action);
  const others = OTHERS.filter((one) => can.has(one) && (one !== "call_119" || alert.scene === "fire")).map((one) =>
    button("", say(`act.${one}`), press(one), { "data-focus": one }));
  const said = h("p.quiet", { role: "status" });
  return h("footer", {},
    h("div.others", {}, others, photoPicker(say("act.photo"), said, (photo) => doer.photo(alert, photo))),
    said,
    main ? button("main", say(`act.${main}`), press(main), { "data-focus": "main" }) : null);
}
