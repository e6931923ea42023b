// Puts the page together: what is remembered is shown at once, then the server's list, then each change.

import { allowed, live, state, takeChange, takeList } from "./alerts.js";
import { showList, who } from "./cards.js";
import { closeDetail, openDetail, refreshDetail, shownAlert, timelineChanged } from "./detail.js";
import { Feed } from "./feed.js";
import { showMe } from "./me.js";
import { forget, keep, openMemory, recall } from "./memory.js";
import { Outbox } from "./outbox.js";
import { button, h, sign, toast } from "./pieces.js";
import { getDuty, getMine, Refused } from "./server.js";
import { askReason, askResolved, askText } from "./sheets.js";
import { arm, armAtFirstTouch, disarm, isArmed, isRinging, isWanted, quiet, ring } from "./sound.js";
import { loadWords, say, setLanguage, time } from "./words.js";

const SIGN_IN = "/worker/sign-in";
const GATHER_MS = 300; // new alerts of a storm are asked for together
const BACK_WITHIN_MS = 1500; // what the feed tells first after a break came meanwhile
const SHORT_MS = 5000; // a break that is not worth telling of where nothing new came
const SETTLE_MS = 350; // after the list moved, a thumb may be on its way to what was there before
const REMEMBER_MS = 1000;
const LIST_AGAIN_MS = 3000;
const TICK_MS = 30000;

const $ = (id) => document.getElementById(id);

let tab = "alerts";
let remembers = true;
let lostAt = null; // when the connection broke
let backNote = null; // what came meanwhile
let signedOut = false;
let meanwhile = null;
let asked = new Set();
let drawing = false;

const outbox = new Outbox({
  changed: draw,
  sent(entry) {
    if (entry.photo) toast(say("done.photo"));
    else if (document.hasFocus() && ["escalate", "return", "resolve", "false_alarm"].includes(entry.action)) {
      toast(say(`done.${entry.action}`));
    }
    remember();
    timelineChanged(entry.alert, doer);
  },
  refused(entry, error, dropped) {
    const what = say(entry.photo ? "act.photo" : `act.${entry.action}`);
    const more = dropped ? say("conflict.dropped", { count: dropped }) : "";
    const text = `${say("conflict", { what, why: reason(entry, error) })}${more ? ` ${more}` : ""}`;
    state.conflicts.push({ alert: entry.alert, text, username: entry.username });
    keep("conflicts", state.conflicts);
    if (!state.alerts.has(entry.alert)) toast(text);
    draw();
  },
  signedOut: signOutNow,
});

// Say in words why the server refused: mostly that somebody else was first, and who.
function reason(entry, error) {
  if (error.status === 404 || error.status === 403) return say("why.gone");
  if (entry.photo && error.status === 413) return say("why.too_large");
  if (entry.photo && (error.status === 422 || error.status === 415)) return say("why.not_picture");
  const alert = state.alerts.get(entry.alert);
  if (error.status !== 409 || !alert || entry.photo) return say("why.refused", { detail: error.message });
  const since = { accepted: alert.accepted_at, handling: alert.arrived_at ?? alert.accepted_at, resolved: alert.resolved_at, acknowledged: alert.acknowledged_at }[alert.state];
  if (!since) return say("why.state", { state: say(`state.${alert.state}`) });
  return say("why.with", { who: who(alert).text, time: time(since) });
}

const doer = {
  do(alert, action) {
    if (!allowed(alert).has(action)) return;
    const send = (body = {}) => outbox.add(alert.id, { action, body });
    quiet();
    if (action === "resolve" || action === "false_alarm") {
      askResolved(alert, (given) => {
        outbox.add(alert.id, { action: given.action, body: {} });
        if (given.note) outbox.add(alert.id, { action: "comment", body: { text: given.note } });
        given.photos.forEach((photo) => outbox.add(alert.id, { photo }));
        if (shownAlert() === alert.id) history.back();
      });
    } else if (action === "return") askReason((why) => send({ reason: why }));
    else if (action === "comment") askText((text) => send({ text }));
    else send();
  },
  photo(alert, photo) {
    outbox.add(alert.id, { photo });
  },
  open(alert) {
    quiet();
    history.pushState({ alert: alert.id }, "");
    openDetail(alert, doer);
  },
  back() {
    history.back();
  },
  read(conflict) {
    state.conflicts = state.conflicts.filter((one) => one !== conflict);
    keep("conflicts", state.conflicts);
    draw();
  },
};

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawTop();
    drawBanners();
    drawTabs();
    if (tab === "alerts") {
      const moved = showList($("view"), doer);
      if (moved) settle();
    }
    refreshDetail(doer);
  });
}

let settling = 0;
function settle() {
  $("view").classList.add("moved");
  clearTimeout(settling);
  settling = setTimeout(() => $("view").classList.remove("moved"), SETTLE_MS);
}

