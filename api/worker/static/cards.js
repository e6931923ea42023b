// The list: the worst alert first, who has it, and what one thumb can do about it.

import { allowed, ended, expected, live, queuedActions, queuedPhotos, state } from "./alerts.js";
import { arrange, button, h, sign } from "./pieces.js";
import { ago, say, time } from "./words.js";

// The step that brings an alert on, and the one beside it.
const STEPS = ["arrive", "resolve", "accept"];
const BESIDE = ["acknowledge", "escalate"];
const ICONS = { accept: "go", arrive: "person", resolve: "camera", acknowledge: null, escalate: "phone" };

export const title = (alert) => say(`label.${alert.label}`);

export function who(alert) {
  const { stands, mine } = expected(alert);
  const name = alert.assignee ?? "";
  switch (stands) {
    case "open":
      return { sign: "nobody", nobody: true, text: say("who.nobody") };
    case "acknowledged":
      if (mine) return { sign: "person", nobody: true, text: say("who.assigned_me") };
      if (name) return { sign: "person", nobody: true, text: say("who.assigned", { name }) };
      return { sign: "nobody", nobody: true, text: say("who.seen", { name: alert.acknowledged_by ?? state.duty?.name }) };
    case "accepted":
      return mine ? { sign: "person", mine, text: say("who.way_me") } : { sign: "person", text: say("who.way", { name }) };
    case "handling":
      return mine ? { sign: "person", mine, text: say("who.there_me") } : { sign: "person", text: say("who.there", { name }) };
    case "resolved":
      return { sign: "person", text: say("who.done", { name: alert.resolved_by ?? state.duty?.name }) };
    default:
      return { sign: "person", text: say(`state.${stands}`) };
  }
}

export function severityBand(alert) {
  const marks = [alert.simulated && say("simulated"), alert.drill && say("drill")].filter(Boolean);
  return h(
    "p.band",
    {},
    sign(alert.severity),
    h("b", {}, say(`severity.${alert.severity}`)),
    alert.severity === "critical" ? h("span", {}, `· ${say("life")}`) : null,
    marks.map((mark) => h("span.mark", {}, mark)),
    h("time", { datetime: alert.raised_at, title: time(alert.raised_at) }, ago(alert.raised_at)),
  );
}

export function waitLine(alert) {
  const actions = queuedActions(alert.id), photos = queuedPhotos(alert.id);
  if (!actions.length && !photos.length) return null;
  const what = actions.map((one) => say(`act.${one.action}`)).join("、");
  const texts = [
    what && say(state.connected ? "sending" : "waiting", { what }),
    photos.length ? say("wait.photos", { count: photos.length }) : "",
  ].filter(Boolean);
  return h("p.wait", {}, sign("clock"), h("span", {}, texts.join(" · ")));
}

export function conflictNotes(alert, doer) {
  return state.conflicts
    .filter((one) => one.alert === alert.id)
    .map((one) => h("div.note", { role: "alert" }, h("p", {}, one.text), button("quiet", say("ok"), () => doer.read(one))));
}

// doer: {do(alert, action), open(alert), read(conflict)}
export function card(alert, doer, { worst = false } = {}) {
  const can = allowed(alert);
  const main = STEPS.find((one) => can.has(one) && (one !== "resolve" || expected(alert).mine));
  const beside = BESIDE.find((one) => can.has(one) && main);
  const press = (action) => () => doer.do(alert, action);
  const buttons = [
    beside && button("", say(`act.${beside}`), press(beside), { "data-focus": beside }),
    main && button("main", say(`act.${main}`), press(main), { "data-focus": "main", icon: ICONS[main] }),
  ].filter(Boolean);
  const stand = who(alert);
  const made = h(
    `article.card.${alert.severity}`,
    { data: { key: alert.id, alert: alert.id } },
    worst ? h("p.worst", {}, say("list.worst")) : null,
    severityBand(alert),
    h("h2", {}, h("a", { href: `#${alert.id}`, "data-focus": "open", onclick: open(alert, doer) }, title(alert))),
    h("p.place", {}, alert.place),
    h(`p.who${stand.nobody ? ".nobody" : ""}${stand.mine ? ".mine" : ""}`, {}, sign(stand.sign), h("span", {}, stand.text)),
    waitLine(alert),
    conflictNotes(alert, doer),
    buttons.length && !alert.ended ? h("div.buttons", {}, buttons) : null,
  );
  if (worst) made.classList.add("is-worst");
  if (alert.ended) made.classList.add("is-ended");
  made.dataset.mark = made.outerHTML;
  return made;
}

function open(alert, doer) {
  return (event) => {
    event.preventDefault();
    doer.open(alert);
  };
}

export function showList(view, doer) {
  const alerts = live(), over = ended();
  const items = alerts.map((one, index) => card(one, doer, { worst: index === 0 && alerts.length > 1 }));
  if (!alerts.length) items.push(nothing());
  if (state.hidden) items.push(plain("p.more", "more", say("banner.more", { count: state.hidden })));
  if (over.length) items.push(plain("h2.heading", "ended", say("list.ended")));
  items.push(...over.map((one) => card(one, doer)));
  return arrange(view, items);
}

function plain(what, key, text) {
  return h(what, { data: { key, mark: text } }, text);
}

function nothing() {
  const [first, second] = state.asOf === null ? [say("list.loading"), ""] : [say("list.none"), say("list.none_why")];
  return h("div.nothing", { data: { key: "nothing", mark: first } }, h("p", {}, first), h("p.quiet", {}, second));
}
