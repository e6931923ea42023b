// My shift, my areas, whether I can be reached, my figures, and the settings of this phone.

import { state } from "./alerts.js";
import { button, h, toast } from "./pieces.js";
import { getDuty, getFigures, Refused, testChannel } from "./server.js";
import { language, length, say, time } from "./words.js";

const THEMES = ["auto", "light", "dark"];
const MARKS = { yes: "✓", no: "✕", unknown: "?" };

let figures = null;

// doer: {language(name), theme(name), signOut()}
export async function showMe(view, doer) {
  draw(view, doer);
  const told = await Promise.all([getFigures(), getDuty()]).catch(() => null);
  if (told) [figures, state.duty] = told;
  if (view.querySelector(".me")) draw(view, doer);
}

function draw(view, doer) {
  const { duty } = state;
  if (!duty) {
    view.replaceChildren(h("p.nothing", {}, say("list.loading")));
    return;
  }
  const focus = document.activeElement?.dataset?.focus;
  view.replaceChildren(h("div.me", {}, shift(duty), areas(duty), channels(duty, () => draw(view, doer)), performance(), settings(doer)));
  if (focus) view.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

function section(title, ...parts) {
  return h("section.panel", {}, h("h2", {}, title), ...parts);
}

function shift(duty) {
  const lines = [h("p.name", {}, duty.name)];
  const number = duty.code ? say("me.code", { code: duty.code }) : "";
  lines.push(h("p.quiet", {}, [number, say("me.account", { username: duty.username })].filter(Boolean).join(" · ")));
  if (!duty.code) lines.push(h("p", {}, say("me.no_roster")));
  else if (duty.leave_until) lines.push(h("p.state", {}, say("me.leave", { until: time(duty.leave_until) })));
  else if (duty.always) lines.push(h("p.state", {}, say("me.always")));
  else lines.push(h("p.state", {}, duty.turn ? say("me.turn", { until: time(duty.turn.ends) }) : say("me.off")));
  if (duty.next_turn) {
    const { begins, ends } = duty.next_turn;
    lines.push(h("p.quiet", {}, say("me.next", { from: time(begins), to: time(ends) })));
  }
  return section(say("me.title"), ...lines);
}

function areas(duty) {
  const list = duty.areas.map((one) => {
    const rank = one.rank === 1 ? say("me.rank1") : say("me.rank", { rank: one.rank });
    const scenes = (one.scenes ?? []).map((scene) => say(`scene.${scene}`)).join("、");
    return h("li", {}, h("b", {}, one.name), h("span.quiet", {}, [rank, scenes].filter(Boolean).join(" · ")));
  });
  return section(say("me.areas"), list.length ? h("ul.rows", {}, list) : h("p.quiet", {}, say("me.no_areas")));
}

function channels(duty, redraw) {
  const rows = duty.channels.map((one) => {
    const works = h(`span.works.${one.works}`, {}, `${MARKS[one.works]} ${say(`works.${one.works}`)}`);
    const when = one.since && say(one.works === "yes" ? "works.at" : "works.failed", { time: time(one.since) });
    const quiet = one.quiet_from && say("me.quiet", { from: one.quiet_from, to: one.quiet_to });
    const hint = one.hint && say("me.ends_in", { hint: one.hint });
    const name = say(`kind.${one.kind}`);
    const test = button("small", say("test"), () => tryChannel(one, test, redraw), { "aria-label": `${say("test")} ${name}`, "data-focus": `test-${one.position}` });
    return h("li.channel", {}, h("div", {}, h("b", {}, name, hint ? ` ${hint}` : ""), works,
      h("span.quiet", {}, [when, quiet, one.works === "no" ? (language === "en" ? one.why : one.why_zh) : ""].filter(Boolean).join(" · "))), test);
  });
  return section(say("me.channels"), h("p", {}, say("me.channels_why")),
    rows.length ? h("ul.rows", {}, rows) : h("p.warning", {}, say("me.no_channels")));
}

async function tryChannel(channel, pressed, redraw) {
  pressed.disabled = true;
  toast(say("test.sending"));
  try {
    const now = await testChannel(channel.position);
    state.duty.channels = state.duty.channels.map((one) => (one.position === now.position ? now : one));
    toast(say(now.works === "yes" ? "test.sent" : "test.failed"));
  } catch (error) {
    if (error instanceof Refused && error.status === 429) toast(say("test.wait", { s: error.waitS }));
    else toast(say(error instanceof Refused ? "test.failed" : "test.offline"));
  }
  pressed.disabled = false;
  redraw();
}

function performance() {
  const own = [...(figures ?? [])].sort((one, other) => one.drill - other.drill);
  const tables = own.map((one) => h("div", {},
    one.drill ? h("h3", {}, say("fig.drill")) : null,
    h("dl.figures", {}, [
      ["taken", one.taken], ["arrived", one.arrived], ["done", one.done], ["returned", one.returned],
      ["false_alarms", one.false_alarms], ["response", length(one.response_p50_s)], ["way", length(one.way_p50_s)],
      ["handling", length(one.handling_p50_s)],
    ].map(([key, value]) => h("div", {}, h("dt", {}, say(`fig.${key}`)), h("dd", {}, String(value)))))));
  const none = h("p.quiet", {}, figures === null ? say("list.loading") : say("me.figures_none"));
  return section(say("me.figures"), ...(tables.length ? tables : [none]));
}

function settings(doer) {
  const chosen = localStorage.getItem("gridwatch-theme") ?? "auto";
  const themes = THEMES.map((one) => h("label", {},
    h("input", { type: "radio", name: "theme", value: one, checked: one === chosen, "data-focus": `theme-${one}`, onchange: () => doer.theme(one) }),
    h("span", {}, say(`theme.${one}`))));
  return section(say("me.settings"),
    h("fieldset.choice", {}, h("legend", {}, say("me.theme")), h("div", {}, themes)),
    button("", say("me.language"), () => doer.language(language === "en" ? "zh-CN" : "en"), { "data-focus": "language", lang: language === "en" ? "zh-CN" : "en" }),
    button("", say("me.sign_out"), () => doer.signOut(), { "data-focus": "sign-out" }));
}
