// One exchange of the log in full: facts, timing, conversation, raw JSON, and what can be done with it.

import { asCurl, asPython } from "./code.js";
import { ask, live } from "./connection.js";
import { answered, asked, blobUrl, longText } from "./conversation.js";
import { confirmed, copyButton, h, icon, problemBox, s, show } from "./dom.js";
import { count, duration, exactTime, prettyJson, visible } from "./format.js";
import { baseUrl } from "./now.js";

export const outcomes = {
  completed: { word: "Completed", sign: "check" },
  error: { word: "Error", sign: "cross" },
  cancelled: { word: "Cancelled", sign: "stop" },
  disconnected: { word: "Client left", sign: "stop" },
  in_progress: { word: "In progress", sign: "again" },
  unfinished: { word: "Unfinished", sign: "warn" },
};

export function outcomeSign(outcome) {
  const { word, sign } = outcomes[outcome] ?? { word: visible(outcome ?? "Unknown"), sign: "warn" };
  return h("span", { class: "outcome", "data-outcome": outcome, title: word }, icon(sign), h("span", { class: "unseen" }, word));
}

const kinds = { parked: "went on in a parked session", suspended: "went on after a tool call", fitting: "a session made to fit", generic: "a warm session", cold: "a new session" };

const endings = { end_turn: "the end of the answer", max_tokens: "the token limit", stop_sequence: "a stop sequence", tool_use: "a tool call", refusal: "a refusal" };

function facts(document) {
  const usage = document.usage;
  const pairs = [
    ["Client", document.client],
    ["Key", document.key_name],
    ["Model", document.answered_by && document.answered_by !== document.model ? `${document.model} → ${document.answered_by}` : document.model],
    ["Session", kinds[document.session] ?? document.session],
    ["Ended by", endings[document.stop_reason] ?? document.stop_reason],
    ["Tokens", usage && [`${count(usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens)} in`,
      usage.cache_read_tokens ? `(${count(usage.cache_read_tokens)} from the cache)` : "", `· ${count(usage.output_tokens)} out`,
      usage.thinking_tokens ? `(${count(usage.thinking_tokens)} thinking)` : ""].filter(Boolean).join(" ")],
    ["HTTP", document.status && `${document.status}, ${document.streamed ? "streamed" : "in one piece"}, ${document.endpoint}`],
  ];
  return h("dl", { class: "pairs" }, pairs.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, h("bdi", {}, visible(value)))]));
}

/** The steps of an exchange, each `[name, words, from, to]` in seconds since it was received. */
function steps({ queued_s: queued, session_ready_s: ready, first_token_s: first, end_s: end }) {
  const points = [["queued", "In the queue", queued || null], ["session", "Getting a session", ready], ["first", "To the first token", first], ["answer", "The answer", end]];
  let from = 0;
  return points.filter(([, , to]) => to !== null && to !== undefined).map(([name, words, to]) => {
    const step = [name, words, from, Math.max(from, to)];
    from = step[3];
    return step;
  });
}

function waterfall(timings) {
  const all = steps(timings ?? {});
  if (!all.length) return null;
  const end = Math.max(0.001, all[all.length - 1][3]);
  return h("section", { class: "card", "aria-label": "Timing" }, h("h2", {}, "Timing"),
    h("div", { class: "waterfall" }, all.map(([name, words, from, to]) => [
      h("span", {}, words),
      h("div", { class: "track", "data-step": name }, s("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" },
        s("rect", { x: Math.min(994, (from / end) * 1000), y: 0, height: 12, width: Math.max(6, ((to - from) / end) * 1000) }))),
      h("span", { class: "number" }, duration(to - from)),
    ])));
}

const types = { png: "image/png", jpg: "image/jpeg", gif: "image/gif", webp: "image/webp", pdf: "application/pdf", txt: "text/plain" };

