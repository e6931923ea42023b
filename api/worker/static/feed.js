// Follows the changes of alerts (server-sent events). EventSource hides the server's heartbeats, and a phone that
// changed its network would show a dead line as alive for minutes: so the stream is read by hand.

const SILENT_MS = 40000; // the server says something every 15 s
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15000];

export class Feed {
  #after;
  #abort = null;
  #wake = null;
  #stopped = false;

  // told: {opened(), change(alert), lost(), refused(status)}
  constructor(told) {
    this.told = told;
  }

  start(after) {
    this.#after = after;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.#abort?.abort());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    this.#run();
  }

  // Try now, where it waits for the next attempt.
  hurry() {
    this.#wake?.();
  }

  async #run() {
    for (let failures = 0; !this.#stopped; ) {
      const opened = await this.#follow().catch(() => false);
      if (this.#stopped) return;
      this.told.lost();
      failures = opened ? 0 : failures + 1;
      const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)];
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, pause * (0.75 + Math.random() / 2));
      });
      this.#wake = null;
    }
  }

  // Read until the line breaks; return whether it was open.
  async #follow() {
    const abort = (this.#abort = new AbortController());
    let heard = Date.now();
    // By the clock: timers of a sleeping phone stand still.
    const watch = setInterval(() => Date.now() - heard > SILENT_MS && abort.abort(), 5000);
    let opened = false;
    try {
      const answer = await fetch("/api/v1/alerts/stream", {
        headers: { Accept: "text/event-stream", "Last-Event-ID": String(this.#after) },
        signal: abort.signal,
        cache: "no-store",
      });
      if (answer.status === 401 || answer.status === 403) {
        this.#stopped = true;
        this.told.refused(answer.status);
        return false;
      }
      if (!answer.ok) return false;
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      opened = true;
      this.told.opened();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return true;
        heard = Date.now();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        blocks.forEach((block) => this.#take(block));
      }
    } catch {
      return opened;
    } finally {
      clearInterval(watch);
      abort.abort();
    }
  }

  #take(block) {
    const fields = { event: "", id: "", data: "" };
    for (const line of block.split("\n")) {
      const [, name, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
      if (name in fields) fields[name] = value;
    }
    if (fields.event !== "alert") return;
    this.#after = Number(fields.id);
    this.told.change(JSON.parse(fields.data));
  }
}
