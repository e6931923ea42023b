// Asks the server; every answer that is no success is a Refused, and no answer at all an Away.

import { language } from "./words.js";

const WITHIN_MS = 20000;
const PHOTO_WITHIN_MS = 90000;

export class Away extends Error {}

export class Refused extends Error {
  constructor(status, detail, waitS) {
    super(detail);
    this.status = status;
    this.waitS = waitS;
  }
}

async function ask(path, { within = WITHIN_MS, ...options } = {}) {
  const abort = new AbortController();
  const late = setTimeout(() => abort.abort(), within);
  let answer;
  try {
    answer = await fetch(path, { ...options, signal: abort.signal });
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
  } catch (error) {
    throw new Away(String(error));
  } finally {
    clearTimeout(late);
  }
  const problem = await answer.json().catch(() => ({}));
  const waitS = Number(answer.headers.get("Retry-After")) || 0;
  throw new Refused(answer.status, (language === "en" ? problem.detail : problem.detail_zh) ?? String(answer.status), waitS);
}

const JSON_TYPE = { "Content-Type": "application/json" };

export const getDuty = () => ask("/api/v1/me/duty");
export const getFigures = () => ask("/api/v1/me/figures");
export const getAlert = (id) => ask(`/api/v1/alerts/${id}`);
export function getMine(ids = []) {
  return ask(`/api/v1/me/alerts${ids.length ? `?${ids.map((id) => `id=${id}`).join("&")}` : ""}`);
}
export const testChannel = (position) =>
  ask(`/api/v1/me/channels/${position}/test`, { method: "POST", within: 40000 });

// The key makes the server do it once, however often it is sent.
export const act = (alert, action, body, key) =>
  ask(`/api/v1/alerts/${alert}/${action}`, {
    method: "POST",
    headers: { ...JSON_TYPE, "Idempotency-Key": key },
    body: JSON.stringify(body),
  });
export const sendPhoto = (alert, photo, takenAt) =>
  ask(`/api/v1/alerts/${alert}/photos?taken_at=${encodeURIComponent(takenAt)}`, {
    method: "POST",
    headers: { "Content-Type": photo.type },
    body: photo,
    within: PHOTO_WITHIN_MS,
  });