/** The request with its files in place again, as the client sent it. */
async function whole(value, name = "") {
  if (Array.isArray(value)) return Promise.all(value.map((item) => whole(item)));
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, item]) => [key, await whole(item, key)])));
  }
  const blob = typeof value === "string" && /^blob:([0-9a-f]{64}\.(\w+))$/.exec(value);
  if (!blob) return value;
  const response = await fetch(blobUrl(blob[1]), { headers: { "x-tray-bridge": "1" } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  const data = btoa(text);
  return name === "data" ? data : `data:${types[blob[2]] ?? "application/octet-stream"};base64,${data}`;
}

/** `onDeleted()` is called after the exchange was deleted. */
export function exchangePane(onDeleted) {
  const element = h("div", { class: "exchange", tabindex: -1 });
  let shown = null;
  let tab = "conversation";
  let stopWatching = () => {};

  async function remove(id) {
    if (!(await confirmed("Delete this exchange?", "Its file is removed from the log folder, with images that only it uses.", "Delete"))) return;
    try {
      await ask(`/exchanges/${encodeURIComponent(id)}`, { method: "DELETE" });
      onDeleted();
    } catch (problem) {
      element.prepend(problemBox(problem));
    }
  }

  function body(document) {
    if (tab === "raw") return h("div", { class: "raw" }, longText(prettyJson(document), { class: "code wrap", tabindex: 0 }, "pre"));
    const source = tab === "turn" ? document.turn : document.request;
    const error = document.error ? problemBox({ title: document.error.title, message: visible(document.error.message ?? ""), hint: document.error.hint }) : null;
    if (!source) return [h("p", { class: "empty" }, "The log keeps no texts of this exchange: only figures were asked for."), error];
    return [asked(source), h("div", { class: "after" }, answered(document), error)];
  }

  function render(document) {
    const inside = h("div", { class: "inside" });
    const choices = [["conversation", "As sent"], ["turn", "To Claude"], ["raw", "Raw JSON"]].filter(([name]) => name !== "turn" || document.turn);
    if (!choices.some(([name]) => name === tab)) tab = "conversation";
    const row = h("div", { class: "tabs", role: "group", "aria-label": "What to show" }, choices.map(([name, words]) => h("button", { type: "button", "aria-pressed": tab === name, "data-name": name, onclick: () => choose(name) }, words)));
    function choose(name) {
      tab = name;
      for (const button of row.children) button.setAttribute("aria-pressed", button.dataset.name === name);
      show(inside, body(document));
    }
    const request = () => whole(document.request);
    const url = `${baseUrl()}/chat/completions`;
    show(element,
      h("a", { class: "back", href: "#/log" }, "Back to the list"),
      h("header", {},
        h("h1", {}, outcomeSign(document.outcome), outcomes[document.outcome]?.word ?? "Exchange"),
        h("p", { class: "muted" }, `${exactTime(Date.parse(document.received) / 1000)} · `, h("code", {}, visible(document.id))),
        h("div", { class: "buttons" },
          document.request ? [copyButton("Copy as curl", async () => asCurl(url, await request())), copyButton("Copy as Python", async () => asPython(baseUrl(), await request()))] : null,
          h("button", { type: "button", class: "quiet", onclick: () => remove(document.id) }, icon("bin"), "Delete"))),
      h("section", { class: "card", "aria-label": "Facts" }, facts(document)),
      waterfall(document.timings),
      h("section", { "aria-label": "Conversation" }, row, inside));
    show(inside, body(document));
  }

  async function load(id) {
    try {
      const document = await ask(`/exchanges/${encodeURIComponent(id)}`);
      if (shown !== id) return;
      render(document);
      stopWatching();
      if (document.outcome === "in_progress") watch(id);
    } catch (problem) {
      if (shown === id) show(element, h("a", { class: "back", href: "#/log" }, "Back to the list"), problemBox(problem));
    }
  }

  /** Read it again until it has ended. */
  function watch(id) {
    const timer = setInterval(() => live.connected && load(id), 1500);
    stopWatching = () => clearInterval(timer);
  }

  return {
    element,
    open(id) {
      if (id === shown) return;
      stopWatching();
      shown = id;
      if (id === null) show(element, h("p", { class: "empty" }, "Choose an exchange to read it."));
      else load(id);
    },
    close: () => stopWatching(),
  };
}
