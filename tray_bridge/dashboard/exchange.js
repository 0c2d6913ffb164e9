// One exchange of the log in full: facts, timing, conversation, raw JSON, and what can be done with it.

import { asCurl, asPython, asPythonCompletions, asPythonHttp, asPythonMessages, asPythonResponses, hasLoneSurrogate } from "./code.js";
import { compared } from "./compare.js";
import { ask, live } from "./connection.js";
import { answered, asked, longText, question } from "./conversation.js";
import { dialects } from "./dialects.js";
import { confirmed, copyButton, h, icon, problemBox, s, show } from "./dom.js";
import { whole } from "./files.js";
import { count, duration, exactTime, named, plural, prettyJson, visible } from "./format.js";
import { baseUrl } from "./now.js";

/** @type {Record<string, { word: string, sign: string }>} */
export const outcomes = named({
  completed: { word: "Completed", sign: "check" },
  error: { word: "Error", sign: "cross" },
  cancelled: { word: "Cancelled", sign: "stop" },
  disconnected: { word: "Client left", sign: "stop" },
  in_progress: { word: "In progress", sign: "again" },
  unfinished: { word: "Unfinished", sign: "warn" },
});

/**
 * The sign of an outcome, with its word for screen readers unless it stands beside it.
 * @param {string} outcome
 */
export function outcomeSign(outcome, beside = false) {
  const { word, sign } = outcomes[outcome] ?? { word: visible(outcome ?? "Unknown"), sign: "warn" };
  return h("span", { class: "outcome", "data-outcome": outcome, title: word }, icon(sign), beside ? null : h("span", { class: "unseen" }, word));
}

/** @type {Record<string, string>} */
const kinds = named({ parked: "went on in its parked process", suspended: "went on after a tool call", rewound: "went on from an earlier point", reset: "took over a process", fitting: "a process that was bound ahead", generic: "a ready process", cold: "a new process" });

/** @type {Record<string, string>} */
const endings = named({ end_turn: "the end of the answer", max_tokens: "the token limit", stop_sequence: "a stop sequence", tool_use: "a tool call", refusal: "a refusal" });

/** @param {Exchange} document */
function facts(document) {
  const usage = document.usage;
  const pairs = [
    ["Client", document.client],
    ["Key", document.key_name],
    ["Model", document.answered_by && document.answered_by !== document.model ? `${document.model} → ${document.answered_by}` : document.model],
    ["Process", kinds[document.session ?? ""] ?? document.session],
    ["Ended by", endings[document.stop_reason ?? ""] ?? document.stop_reason],
    ["Tokens", usage && [`${count(usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens)} in`,
      usage.cache_read_tokens ? `(${count(usage.cache_read_tokens)} from the cache)` : "", `· ${count(usage.output_tokens)} out`,
      usage.thinking_tokens ? `(${count(usage.thinking_tokens)} thinking)` : ""].filter(Boolean).join(" ")],
    ["HTTP", document.status && `${document.status}, ${document.streamed ? "streamed" : "whole"}, ${document.endpoint}`],
    ["Dialect", dialects[document.dialect ?? ""] ?? document.dialect],
  ];
  return h("dl", { class: "pairs" }, pairs.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, h("bdi", {}, visible(value)))]));
}

/**
 * The steps of an exchange, each `[name, words, from, to]` in seconds since it was received.
 * @param {Timings} timings
 * @returns {[string, string, number, number][]}
 */
function steps({ queued_s: queued, session_ready_s: ready, first_token_s: first, end_s: end }) {
  /** @type {[string, string, number | null | undefined][]} */
  const points = [["queued", "In the queue", queued || null], ["session", "Getting a process", ready], ["first", "To the first token", first], ["answer", "The answer", end]];
  let from = 0;
  return points.flatMap(([name, words, to]) => {
    if (to === null || to === undefined) return [];
    const began = from;
    from = Math.max(from, to);
    return [[name, words, began, from]];
  });
}

/** @param {Timings | null} timings */
function waterfall(timings) {
  const all = steps(timings ?? {});
  if (all.length < 2) return null; // nothing was timed but the end
  const end = Math.max(0.001, all[all.length - 1][3]);
  return h("section", { class: "card", "aria-label": "Timing" }, h("h2", {}, "Timing"),
    h("div", { class: "waterfall" }, all.map(([name, words, from, to]) => [
      h("span", {}, words),
      h("div", { class: "track", "data-step": name }, s("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", "aria-hidden": "true" },
        s("rect", { x: Math.min(994, (from / end) * 1000), y: 0, height: 12, width: Math.max(6, ((to - from) / end) * 1000) }))),
      h("span", { class: "number" }, duration(to - from)),
    ])));
}

/**
 * Code that asks the same again, at the address and in the dialect of the exchange.
 * @param {Exchange} document
 * @param {Wire} body
 */
