// The mark that all is live, and the banner that says since when it is not, and what came meanwhile.

const STORED = "gridwatch_lost";
const SETTLED_MS = 1500;
const SAID_MS = 8000;

const clock = (moment) => new Date(moment).toLocaleTimeString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai" });

export default {
  template: `
    <div class="gw-banner" role="alert" hidden>
      <span></span><button type="button" class="gw-button" hidden></button>
    </div>`,
  props: { words: Object },
  mounted() {
    this.newest = 0;
    this.order = null;
    this.awaySince = null;
    this.text = this.$el.querySelector("span");
    this.button = this.$el.querySelector("button");
    this.button.textContent = this.words.close;
    this.button.onclick = () => (this.$el.hidden = true);
    this.onShown = (event) => this.shown(event.detail);
    window.addEventListener("gw-shown", this.onShown);
    this.onOffline = () => this.lost("lost");
    window.addEventListener("offline", this.onOffline);
    this.onOnline = () => this.watching?.connected && this.back();
    window.addEventListener("online", this.onOnline);
    this.looking = setInterval(() => this.watch(), 100);
  },
  unmounted() {
    clearInterval(this.looking);
    window.removeEventListener("gw-shown", this.onShown);
    window.removeEventListener("offline", this.onOffline);
    window.removeEventListener("online", this.onOnline);
  },
  methods: {
    watch() {
      if (!window.socket) return;
      clearInterval(this.looking);
      this.watching = window.socket;
      this.watching.on("disconnect", () => this.lost("lost"));
      this.watching.on("connect", () => this.back());
      if (this.watching.connected) this.back();
    },
    // What was lost is kept over a reload: a server that was away for longer has the page load anew.
    stored() {
      return JSON.parse(sessionStorage.getItem(STORED) || "null");
    },
    lost(why) {
      const stored = this.stored() ?? { since: Date.now(), newest: this.newest, why };
      sessionStorage.setItem(STORED, JSON.stringify(stored));
      this.tell(this.words[stored.why].replace("{since}", clock(stored.since)), false);
      document.body.classList.add("gw-is-away");
    },
    back() {
      if (!this.stored() || this.awaySince) return;
      setTimeout(() => this.settle(), SETTLED_MS);
    },
    settle() {
      const stored = this.stored();
      // Without rows yet nobody knows what came: they call again.
      if (!stored || this.awaySince || this.order === null || !window.socket?.connected) return;
      sessionStorage.removeItem(STORED);
      document.body.classList.remove("gw-is-away");
      const missed = this.order.filter((id) => id > stored.newest).length;
      const said = this.words.back
        .replace("{now}", clock(Date.now()))
        .replace("{since}", clock(stored.since))
        .replace("{missed}", missed ? this.words.missed.replace("{count}", missed) : this.words.nothing);
      this.tell(said, true);
      if (!missed) setTimeout(() => this.stored() || (this.$el.hidden = true), SAID_MS);
      this.$emit("back", stored.newest);
    },
    shown({ newest, order }) {
      this.order = order;
      this.newest = newest;
      // After a reload the first rows say what came meanwhile.
      if (this.stored() && window.socket?.connected) this.back();
    },
    // Called from the server: whether it can reach the database.
    setDatabase(isAway) {
      this.awaySince = isAway ? this.awaySince ?? Date.now() : null;
      if (isAway) this.lost("away");
      else this.back();
    },
    tell(text, isOver) {
      this.text.textContent = text;
      this.button.hidden = !isOver;
      this.$el.classList.toggle("gw-is-over", isOver);
      this.$el.hidden = false;
    },
  },
};
