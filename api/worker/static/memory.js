// What a phone remembers when the page is closed or the network is away: the list, and what waits to be sent.

const NAME = "gridwatch-worker";
const KEPT = "kept", OUTBOX = "outbox";

let database = null;
const instead = { [KEPT]: new Map(), [OUTBOX]: new Map() };
let number = 0;

// Open the store; without one (private windows of some browsers) all is kept until the page is closed.
export async function openMemory() {
  try {
    database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(NAME, 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore(KEPT);
        opening.result.createObjectStore(OUTBOX, { keyPath: "number", autoIncrement: true });
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    return true;
  } catch {
    return false;
  }
}

function ask(store, mode, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode);
    const request = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error ?? request.error);
  });
}

export const recall = async (key) =>
  database ? ask(KEPT, "readonly", (store) => store.get(key)) : instead[KEPT].get(key);
export const keep = async (key, value) =>
  database ? ask(KEPT, "readwrite", (store) => store.put(value, key)) : instead[KEPT].set(key, value);
export const forget = async (key) =>
  database ? ask(KEPT, "readwrite", (store) => store.delete(key)) : instead[KEPT].delete(key);

export const waiting = async () =>
  database ? ask(OUTBOX, "readonly", (store) => store.getAll()) : [...instead[OUTBOX].values()];
export async function putOut(entry) {
  if (database) return { ...entry, number: await ask(OUTBOX, "readwrite", (store) => store.add(entry)) };
  const kept = { ...entry, number: ++number };
  instead[OUTBOX].set(kept.number, kept);
  return kept;
}
export const takeOut = async (key) =>
  database ? ask(OUTBOX, "readwrite", (store) => store.delete(key)) : instead[OUTBOX].delete(key);