function drawTop() {
  $("product").textContent = say("app.name");
  const live = $("live");
  const word = lostAt === null ? (state.connected ? "live" : "connecting") : "lost";
  const text = lostAt === null ? say(word) : `${say(word)} ${time(lostAt)}`;
  if (live.textContent !== text) {
    live.className = word;
    live.textContent = text;
  }
  const sound = $("sound");
  const armed = isArmed();
  sound.replaceChildren(sign(armed ? "bell" : "bell-off"), h("span", {}, say(armed ? "sound.on" : "sound.off")));
  sound.setAttribute("aria-pressed", String(armed));
}

function drawBanners() {
  const banners = [];
  const as_of = state.asOf ? time(state.asOf, { seconds: true }) : "–";
  if (signedOut) {
    banners.push(h("div.banner.bad", { role: "alert" }, h("p", {}, say("banner.signed_out")), h("a.button", { href: SIGN_IN }, say("banner.sign_in"))));
  } else if (lostAt !== null) {
    const text = say("banner.lost", { time: time(lostAt, { seconds: true }), as_of });
    banners.push(h("div.banner.bad", { role: "alert" }, h("p", {}, text)));
  }
  if (isRinging()) banners.push(h("div.banner.ring", {}, button("main", say("sound.stop"), () => { quiet(); draw(); }, { icon: "bell" })));
  if (backNote) {
    banners.push(h("div.banner", { role: "status" }, h("p", {}, backNote), button("quiet", say("ok"), () => { backNote = null; draw(); })));
  }
  if (state.queue.length) banners.push(h("div.banner", { role: "status" }, h("p", {}, sign("clock"), say("banner.waiting", { count: state.queue.length }))));
  if (!isArmed() && !isWanted() && tab === "alerts" && state.duty && !localStorage.getItem("gridwatch-sound")) {
    banners.push(h("div.banner", {}, h("p", {}, say("sound.ask")),
      h("div.buttons", {}, button("quiet", say("ok"), () => { localStorage.setItem("gridwatch-sound", "off"); draw(); }), button("", say("sound.arm"), switchSound, { icon: "bell" }))));
  }
  if (!remembers) banners.push(h("div.banner", {}, h("p", {}, say("banner.no_memory"))));
  const made = h("div", {}, banners);
  if ($("banners").dataset.mark === made.innerHTML) return;
  $("banners").dataset.mark = made.innerHTML;
  $("banners").replaceChildren(...made.childNodes);
}

function drawTabs() {
  const count = live().length;
  const make = (name, icon, badge) => h("button", { type: "button", "aria-current": tab === name ? "page" : null, "data-focus": name, onclick: () => show(name) },
    sign(icon), h("span", {}, say(`tab.${name}`)), badge ? h("b.badge", {}, String(badge)) : null);
  const made = h("div", {}, make("alerts", "list", count), make("me", "person", 0));
  if ($("tabs").dataset.mark === made.innerHTML) return;
  $("tabs").dataset.mark = made.innerHTML;
  const focus = $("tabs").contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  $("tabs").replaceChildren(...made.childNodes);
  if (focus) $("tabs").querySelector(`[data-focus="${focus}"]`).focus();
}

function show(name) {
  tab = name;
  $("view").replaceChildren();
  scrollTo(0, 0);
  if (name === "me") showMe($("view"), { language: changeLanguage, theme: changeTheme, signOut });
  draw();
}

function changeLanguage(name) {
  setLanguage(name);
  show(tab);
}

function changeTheme(name) {
  localStorage.setItem("gridwatch-theme", name);
  applyTheme();
}

