// Talks to the server that the page came from, and to nothing else.

const BASE = "/dashboard/api";

/** A problem as the server tells it: title, message, hint. */
export class ServerProblem extends Error {
  /** @param {Partial<Trouble>} problem */
  constructor({ title, message, hint }) {
    super(message);
    this.title = title ?? "Something went wrong";
    this.hint = hint ?? "";
  }
}

export const unreachable = { title: "The server does not answer", message: "Tray Bridge is stopped, or it is just restarting.", hint: "Start it in the tray's menu, or with `tray-bridge`. This page goes on by itself." };

/** Called when the server wants an API key before it shows anything. */
export const access = { denied() {} };

/**
 * GET or change something; the header proves to the server that no foreign form sent it.
 * @param {string} path
 * @param {{method?: string, signal?: AbortSignal, body?: unknown}} options
 * @returns {Promise<any>}
 */
export async function ask(path, { method = "GET", signal = undefined, body: sent = undefined } = {}) {
  let response;
  const headers = { "x-tray-bridge": "1", ...(sent ? { "content-type": "application/json" } : {}) };
  try {
    response = await fetch(BASE + path, { method, signal, headers, body: sent === undefined ? undefined : JSON.stringify(sent), cache:
    "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerProblem(unreachable);
  }
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) access.denied();
  if (!response.ok) throw new ServerProblem(body.error ?? { message: `The server answered ${response.status}.` });
  return body;
}

/** The live state: the newest snapshot and the figures of the last hour, passed to all subscribers. */
export const live = {
  /** @type {Snapshot | null} */
  snapshot: null,
  /** @type {Hour | null} */
  lastHour: null,
  connected: false,
  /** @type {Set<(state: Live) => unknown>} */
  listeners: new Set(),

  /**
   * Call `listener` now and at every change, until the function that this returns is called.
   * @param {(state: Live) => unknown} listener
   */
  subscribe(listener) {
    this.listeners.add(listener);
    this.tell([listener]);
    return () => this.listeners.delete(listener);
  },

  /** @param {Iterable<(state: Live) => unknown>} [listeners] */
  tell(listeners = undefined) {
    const { snapshot, lastHour, connected } = this;
    if (snapshot) for (const listener of listeners ?? this.listeners) listener({ snapshot, lastHour, connected });
  },

  open() {
    const source = new EventSource(`${BASE}/events`);
    const receive = (/** @type {"snapshot" | "lastHour"} */ name) => (/** @type {MessageEvent<string>} */ event) => {
      this[name] = JSON.parse(event.data);
      this.connected = true;
      this.tell();
    };
    source.addEventListener("snapshot", receive("snapshot"));
    source.addEventListener("last_hour", receive("lastHour"));
    source.addEventListener("error", () => {
      this.connected = false;
      this.tell();
      // The browser tries again by itself, except after an answer that it takes as final: then the reason is asked for.
      if (source.readyState !== EventSource.CLOSED) return;
      ask("/snapshot").catch(() => {});
      setTimeout(() => this.open(), 2000);
    });
  },
};
