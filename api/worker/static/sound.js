// The ring and the vibration of life safety. A browser lets a page be heard only after somebody touched it.

const RING_MS = 60000;
const EVERY_MS = 2000;
const PATTERN = [400, 150, 400, 150, 400];

let audio = null;
let ringing = 0;
let wanted = false;

export const isArmed = () => wanted && audio?.state === "running";
export const isRinging = () => ringing !== 0;
export const isWanted = () => wanted;

export async function arm(changed) {
  wanted = true;
  audio ??= new AudioContext();
  await audio.resume();
  audio.onstatechange = changed;
  beep();
}

export function disarm() {
  wanted = false;
  quiet();
}

// Wished at an earlier visit: the first touch brings it back.
export function armAtFirstTouch(changed) {
  wanted = true;
  addEventListener("pointerdown", () => wanted && !isArmed() && arm(changed).then(changed), { once: true });
}

export function ring(changed) {
  if (!wanted || ringing) return;
  const until = Date.now() + RING_MS;
  const again = () => {
    if (Date.now() > until) {
      quiet();
      changed();
      return;
    }
    beep();
  };
  ringing = setInterval(again, EVERY_MS);
  again();
  changed();
}

export function quiet() {
  clearInterval(ringing);
  ringing = 0;
  navigator.vibrate?.(0);
}

function beep() {
  if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(PATTERN);
  if (audio?.state !== "running") return;
  window.gwBeeps = (window.gwBeeps ?? 0) + 1;
  for (const at of [0, 0.55, 1.1]) {
    const tone = audio.createOscillator(), loud = audio.createGain();
    tone.type = "square";
    tone.frequency.setValueAtTime(880, audio.currentTime + at);
    tone.frequency.setValueAtTime(1175, audio.currentTime + at + 0.2);
    loud.gain.value = 0.25;
    tone.connect(loud).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.4);
  }
}
