// What Try it keeps over another view and a reload, in this tab alone.

/** @type {{ model: string, second: string, system: string, text: string, effort: string, stream: boolean, formatted: boolean, messages: ChatMessage[], told: Record<number, Told>, pair: Pair | null, pictures: string[], others: Wire, from: string }} */
export const BLANK = { model: "", second: "", system: "", text: "", effort: "", stream: true, formatted: false, messages: [], told: {}, pair: null, pictures: [], others: {}, from: "" };

/** @type {typeof BLANK} */
export const kept = { ...structuredClone(BLANK), ...stored() };

function stored() {
  try {
    return JSON.parse(sessionStorage.try ?? "{}");
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
