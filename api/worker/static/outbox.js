// What somebody did waits here until the server has it: kept on the phone, sent in order, carried out once.

import { state, takeChange } from "./alerts.js";
import { putOut, takeOut, waiting } from "./memory.js";
import { act, Away, getMine, Refused, sendPhoto } from "./server.js";

const AGAIN_MS = [2000, 5000, 15000, 30000];
const LATER = new Set([408, 425, 429, 500, 502, 503, 504]);

export class Outbox {
  #sending = false;
  #again = 0;
  #failures = 0;

  // told: {changed(), sent(entry), refused(entry, why, dropped), signedOut()}
  constructor(told) {
    this.told = told;
    addEventListener("online", () => this.send());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.send());
  }

  // Load what waits of who is signed in; what others left waits for them.
  async load() {
    const all = await waiting();
    state.queue = all.filter((one) => one.username === state.duty?.username);
    this.told.changed();
  }

  async add(alert, what) {
    const entry = { alert, username: state.duty.username, key: newKey(), at: new Date().toISOString(), ...what };
    state.queue.push(await putOut(entry));
    this.told.changed();
    this.send();
  }

  // Send all that waits; two windows of one phone take turns, and the server knows each key.
  async send() {
    if (this.#sending || !state.duty || !state.queue.length) return;
    this.#sending = true;
    clearTimeout(this.#again);
    try {
      await alone(async () => {
        await this.load();
        while (state.queue.length) await this.#sendOne(state.queue[0]);
      });
      this.#failures = 0;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.told.signedOut();
      const pause = AGAIN_MS[Math.min(this.#failures++, AGAIN_MS.length - 1)];
      this.#again = setTimeout(() => this.send(), Math.max(pause, (error.waitS ?? 0) * 1000));
    } finally {
      this.#sending = false;
      this.told.changed();
    }
  }

  async #sendOne(entry) {
    try {
      if (entry.photo) await sendPhoto(entry.alert, entry.photo, entry.at);
      else takeChange(await act(entry.alert, entry.action, entry.body, entry.key));
    } catch (error) {
      if (error instanceof Away || LATER.has(error.status) || error.status === 401) throw error;
      await this.#refused(entry, error);
      return;
    }
    await this.#drop(entry);
    this.told.sent(entry);
  }

  // The server will not do it: what builds on it is dropped too, photos still go.
  async #refused(entry, error) {
    const later = entry.action
      ? state.queue.filter((one) => one !== entry && one.alert === entry.alert && one.action && one.action !== "comment")
      : [];
    for (const one of [entry, ...later]) await this.#drop(one);
    const found = await getMine([entry.alert]).catch(() => null);
    found?.alerts.forEach(takeChange);
    this.told.refused(entry, error, later.length);
  }

  async #drop(entry) {
    await takeOut(entry.number);
    state.queue = state.queue.filter((one) => one.number !== entry.number);
    this.told.changed();
  }
}

function newKey() {
  // randomUUID is there only over TLS or on this machine.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function alone(work) {
  return navigator.locks ? navigator.locks.request("gridwatch-outbox", work) : work();
}
