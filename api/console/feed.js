// The list of alerts: rows by key, in the order that the server says. While the pointer is over it nothing
// moves; what came meanwhile waits behind a button outside the list.

const HIGHLIGHT_MS = 4000;
const KEYS_SETTING = "gridwatch_keys";

const icon = (name) => `<i class="material-icons" aria-hidden="true">${name}</i>`;

export default {
  template: `
    <div class="gw-feed-inside">
      <div class="gw-above-list">
        <button type="button" class="gw-fresh" hidden></button>
        <div class="gw-picked" role="toolbar" hidden></div>
      </div>
      <div class="gw-list" role="feed" :aria-label="words.alerts"></div>
      <p class="gw-empty" hidden></p>
      <button type="button" class="gw-more" hidden></button>
      <p class="gw-only-heard" role="status" aria-live="polite"></p>
    </div>`,
  props: { initial: Object, words: Object, picks: Array },
  mounted() {
    this.rows = new Map();
    this.given = new Map();
    this.picked = new Set();
    this.order = [];
    this.current = null;
    this.isPointedAt = false;
    this.newest = 0;
    const part = (name) => this.$el.querySelector(name);
    this.list = part(".gw-list");
    this.fresh = part(".gw-fresh");
    this.more = part(".gw-more");
    this.empty = part(".gw-empty");
    this.toolbar = part(".gw-picked");
    this.heard = part(".gw-only-heard");
    this.empty.textContent = this.words.empty;
    this.fresh.onclick = () => this.apply(true);
    this.more.onclick = () => this.$emit("more");
    this.list.addEventListener("pointerenter", (event) => (this.isPointedAt = event.pointerType === "mouse"));
    this.list.addEventListener("pointerleave", () => {
      this.isPointedAt = false;
      this.apply();
    });
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("focusin", (event) => this.setCurrent(this.idOf(event.target)));
    this.list.addEventListener("error", gone, true);
    this.list.addEventListener("pointerover", preview);
    this.onKey = (event) => this.pressed(event);
    document.addEventListener("keydown", this.onKey);
    this.onPop = () => this.$emit("open", Number(new URLSearchParams(location.search).get("alert")) || null);
    window.addEventListener("popstate", this.onPop);
    this.ticking = setInterval(() => this.tellAges(), 15000);
    this.buildToolbar();
    if (this.initial) this.take(this.initial);
  },
  unmounted() {
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("popstate", this.onPop);
    clearInterval(this.ticking);
  },
  methods: {
    // given: {order, rows: {id: {html, classes, actions, rings, words}}, counts, more, empty}
    take(given) {
      const isFirst = !this.order.length && !this.rows.size;
      for (const [id, row] of Object.entries(given.rows)) {
        this.given.set(Number(id), row);
        const known = this.rows.get(Number(id));
        if (known) this.fill(known, Number(id));
      }
      const added = given.order.filter((id) => !this.order.includes(id));
      this.order = given.order;
      this.rest = given.more;
      for (const id of [...this.given.keys()])
        if (!this.order.includes(id) && !this.rows.has(id)) this.given.delete(id);
      this.newest = Math.max(this.newest, ...this.order);
      const counts = document.querySelector(".gw-counts");
      if (counts) counts.innerHTML = given.counts;
      this.empty.hidden = this.order.length > 0;
      this.apply(isFirst);
      if (!isFirst) this.say(added);
      const ringing = this.order.filter((id) => this.given.get(id)?.rings);
      window.dispatchEvent(new CustomEvent("gw-shown", { detail: { ringing, newest: this.newest, order: this.order } }));
    },
    // Give the page the order of the server, unless the pointer is over the list.
    apply(isForced = false) {
      const isFirst = !this.rows.size;
      const fresh = this.order.filter((id) => !this.rows.has(id));
      if (this.isPointedAt && !isForced && this.rows.size) {
        for (const [id, row] of this.rows) row.classList.toggle("gw-is-gone", !this.order.includes(id));
        this.tellFresh(fresh);
        return;
      }
      this.fresh.hidden = true;
      const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
      const anchor = focused?.closest("article");
      const before = anchor?.getBoundingClientRect().top;
      const wanted = new Set(this.order);
      for (const row of this.rows.values()) row.classList.remove("gw-is-gone");
      for (const id of [...this.rows.keys()]) if (!wanted.has(id)) this.remove(id);
      let place = this.list.firstElementChild;
      for (const id of this.order) {
        const row = this.rows.get(id) ?? this.make(id, isFirst);
        if (row === place) place = place.nextElementSibling;
        else this.list.insertBefore(row, place);
      }
      if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
      if (anchor?.isConnected) this.list.scrollTop += anchor.getBoundingClientRect().top - before;
      [...this.list.children].forEach((row, at) => {
        row.setAttribute("aria-posinset", at + 1);
        row.setAttribute("aria-setsize", this.order.length + this.rest);
      });
      if (this.current === null || !this.rows.has(this.current)) this.setCurrent(this.order[0] ?? null);
      // Who was at a row that is gone goes on at the first one.
      if (focused && !focused.isConnected) this.rows.get(this.current)?.focus({ preventScroll: true });
      this.more.hidden = !this.rest;
      this.more.textContent = this.words.more.replace("{count}", this.rest);
      if (isForced && fresh.length && this.list.scrollTop && !focused) this.list.scrollTop = 0;
      this.tellPicked();
    },
    tellFresh(fresh) {
      this.fresh.hidden = !fresh.length;
      if (!fresh.length) return;
      const worst = this.given.get(fresh[0]);
      this.fresh.className = "gw-fresh " + worst.classes.split(" ")[0];
      this.fresh.textContent = this.words.fresh.replace("{count}", fresh.length).replace("{worst}", worst.name);
    },
    say(added) {
      const worst = added.map((id) => this.given.get(id)).find((row) => row && !row.ended);
      if (worst) this.heard.textContent = this.words.arrived.replace("{name}", worst.name);
    },
    make(id, isFirst) {
      const row = document.createElement("article");
      row.dataset.alert = id;
      row.tabIndex = -1;
      row.innerHTML =
        `<label class="gw-pick"><input type="checkbox" tabindex="-1"></label>` +
        `<div class="gw-row"></div><div class="gw-actions"></div>`;
      row.querySelector("input").onchange = (event) => this.pick(id, event.target.checked);
      this.rows.set(id, row);
      this.fill(row, id);
      if (!isFirst) {
        row.classList.add("gw-is-new");
        setTimeout(() => row.classList.remove("gw-is-new"), HIGHLIGHT_MS);
      }
      return row;
    },
    fill(row, id) {
      const given = this.given.get(id);
      const isNew = row.classList.contains("gw-is-new") ? " gw-is-new" : "";
      const isOpen = this.opened === id ? " gw-is-shown" : "";
      row.className = "gw-card " + given.classes + isNew + isOpen;
      row.setAttribute("aria-label", given.name);
      row.querySelector(".gw-row").innerHTML = given.html;
      const pick = row.querySelector("input");
      pick.setAttribute("aria-label", this.words.pick.replace("{name}", given.name));
      pick.disabled = given.ended;
      const actions = row.querySelector(".gw-actions");
      // A button keeps its place while it is not allowed: no press meets another one than was aimed at.
      for (const [action, face] of Object.entries(this.words.actions)) {
        let button = actions.querySelector(`.gw-${action}`);
        const isThere = given.actions.includes(action);
        if (!button && (isThere || action !== "release")) {
          button = document.createElement("button");
          button.type = "button";
          button.tabIndex = id === this.current ? 0 : -1;
          button.className = `gw-button gw-${action}`;
          button.dataset.action = action;
          button.innerHTML = icon(face.icon) + `<span>${face.name}</span>`;
          actions.append(button);
        }
        if (button) button.style.visibility = isThere ? "visible" : "hidden";
      }
      this.tellAges(row);
      if (window.gwMeanwhileAfter && id > window.gwMeanwhileAfter) this.markMeanwhile(row);
    },
    markMeanwhile(row) {
      if (row.querySelector(".gw-meanwhile")) return;
      row.querySelector(".gw-line")?.insertAdjacentHTML(
        "beforeend", `<span class="gw-mark gw-meanwhile">${this.words.meanwhile}</span>`);
    },
    markAllAfter(id) {
      window.gwMeanwhileAfter = id;
      for (const [one, row] of this.rows) if (one > id) this.markMeanwhile(row);
    },
    tellAges(within = this.list) {
      for (const age of within.querySelectorAll("[data-since]")) {
        const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(age.dataset.since)) / 60000));
        const [unit, count] = minutes < 60 ? ["minutes", minutes] : ["hours", Math.floor(minutes / 60)];
        age.textContent = count < 1 ? this.words.now : this.words[unit].replace("{count}", count);
      }
    },
    remove(id) {
      this.rows.get(id).remove();
      this.rows.delete(id);
      this.picked.delete(id);
      if (!this.order.includes(id)) this.given.delete(id);
    },
    idOf(target) {
      const row = target.closest?.("article");
      return row ? Number(row.dataset.alert) : null;
    },
    setCurrent(id) {
      if (id === this.current) return;
      this.reach(this.current, -1);
      this.current = id;
      this.reach(id, 0);
    },
    // Tab leads into the current row alone; the keys j and k, or arrows, to the others.
    reach(id, tabIndex) {
      const row = this.rows.get(id);
      if (!row) return;
      row.tabIndex = tabIndex;
      row.querySelectorAll("button, input").forEach((one) => (one.tabIndex = tabIndex));
    },
    clicked(event) {
      const id = this.idOf(event.target);
      if (id === null || event.target.closest(".gw-pick")) return;
      const button = event.target.closest("[data-action]");
      if (button) this.$emit("act", { action: button.dataset.action, alerts: [id] });
      else this.$emit("open", id);
    },
    // Called from the server: which alert is shown beside the list.
    setOpened(id, isHistory) {
      this.rows.get(this.opened)?.classList.remove("gw-is-shown");
      this.opened = id;
      this.rows.get(id)?.classList.add("gw-is-shown");
      const wanted = id === null ? "/" : `/?alert=${id}`;
      if (location.pathname + location.search !== wanted && !isHistory) history.pushState({}, "", wanted);
      if (id === null) this.rows.get(this.current)?.focus({ preventScroll: true });
    },
    pick(id, isPicked) {
      if (isPicked) this.picked.add(id);
      else this.picked.delete(id);
      const box = this.rows.get(id)?.querySelector("input");
      if (box) box.checked = isPicked;
      this.tellPicked();
    },
    pickNone() {
      for (const id of [...this.picked]) this.pick(id, false);
    },
    buildToolbar() {
      const word = document.createElement("b");
      this.toolbar.append(word);
      this.toolbar.setAttribute("aria-label", this.words.selection);
      const add = (name, run) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "gw-button";
        button.textContent = name;
        button.onclick = run;
        this.toolbar.append(button);
      };
      add(this.words.pickAll, () => {
        for (const id of this.order) if (this.rows.has(id) && !this.given.get(id).ended) this.pick(id, true);
      });
      for (const { action, name } of this.picks)
        add(name, () => this.$emit("act", { action, alerts: [...this.picked] }));
      add(this.words.pickNone, () => this.pickNone());
    },
    tellPicked() {
      this.toolbar.hidden = !this.picked.size;
      this.toolbar.firstElementChild.textContent = this.words.picked.replace("{count}", this.picked.size);
    },
    step(by) {
      const there = [...this.list.children].filter((row) => row.offsetParent);
      const at = there.findIndex((row) => Number(row.dataset.alert) === this.current);
      const isFocused = this.list.contains(document.activeElement);
      const next = there[isFocused ? Math.min(there.length - 1, Math.max(0, at + by)) : Math.max(0, at)];
      next?.focus();
      next?.scrollIntoView({ block: "nearest" });
    },
    pressed(event) {
      const target = event.target;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector(".q-dialog")) return;
      if (target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
      const key = event.key;
      const isArrow = key === "ArrowDown" || key === "ArrowUp";
      if (isArrow && !this.list.contains(target)) return;
      if (key === "Enter" && target.closest?.("button, a, input")) return;
      const isLetter = key.length === 1 && key !== "?";
      if (isLetter && localStorage.getItem(KEYS_SETTING) === "off") return;
      const id = this.opened ?? this.current;
      const act = (action) => id !== null && this.$emit("act", { action, alerts: this.picked.size ? [...this.picked] : [id] });
      const meanings = {
        j: () => this.step(1), ArrowDown: () => this.step(1),
        k: () => this.step(-1), ArrowUp: () => this.step(-1),
        Enter: () => this.list.contains(target) && this.current !== null && this.$emit("open", this.current),
        a: () => act("acknowledge"), p: () => act("assign"), m: () => act("mute"), l: () => act("release"),
        s: () => window.dispatchEvent(new Event("gw-silence")),
        x: () => this.current !== null && this.rows.has(this.current) && this.pick(this.current, !this.picked.has(this.current)),
        n: () => this.apply(true),
        "?": () => this.$emit("help"),
        Escape: () => this.$emit("open", null),
      };
      if (!meanings[key]) return;
      event.preventDefault();
      meanings[key]();
    },
  },
};

// A picture that can't be shown gives way to a plain sentence.
function gone(event) {
  const said = event.target.dataset?.gone;
  if (said) event.target.replaceWith(said);
}

// A clip plays in the place of its picture as long as the mouse is over it.
function preview(event) {
  const box = event.target.closest("[data-clip]");
  if (!box || box.querySelector("video") || event.pointerType !== "mouse") return;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const video = document.createElement("video");
  Object.assign(video, { muted: true, loop: true, autoplay: true, playsInline: true, src: box.dataset.clip });
  video.setAttribute("aria-hidden", "true");
  video.onerror = () => video.remove();
  box.append(video);
  box.addEventListener("pointerleave", () => video.remove(), { once: true });
}
