// The texts, times and lengths of time that people read. Chinese unless the cookie of the console says otherwise.

const COOKIE = "gridwatch_language";
const YEAR_S = 365 * 24 * 3600;
const CHINA = "Asia/Shanghai";

let texts = {};
export let language = "zh-CN";

export async function loadWords() {
  texts = await (await fetch("/worker/words.json")).json();
  const told = document.cookie.match(new RegExp(`(?:^|; )${COOKIE}=([^;]*)`));
  setLanguage(told && texts[told[1]] ? told[1] : "zh-CN");
}

export function setLanguage(name) {
  language = name;
  document.documentElement.lang = name;
  document.title = say("app.name");
  document.cookie = `${COOKIE}=${name}; max-age=${YEAR_S}; path=/; samesite=lax`;
}

// Return a text with its {names} filled in; a word that nobody wrote down stays as it is.
export function say(key, values = {}) {
  const text = texts[language][key] ?? key.slice(key.indexOf(".") + 1);
  return text.replace(/\{(\w+)(?::[^}]*)?\}/g, (all, name) => values[name] ?? all);
}

export function has(key) {
  return key in texts[language];
}

const clocks = {};
function clock(options) {
  const key = JSON.stringify(options);
  clocks[key] ??= new Intl.DateTimeFormat("zh-CN", { timeZone: CHINA, hourCycle: "h23", ...options });
  return clocks[key];
}

const HOUR = { hour: "2-digit", minute: "2-digit" };
const DAY = { month: "2-digit", day: "2-digit" };

// Return the time of day, with the date where it is another day.
export function time(moment, { seconds = false } = {}) {
  const at = new Date(moment);
  const hour = clock(seconds ? { ...HOUR, second: "2-digit" } : HOUR).format(at);
  const day = clock({ year: "numeric", ...DAY }).format(at);
  return day === clock({ year: "numeric", ...DAY }).format(new Date()) ? hour : `${date(at)} ${hour}`;
}

function date(at) {
  const parts = Object.fromEntries(clock(DAY).formatToParts(at).map((one) => [one.type, one.value]));
  return `${parts.month}-${parts.day}`;
}

export function ago(moment) {
  const minutes = Math.floor((Date.now() - new Date(moment)) / 60000);
  if (minutes < 1) return say("ago.now");
  if (minutes < 60) return say("ago.min", { n: minutes });
  if (minutes < 48 * 60) return say("ago.h", { n: Math.floor(minutes / 60) });
  return say("ago.d", { n: Math.floor(minutes / 1440) });
}

export function length(seconds) {
  if (seconds === null) return "–";
  if (seconds < 90) return say("s", { n: Math.round(seconds) });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return say("m", { n: minutes });
  return say("hm", { h: Math.floor(minutes / 60), n: minutes % 60 });
}
