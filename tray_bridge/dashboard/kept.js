// What Try it keeps over another view and a reload, in this tab alone.

import { objects } from "./format.js";

/** @type {{ model: string, second: string, system: string, text: string, effort: string, stream: boolean, formatted: boolean, messages: ChatMessage[], told: Record<number, Told>, pair: Pair | null, pictures: string[], others: Wire, from: string }} */
export const BLANK = { model: "", second: "", system: "", text: "", effort: "", stream: true, formatted: false, messages: [], told: {}, pair: null, pictures: [], others: {}, from: "" };

/** @param {unknown} value */
const kind = (value) => (Array.isArray(value) ? "array" : typeof value);

/** @type {typeof BLANK} */
export const kept = { ...structuredClone(BLANK), ...stored() };

/** What is stored, without what has not its shape: storage may be spoilt, or of another version. */
function stored() {
  try {
    const found = Object.entries(JSON.parse(sessionStorage.try ?? "{}")).filter(([name, value]) => kind(value) === kind(/** @type {Wire} */ (BLANK)[name]));
    const { messages, pictures, pair, others, told, ...rest } = Object.fromEntries(found);
    return { ...rest, others: others ?? {}, told: told ?? {}, pictures: (pictures ?? []).filter((/** @type {unknown} */ one) => typeof one === "string"),
      messages: objects(messages).filter(({ role }) => typeof role === "string"), pair: Array.isArray(pair?.answers) && Array.isArray(pair.names) ? pair : null };
  } catch {
    return {}; // storage is switched off, or spoilt
  }
}

export function store() {
  try {
    sessionStorage.try = JSON.stringify(kept);
  } catch {
    // Too large, with its pictures: it lasts until the page is left.
  }
}

/**
 * Keep these messages: what is told of those that are gone goes, too.
 * @param {ChatMessage[]} messages
 */
export function keep(messages) {
  kept.messages = messages;
  kept.told = Object.fromEntries(Object.entries(kept.told).filter(([index]) => Number(index) < messages.length));
  if (kept.pair && kept.pair.at !== messages.length - 1) kept.pair = null;
  store();
}