function applyTheme() {
  const theme = localStorage.getItem("gridwatch-theme") ?? "auto";
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

async function switchSound() {
  if (isArmed()) disarm();
  else await arm(draw);
  localStorage.setItem("gridwatch-sound", isWanted() ? "on" : "off");
  draw();
}

async function signOut() {
  if (state.queue.length && !confirm(say("me.sign_out_waiting", { count: state.queue.length }))) return;
  const left = await fetch("/logout", { method: "POST", redirect: "manual" }).catch(() => null);
  if (left === null) {
    toast(say("test.offline"));
    return;
  }
  await Promise.all([forget("list"), forget("duty")]);
  location.replace(SIGN_IN);
}

function signOutNow() {
  signedOut = true;
  draw();
}

// Remember the list for the next time that there is no network; in a storm it is written down once a second.
let remembering = 0;
function remember() {
  remembering ||= setTimeout(rememberNow, REMEMBER_MS);
}

function rememberNow() {
  clearTimeout(remembering);
  remembering = 0;
  const alerts = live();
  const list = { seq: state.seq, total: alerts.length + state.hidden, alerts, asOf: state.asOf };
  return keep("list", { username: state.duty?.username, ...list });
}

const feed = new Feed({
  opened() {
    const lost = lostAt;
    state.connected = true;
    lostAt = null;
    if (lost !== null) {
      meanwhile = { lost, back: Date.now(), fresh: new Set(), changed: new Set() };
      setTimeout(tellMeanwhile, BACK_WITHIN_MS);
    }
    state.asOf = Date.now();
    outbox.send();
    draw();
  },
  change(alert) {
    state.seq = alert.seq;
    state.asOf = Date.now();
    if (isWorse(alert)) ring(draw);
    if (alert.ended && state.hidden) listLater();
    if (takeChange(alert)) meanwhile?.changed.add(alert.id);
    else if (!alert.ended) askLater(alert.id);
    timelineChanged(alert.id, doer);
    remember();
    draw();
  },
  lost() {
    state.connected = false;
    lostAt ??= Date.now();
    draw();
  },
  refused: signOutNow,
});

function tellMeanwhile() {
  if (!meanwhile) return;
  const { lost, back, fresh, changed } = meanwhile;
  meanwhile = null;
  if (back - lost < SHORT_MS && !fresh.size) return;
  const between = { from: time(lost, { seconds: true }), to: time(back, { seconds: true }) };
  const counts = { new: fresh.size, changed: [...changed].filter((id) => !fresh.has(id)).length };
  backNote = say(counts.new || counts.changed ? "banner.back" : "banner.back_nothing", { ...between, ...counts });
  draw();
}

// Say whether an alert that is known became one of life safety that nobody has.
function isWorse(alert) {
  const known = state.alerts.get(alert.id);
  const calls = (one) => one.severity === "critical" && one.state === "open" && !one.simulated;
  return known && calls(alert) && !calls(known);
}

// There is room for alerts that the list did not hold.
let listing = 0;
function listLater() {
  listing ||= setTimeout(async () => {
    listing = 0;
    const list = await getMine().catch(() => null);
    if (list && list.seq >= state.seq) takeList(list);
    draw();
  }, LIST_AGAIN_MS);
}

// An alert that is heard of for the first time may be mine: the server knows.
let asking = 0;
function askLater(id) {
  asked.add(id);
  asking ||= setTimeout(async () => {
    asking = 0;
    const ids = [...asked];
    asked = new Set();
    const found = await getMine(ids).catch(() => null);
    if (found === null) {
      ids.forEach(askLater);
      return;
    }
    const fresh = found.alerts.filter((one) => !state.alerts.has(one.id));
    for (const one of fresh) {
      state.alerts.set(one.id, one);
      meanwhile?.fresh.add(one.id);
    }
    if (fresh.some((one) => one.severity === "critical" && one.state === "open" && !one.simulated)) ring(draw);
    found.alerts.forEach(takeChange);
    remember();
    draw();
  }, GATHER_MS);
}

async function start() {
  applyTheme();
  [remembers] = await Promise.all([openMemory(), loadWords()]);
  const [duty, list] = await Promise.all([recall("duty"), recall("list")]);
  if (duty && list && duty.username === list.username) {
    state.duty = duty;
    takeList(list);
    state.asOf = list.asOf;
    await outbox.load();
  }
  draw();
  await load();
  await outbox.load();
  state.conflicts = ((await recall("conflicts")) ?? []).filter((one) => one.username === state.duty.username);
  await rememberNow();
  feed.start(state.seq);
  outbox.send();
  openLinked();
  draw();
}

// Get who I am and my list; without a network go on with what is remembered.
async function load() {
  try {
    const [duty, list] = await Promise.all([getDuty(), getMine()]);
    state.duty = duty;
    takeList(list);
    keep("duty", duty);
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
      if (!state.duty) location.replace(SIGN_IN);
      signOutNow();
      return;
    }
    lostAt = Date.now();
    draw();
    if (!state.duty) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await load();
    }
  }
}

// A link in a message names its alert.
async function openLinked() {
  const id = Number(new URLSearchParams(location.search).get("alert"));
  if (!id) return;
  history.replaceState(null, "", "/worker");
  if (!state.alerts.has(id)) (await getMine([id]).catch(() => null))?.alerts.forEach((one) => state.alerts.set(one.id, one));
  const alert = state.alerts.get(id);
  if (alert) doer.open(alert);
}

addEventListener("popstate", (event) => {
  const alert = state.alerts.get(event.state?.alert);
  if (alert) openDetail(alert, doer);
  else closeDetail();
});
$("detail").addEventListener("cancel", (event) => {
  event.preventDefault();
  history.back();
});
$("sound").addEventListener("click", switchSound);
setInterval(draw, TICK_MS);
if (localStorage.getItem("gridwatch-sound") === "on") armAtFirstTouch(draw);
if ("serviceWorker" in navigator) {
  const had = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.register("/worker/sw.js", { scope: "/worker", type: "classic" }).catch(() => null);
  // A newer page is there: take it, unless somebody is in the middle of something.
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (had && !document.querySelector("dialog[open]")) location.reload();
  });
}
start();