function curlOf(document, body) {
  return asCurl(location.origin + document.endpoint, body, document.key_name !== null);
}

/**
 * @param {Exchange} document
 * @param {Wire} body
 */
function pythonOf(document, body) {
  /** @type {Record<string, typeof asPython>} */
  const makers = named({ openai_responses: asPythonResponses, openai_completions: asPythonCompletions, openai_chat: asPython, anthropic_messages: asPythonMessages });
  const make = makers[hasLoneSurrogate(body) ? "" : document.dialect ?? "openai_chat"];
  const key = document.key_name === null ? undefined : "YOUR-KEY";
  return make ? make(baseUrl(), body, key) : asPythonHttp(location.origin + document.endpoint, body, key);
}

/**
 * `onDeleted()` is called after the exchange was deleted; `address(id, query)` gives addresses, without an id the list's.
 * @param {() => void} onDeleted
 * @param {(id: string | null, query?: Record<string, string | null>) => string} address
 */
export function exchangePane(onDeleted, address) {
  const list = () => address(null);
  const element = h("div", { class: "exchange", tabindex: -1 });
  /** @type {string | null} */
  let shown = null;
  /** @type {string | null} */
  let other = null; // the exchange that it is compared with
  let tab = "conversation";
  let stopWatching = () => {};

  /** @param {string} id */
  async function remove(id) {
    if (!(await confirmed("Delete this exchange?", "Its file is removed from the log folder, with images that only it uses.", "Delete"))) return;
    try {
      await ask(`/exchanges/${encodeURIComponent(id)}`, { method: "DELETE" });
      onDeleted();
    } catch (problem) {
      element.prepend(problemBox(problem));
    }
  }

  /**
   * @param {Exchange} document
   * @returns {Child}
   */
  function body(document) {
    if (tab === "raw") return h("div", { class: "raw" }, longText(prettyJson(document), { class: "code wrap", tabindex: 0 }, "pre"));
    const source = tab === "turn" ? document.turn : document.request;
    if (!source) return h("p", { class: "empty" }, "The log keeps no texts of this exchange: only figures were asked for.");
    return [asked(source), h("div", { class: "after" }, answered(document))];
  }

  const cause = (/** @type {Exchange} */ { error }) => error && problemBox({ title: error.title, message: visible(error.message ?? ""), hint: error.hint });

  /**
   * The other exchanges of its conversation, once they are known.
   * @param {Exchange} document
   * @param {Element} place
   */
  async function neighbours(document, place) {
    const thread = document.conversation?.thread;
    if (!thread) return;
    /** @type {Thread} */
    const { branches, used } = await ask(`/threads/${encodeURIComponent(thread)}`).catch(() => ({ branches: {}, used: { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0, thinking_tokens: 0 } }));
    const number = Object.keys(branches).length;
    if (shown !== document.id || number < 2) return;
    const before = branches[document.id]?.before;
    const tokens = used.input_tokens + used.cache_read_tokens + used.cache_creation_tokens + used.output_tokens;
    const links = [h("a", { href: `#/log?thread=${encodeURIComponent(thread)}` }, `Conversation of ${plural(number, "exchange")}, ${count(tokens)} tokens`),
      before ? h("a", { href: address(document.id, { with: before }) }, "Compare with the one before") : null];
    place.prepend(...links.filter((link) => link !== null));
  }

  /** @param {string} form */
  async function exported(form) {
    const response = await fetch(`/dashboard/api/exchanges/${encodeURIComponent(shown ?? "")}/export?form=${form}`, { headers: { "x-tray-bridge": "1" } });
    if (!response.ok) throw new Error();
    return response.text();
  }

  /** @param {Exchange} document */
  function takeOut(document) {
    const forms = { md: "Markdown", har: "HAR", jsonl: "JSONL" };
    const links = Object.entries(forms).map(([form, words]) => h("a", { class: "button", href: `/dashboard/api/exchanges/${encodeURIComponent(document.id)}/export?form=${form}`, download: `${document.id}.${form}` }, words));
    const boxes = { texts: "Strike out texts", names: "Strike out names of clients, keys and tools" };
    const chosen = Object.fromEntries(Object.keys(boxes).map((name) => [name, h("input", { type: "checkbox", checked: name === "texts" })]));
    const report = () => exported(`report${Object.entries(chosen).map(([name, box]) => (box.checked ? `&without=${name}` : "")).join("")}`);
    return h("details", { class: "take-out" }, h("summary", {}, "Take out"),
      h("div", { class: "buttons" }, links),
      h("p", { class: "muted" }, "A report for an issue: facts, timing and error. Keys are always struck out."),
      h("div", { class: "buttons" }, Object.entries(boxes).map(([name, words]) => h("label", { class: "check" }, chosen[name], words)), copyButton("Copy the report", report)));
  }

  /** @param {Exchange} document */
  function render(document) {
    const inside = h("div", { class: "inside" });
    const choices = [["conversation", "As sent"], ["turn", "To Claude"], ["raw", "Raw JSON"]].filter(([name]) => name !== "turn" || document.turn);
    if (!choices.some(([name]) => name === tab)) tab = "conversation";
    const row = h("div", { class: "tabs", role: "group", "aria-label": "What to show" }, choices.map(([name, words]) => h("button", { type: "button", "aria-pressed": tab === name, "data-name": name, onclick: () => choose(name) }, words)));
    /** @param {string} name */
    function choose(name) {
      tab = name;
      for (const button of row.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.name === name));
      show(inside, body(document));
    }
    const request = () => whole(document.request);
    const others = h("p", { class: "neighbours" }, h("a", { href: address(null, { pick: document.id }) }, "Compare with another"));
    const first = question(document);
    window.document.title = `${visible(first.slice(0, 60)) || "Exchange"} · Log · Tray Bridge`;
    show(element,
      h("a", { class: "back", href: list() }, "Back to the list"),
      h("header", {},
        h("h1", {}, outcomeSign(document.outcome, true), outcomes[document.outcome]?.word ?? "Exchange"),
        h("p", { class: "muted" }, `${exactTime(Date.parse(document.received) / 1000)} · `, h("code", {}, visible(document.id))),
        cause(document),
        others,
        h("div", { class: "buttons" },
          document.turn || document.request ? h("a", { class: "button primary", href: `#/try?from=${encodeURIComponent(document.id)}` }, "Ask again") : null,
          document.request ? [copyButton("Copy as curl", async () => curlOf(document, await request())), copyButton("Copy as Python", async () => pythonOf(document, await request()))] : null,
          h("button", { type: "button", class: "quiet", onclick: () => remove(document.id) }, icon("bin"), "Delete")),
        takeOut(document)),
      h("section", { class: "card", "aria-label": "Facts" }, facts(document)),
      waterfall(document.timings),
      h("section", { "aria-label": "Conversation" }, row, inside));
    show(inside, body(document));
    neighbours(document, others);
  }

  /** @param {string} id */
  async function load(id) {
    try {
      const document = await ask(`/exchanges/${encodeURIComponent(id)}`);
      const second = other && (await ask(`/exchanges/${encodeURIComponent(other)}`));
      if (shown !== id) return;
      if (second) {
        window.document.title = "Two exchanges · Log · Tray Bridge";
        const [first, last] = Date.parse(second.received) <= Date.parse(document.received) ? [second, document] : [document, second];
        show(element, h("a", { class: "back", href: list() }, "Back to the list"), compared(first, last));
        return;
      }
      render(document);
      stopWatching();
      if (document.outcome === "in_progress") watch(id);
    } catch (problem) {
      if (shown === id) show(element, h("a", { class: "back", href: list() }, "Back to the list"), problemBox(problem));
    }
  }

  /**
   * Show the answer as it is written, then the whole exchange; where that cannot be, read it again until it has ended.
   * @param {string} id
   */
  function watch(id) {
    const source = new EventSource(`/dashboard/api/exchanges/${encodeURIComponent(id)}/live`);
    const texts = { reasoning: h("div", { class: "text", dir: "auto" }), text: h("div", { class: "text", dir: "auto" }) };
    const thought = h("details", { class: "reasoning", hidden: true }, h("summary", {}, "Reasoning"), texts.reasoning);
    const answer = h("article", { class: "turn answer" }, h("h3", {}, h("span", {}, "Answer, as it is written")), thought, texts.text);
    /** @type {number | undefined} */
    let timer;
    source.addEventListener("open", () => {
      const place = element.querySelector(".inside .after");
      if (shown === id && place) show(place, answer);
    });
    source.addEventListener("piece", ({ data }) => {
      const piece = JSON.parse(data);
      if (piece.restarted) Object.values(texts).forEach((one) => show(one));
      for (const [name, one] of Object.entries(texts)) if (piece[name]) one.append(visible(piece[name]));
      thought.hidden = !texts.reasoning.textContent;
    });
    source.addEventListener("end", () => {
      source.close();
      setTimeout(() => shown === id && load(id), 150); // its file is about to be written
    });
    source.addEventListener("error", () => {
      source.close();
      timer ??= setInterval(() => live.connected && load(id), 1500);
    });
    stopWatching = () => {
      source.close();
      clearInterval(timer);
    };
  }

  return {
    element,
    /**
     * @param {string | null} id
     * @param {string | null} second
     */
    open(id, second = null) {
      if (id === shown && second === other) return;
      stopWatching();
      shown = id;
      other = second;
      if (id === null) show(element, h("p", { class: "empty" }, "Choose an exchange to read it."));
      else load(id);
    },
    close: () => stopWatching(),
  };
}
