// The sound for life safety. A browser lets a page be heard only after somebody pressed something on it, and
// forgets that when the page is loaded anew: the mark says which of the three it is.

const AGAIN_MS = 8000;
const WANTED = "gridwatch_sound";

export default {
  template: `<button type="button" class="gw-sound gw-chip" aria-pressed="false"></button>`,
  props: { words: Object },
  mounted() {
    this.isArmed = false;
    this.ringing = [];
    this.silenced = new Set();
    window.gwBeeps = 0;
    this.$el.onclick = () => (this.isArmed ? this.disarm() : this.arm());
    this.onShown = (event) => this.shown(event.detail.ringing);
    this.onSilence = () => this.silence();
    // Any press on a page that was heard before it was loaded anew lets it be heard again.
    this.onPress = () => !this.isArmed && sessionStorage.getItem(WANTED) && this.arm();
    window.addEventListener("gw-shown", this.onShown);
    window.addEventListener("gw-silence", this.onSilence);
    document.addEventListener("pointerdown", this.onPress, true);
    document.addEventListener("keydown", this.onPress, true);
    this.repeating = setInterval(() => this.loud().length && this.beep(), AGAIN_MS);
    this.tell();
  },
  unmounted() {
    clearInterval(this.repeating);
    window.removeEventListener("gw-shown", this.onShown);
    window.removeEventListener("gw-silence", this.onSilence);
    document.removeEventListener("pointerdown", this.onPress, true);
    document.removeEventListener("keydown", this.onPress, true);
  },
  methods: {
    arm() {
      this.audio = this.audio || new AudioContext();
      this.audio.resume();
      this.isArmed = true;
      sessionStorage.setItem(WANTED, "1");
      this.beep();
      this.tell();
      this.$emit("armed", true);
    },
    disarm() {
      this.isArmed = false;
      sessionStorage.removeItem(WANTED);
      this.tell();
      this.$emit("armed", false);
    },
    tell() {
      const isLost = !this.isArmed && sessionStorage.getItem(WANTED);
      const word = this.isArmed ? "on" : isLost ? "lost" : "off";
      this.$el.innerHTML =
        `<i class="material-icons" aria-hidden="true">${this.isArmed ? "volume_up" : "volume_off"}</i>`;
      this.$el.append(this.words[word]);
      this.$el.title = this.words.hint;
      this.$el.setAttribute("aria-pressed", this.isArmed);
      this.$el.classList.toggle("gw-is-off", !this.isArmed);
      window.gwArmed = this.isArmed;
    },
    shown(ringing) {
      const isNew = ringing.some((id) => !this.ringing.includes(id) && !this.silenced.has(id));
      this.ringing = ringing;
      if (isNew) this.beep();
      document.body.classList.toggle("gw-rings", this.loud().length > 0);
    },
    loud() {
      return this.ringing.filter((id) => !this.silenced.has(id));
    },
    silence() {
      this.ringing.forEach((id) => this.silenced.add(id));
      document.body.classList.remove("gw-rings");
      this.$emit("silenced", this.ringing.length);
    },
    beep() {
      if (!this.isArmed) return;
      window.gwBeeps += 1;
      [0, 0.3, 0.6].forEach((at) => {
        const tone = this.audio.createOscillator(), volume = this.audio.createGain();
        tone.type = "square";
        tone.frequency.value = 880;
        volume.gain.value = 0.2;
        tone.connect(volume);
        volume.connect(this.audio.destination);
        tone.start(this.audio.currentTime + at);
        tone.stop(this.audio.currentTime + at + 0.15);
      });
    },
  },
};
