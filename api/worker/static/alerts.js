// The alerts as the server told them, what becomes of them by what still waits to be sent, and their order.

const RANK = { critical: 0, major: 1, minor: 2 };
const ENDED_SHOWN_MS = 30 * 60000;

export const state = {
  duty: null,
  alerts: new Map(),
  seq: 0,
  hidden: 0, // alerts of mine that the server's list did not hold
  connected: false,
  asOf: null, // when the server last told the list, ms
  queue: [], // what waits to be sent, oldest first
  conflicts: [], // what the server refused, until it is read
};

export function isMine(alert) {
  const { duty } = state;
  if (!duty) return false;
  return alert.assignee === duty.username || (duty.code !== null && alert.assignee_code === duty.code);
}

const queued = (id) => state.queue.filter((one) => one.alert === id);
export const queuedActions = (id) => queued(id).filter((one) => one.action);
export const queuedPhotos = (id) => queued(id).filter((one) => one.photo);

// Return how an alert will stand when what waits was sent: its state, and whether it is mine.
export function expected(alert) {
  let { state: stands } = alert;
  let mine = isMine(alert);
  for (const { action } of queuedActions(alert.id)) {
    const rule = state.duty?.actions.find((one) => one.action === action);
    stands = rule?.leads[stands] ?? stands;
    if (action === "accept") mine = true;
    if (action === "return") mine = false;
  }
  return { stands, mine };
}

// Return the actions that the server's own table allows then, by name.
export function allowed(alert) {
  if (!state.duty) return new Set();
  const { stands, mine } = expected(alert);
  const fitting = state.duty.actions.filter(
    (one) => stands in one.leads && (mine || !one.own.includes(stands)),
  );
  return new Set(fitting.map((one) => one.action));
}

function place(alert) {
  const { stands, mine } = expected(alert);
  const taken = stands === "accepted" || stands === "handling";
  return [RANK[alert.severity] ?? 3, alert.drill || alert.simulated ? 1 : 0, taken && !mine ? 1 : 0];
}

function inOrder(one, other) {
  const [first, second] = [place(one), place(other)];
  for (const [index, value] of first.entries()) if (value !== second[index]) return value - second[index];
  return new Date(one.raised_at) - new Date(other.raised_at) || one.id - other.id;
}

export function live() {
  return [...state.alerts.values()].filter((one) => !one.ended).sort(inOrder);
}

export function ended() {
  const since = Date.now() - ENDED_SHOWN_MS;
  return [...state.alerts.values()]
    .filter((one) => one.ended && new Date(one.resolved_at ?? one.closed_at ?? 0) > since)
    .sort((one, other) => other.seq - one.seq);
}

// Take in the whole list; what just ended stays for a while.
export function takeList({ seq, total, alerts }) {
  const stay = ended();
  state.alerts = new Map(alerts.map((one) => [one.id, one]));
  for (const one of stay) if (!state.alerts.has(one.id)) state.alerts.set(one.id, one);
  state.seq = Math.max(seq, 0);
  state.hidden = Math.max(0, total - alerts.length);
  state.asOf = Date.now();
}

// Take in a change; return false where the alert is not known yet.
export function takeChange(alert) {
  const known = state.alerts.get(alert.id);
  if (!known) return false;
  if (alert.seq >= known.seq) state.alerts.set(alert.id, { ...known, ...alert });
  return true;
}
