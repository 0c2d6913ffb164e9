// The picture of the pool: a ring for each process that tells its state by a sign and its age by an arc.

import { h, keyed, s, say, show } from "./dom.js";
import { age, clock, now } from "./format.js";

const LAP = 600; // seconds of age that fill a ring
const RADIUS = 25;

/** @type {Record<string, { word: string, sign: string[] }>} */
const kinds = {
  busy: { word: "Busy", sign: ["M-7 0h.1M0 0h.1M7 0h.1"] },
  suspended: { word: "Waiting for tools", sign: ["M-5-8H5M-5 8H5M-4-8c0 6 8 10 8 16M4-8c0 6-8 10-8 16"] },
  parked: { word: "Parked", sign: ["M-4-6.5V6.5M4-6.5V6.5"] },
  fitting: { word: "Prepared", sign: ["M-6.5 0l4.5 4.5L7-5"] },
  warm: { word: "Warm", sign: ["M0-8c4 4 5.5 6.5 5.5 9.5a5.5 5.5 0 0 1-11 0C-5.5-1-3-2-2.5-5-1-4-.5-3-.5-2 .5-3.5.5-6 0-8z"] },
  starting: { word: "Starting", sign: ["M0-6V6M-6 0H6"] },
  closing: { word: "Closing", sign: ["M-5-5L5 5M5-5L-5 5"] },
};
const order = Object.keys(kinds);

/**
 * The share of the ring that is drawn: what is left until a process is closed, or how old it is.
 * @param {PoolWorker} session
 */
function share(session) {
  if (session.expires_at) return (session.expires_at - now()) / Math.max(1, session.expires_at - session.since);
  return (now() - session.since) / LAP;
}

/** @param {PoolWorker} session */
function told(session) {
  if (session.expires_at) return `${age(session.expires_at - now())} left`;
  return age(now() - session.since);
}

/** @param {PoolWorker} session */
function ring(session) {
  const round = 2 * Math.PI * RADIUS;
  const arc = s("circle", { class: "arc", r: RADIUS, transform: "rotate(-90)", "stroke-dasharray": round });
  const sign = s("g", { class: "sign" });
  const title = s("title");
  const word = h("span", { class: "word" });
  const time = h("span", { class: "muted" });
  const model = h("span", { class: "muted model" });
  const element = h("li", { class: "session" },
    s("svg", { viewBox: "-32 -32 64 64", width: 64, height: 64, "aria-hidden": "true" }, title, s("circle", { class: "disc", r: RADIUS }), arc, sign),
    word, time, model);
  let state = "";
  return {
    element,
    /** @param {PoolWorker} next */
    update(next) {
      session = next;
      if (session.state !== state) {
        state = session.state;
        element.dataset.state = state;
        show(sign, kinds[state].sign.map((d) => s("path", { d })));
      }
      arc.setAttribute("stroke-dashoffset", (round * (1 - Math.min(1, Math.max(0.015, share(session))))).toFixed(1));
      say(word, kinds[state].word);
      say(time, told(session));
      say(model, session.model ?? "");
      say(title, `Process ${session.id}${session.pid ? `, pid ${session.pid}` : ""}, started at ${clock(session.started_at)}`);
    },
  };
}

function freePlace() {
  const element = h("li", { class: "session", "data-state": "free" },
    s("svg", { viewBox: "-32 -32 64 64", width: 64, height: 64, "aria-hidden": "true" }, s("circle", { class: "disc", r: RADIUS })),
    h("span", { class: "word muted" }, "Free"));
  return { element, update() {} };
}

/** @type {Record<string, string>} */
const served = {
  parked: "went on in their parked process",
  suspended: "went on after a tool call",
  rewound: "went on from an earlier point",
  reset: "took a process over from another conversation",
  fitting: "took a process that was bound ahead",
  generic: "took a ready process",
  cold: "had to wait for a start",
};

/** The card: `update(pool)`. */
export function poolCard() {
  const summary = h("p", { class: "muted" });
  const list = h("ul", { class: "sessions" });
  const rows = keyed(list, (/** @type {PoolWorker | { free: string }} */ item) => /** @type {Part<any>} */ ("free" in item ? freePlace() : ring(item)));
  const bar = h("div", { class: "shares", "aria-hidden": "true" });
  const legend = h("ul", { class: "legend" });
  const how = h("div", { class: "taken" }, h("h3", {}, "How requests were served"), bar, legend);
  const element = h("section", { class: "card wide", "aria-labelledby": "pool" }, h("div", { class: "heading" }, h("h2", { id: "pool" }, "Processes"), summary), list, how);
  const mode = h("p", { class: "muted" });
  element.append(mode);
  let taken = "";
  return {
    element,
    /** @param {Pool} pool */
    update(pool) {
      const sessions = [...pool.sessions].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.id - b.id);
      const free = Array.from({ length: Math.max(0, pool.max_sessions - sessions.length) }, (_, i) => ({ free: `free ${i}` }));
      rows([...sessions, ...free], (item) => ("free" in item ? item.free : item.id));
      const parts = [`${pool.warm + pool.fitting} of ${pool.size} ready`, `${pool.busy} busy`];
      if (pool.queued) parts.push(`${pool.queued} queued`);
      say(summary, parts.join(" · "));
      say(mode, pool.no_reuse ? `Each conversation has a process of its own. ${pool.no_reuse}` : "Each process serves one conversation after another.");
      if (JSON.stringify(pool.taken) === taken) return;
      taken = JSON.stringify(pool.taken);
      const used = pool.taken.filter(([, n]) => n > 0);
      const all = used.reduce((sum, [, n]) => sum + n, 0);
      how.hidden = all === 0;
      show(bar, used.map(([kind, n]) => {
        const piece = h("span", { "data-kind": kind });
        piece.style.flexGrow = String(n);
        return piece;
      }));
      show(legend, used.map(([kind, n]) => h("li", { "data-kind": kind }, h("span", { class: "dot", "aria-hidden": "true" }), h("strong", {}, String(n)), ` ${served[kind]}`)));
    },
  };
}
