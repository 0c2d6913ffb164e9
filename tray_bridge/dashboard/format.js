// Turns numbers, times and foreign text into what a person reads.

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const secondFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });

/**
 * Words by name, without the names that every object has: `constructor` in an address or in the log is no word.
 * @template {Record<string, any>} T
 * @param {T} entries
 * @returns {T}
 */
export const named = (entries) => Object.assign(Object.create(null), entries);

/**
 * The objects of a list. A request that was refused may have anything in its place.
 * @param {any} value
 * @returns {any[]}
 */
export const objects = (value) => (Array.isArray(value) ? value.filter((one) => one !== null && typeof one === "object") : []);

export const now = () => Date.now() / 1000;
/** @param {number} n */
export const count = (n) => (n >= 1e7 ? compact : whole).format(n);
/** @param {number} at */
export const clock = (at) => clockFormat.format(at * 1000);
/** @param {number} at */
export const exactTime = (at) => `${dayFormat.format(at * 1000)}, ${secondFormat.format(at * 1000)}`;
/**
 * @param {number} n
 * @param {string} one
 */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/**
 * Seconds as a person says them: 0.84 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 0.0995) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  const t = Math.round(seconds);
  if (t < 60) return `${t} s`;
  if (t < 3600) return two(t, 60, "min", 1, "s");
  if (t < 86400) return two(t, 3600, "h", 60, "min");
  return two(t, 86400, "d", 3600, "h");
}

/**
 * Whole seconds, for a clock that is running.
 * @param {number} t
 */
export const seconds = (t) => (t < 60 ? `${Math.max(0, Math.floor(t))} s` : duration(Math.floor(t)));

/**
 * @param {number} t
 * @param {number} big
 * @param {string} bigName
 * @param {number} small
 * @param {string} smallName
 */
function two(t, big, bigName, small, smallName) {
  const rest = Math.floor((t % big) / small);
  return `${Math.floor(t / big)} ${bigName}` + (rest ? ` ${rest} ${smallName}` : "");
}

/**
 * An age without flicker: seconds up to a minute, then minutes, then hours.
 * @param {number} seconds
 */
export function age(seconds) {
  const t = Math.max(0, Math.floor(seconds));
  if (t < 60) return `${t} s`;
  if (t < 3600) return `${Math.floor(t / 60)} min`;
  if (t < 86400) return `${Math.floor(t / 3600)} h`;
  return `${Math.floor(t / 86400)} d`;
}

/** @param {number} at */
export function ago(at) {
  const seconds = now() - at;
  return seconds < 10 ? "just now" : `${age(seconds)} ago`;
}

/**
 * `Today`, `Yesterday`, or the day's name.
 * @param {number} at
 */
export function dayName(at) {
  const midnight = new Date().setHours(0, 0, 0, 0) / 1000;
  if (at >= midnight) return "Today";
  if (at >= midnight - 86400) return "Yesterday";
  return dayFormat.format(at * 1000);
}

/**
 * Dollars, with as many digits as say something.
 * @param {number} n
 */
export const money = (n) => (n && Math.abs(n) < 0.01 ? `$${n.toFixed(4)}` : `$${n.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`);

/** @param {number} n */
export function bytes(n) {
  if (n < 1024) return `${n} bytes`;
  if (n < 1024 ** 2) return `${(n / 1024).toFixed(0)} KB`;
  return `${(n / 1024 ** 2).toFixed(1)} MB`;
}

/**
 * Foreign text made harmless to look at: control characters and direction overrides become visible signs.
 * @param {unknown} text
 */
export function visible(text) {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb]/g, (c) => {
    const code = c.charCodeAt(0);
    if (code === 13) return "";
    if (code < 32) return String.fromCharCode(0x2400 + code);
    return code === 127 ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase()}\u27e9`;
  });
}

/**
 * @param {unknown} value
 * @returns {string}
 */
export const prettyJson = (value) => JSON.stringify(value, null, 2);
