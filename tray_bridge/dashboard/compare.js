// Two exchanges beside each other: what changed between their requests, where the common prefix ends, what it cost.

import { messagesIn, textOf } from "./conversation.js";
import { h, s as svg } from "./dom.js";
import { count, duration, objects, plural, prettyJson, visible } from "./format.js";

const MOST = 400; // lines of a difference that are shown

const PROMPT = ["messages", "input", "prompt", "system", "instructions", "tools", "functions"];
/** @typedef {{ name: string, value: any }} Part */
/** @param {unknown} value */
const flat = (value) => JSON.stringify(value ?? null);
/** @param {Usage | null | undefined} usage */
const sum = (usage) => usage && usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens;

/**
 * The parts of a prompt in the order in which a cache reads them: tools, system, messages.
 * @param {Pick<Exchange, "turn" | "request">} exchange
 * @returns {Part[]}
 */
function prompt({ turn, request }) {
  const source = turn ?? request ?? {};
  const said = source.system ?? source.instructions;
  const system = Array.isArray(said) ? said : said ? [said] : [];
  return [
    ...objects(source.tools).map((/** @type {Wire} */ tool) => ({ name: `Tool ${tool.name ?? tool.function?.name ?? ""}`, value: tool })),
    ...system.map((/** @type {string} */ text, /** @type {number} */ i) => ({ name: `System prompt ${i + 1}`, value: text })),
    ...messagesIn(source).map((/** @type {Wire} */ message, /** @type {number} */ i) => ({ name: `Message ${i + 1}, ${message.role ?? message.type}`, value: message })),
  ];
}

/**
 * What changed between two prompts, a line for each kind: tools by their names, system prompts, messages.
 * @param {Pick<Exchange, "turn" | "request">} before
 * @param {Pick<Exchange, "turn" | "request">} after
 */
export function changes(before, after) {
  const both = [prompt(before), prompt(after)];
  const [tools, systems, messages] = ["Tool ", "System prompt ", "Message "].map((kind) => both.map((parts) => parts.filter(({ name }) => name.startsWith(kind))));
  const told = [];
  if (tools.some((one) => one.length)) told.push(`Tools: ${byName(tools[0], tools[1])}.`);
  if (flat(systems[0].map(({ value }) => value)) !== flat(systems[1].map(({ value }) => value))) told.push(`System prompt: ${!systems[0].length ? "put in" : systems[1].length ? "changed" : "taken out"}.`);
  if (messages.some((one) => one.length)) told.push(`Messages: ${inOrder(messages[0], messages[1])}.`);
  return told;
}

/**
 * @param {Part[]} before
 * @param {Part[]} after
 */
function byName(before, after) {
  const [old, young] = [before, after].map((all) => new Map(all.map(({ name, value }) => [name.slice(5), flat(value)])));
  const names = (/** @type {string} */ word, /** @type {string[]} */ which) => (which.length ? `${word} ${which.map(visible).join(", ")}` : "");
  const told = [
    names("added", [...young.keys()].filter((name) => !old.has(name))),
    names("taken out", [...old.keys()].filter((name) => !young.has(name))),
    names("changed", [...young.keys()].filter((name) => old.has(name) && old.get(name) !== young.get(name))),
  ].filter(Boolean);
  const moved = flat([...old.keys()]) !== flat([...young.keys()]) ? "the same in another order" : "the same";
  return told.join("; ") || moved;
}

/**
 * @param {Part[]} before
 * @param {Part[]} after
 */
function inOrder(before, after) {
  let same = 0;
  while (same < before.length && same < after.length && flat(before[same].value) === flat(after[same].value)) same += 1;
  const [gone, come] = [before.length - same, after.length - same];
  const told = [gone ? `${count(gone)} taken out` : "", come ? `${count(come)} added` : ""].filter(Boolean).join(" and ");
  return told ? `${same ? `the same up to number ${count(same)}` : "different from the first"}, then ${told}` : "the same";
}

/** @param {any} value */
const textual = (value) => (typeof value === "string" ? value : textOf(value?.content) || prettyJson(value));

/**
 * Lines of two texts: `[sign, line]`, by the longest common subsequence; long texts by their common ends alone.
 * @param {string} before
 * @param {string} after
 * @returns {[string, string][]}
 */
export function lineDifference(before, after) {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const x = a.slice(head, a.length - tail);
  const y = b.slice(head, b.length - tail);
  /**
   * @param {string} sign
   * @param {string[]} lines
   * @returns {[string, string][]}
   */
  const signed = (sign, lines) => lines.map((line) => [sign, line]);
  return [...signed(" ", a.slice(0, head)), ...(x.length * y.length > 250000 ? [...signed("-", x), ...signed("+", y)] : middle(x, y)), ...signed(" ", a.slice(a.length - tail))];
}

/**
 * @param {string[]} x
 * @param {string[]} y
 * @returns {[string, string][]}
 */
function middle(x, y) {
  const longest = Array.from({ length: x.length + 1 }, () => new Uint32Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i -= 1) for (let j = y.length - 1; j >= 0; j -= 1) longest[i][j] = x[i] === y[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
  /** @type {[string, string][]} */
  const out = [];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      out.push([" ", x[i]]);
      i += 1;
      j += 1;
    } else if (j >= y.length || (i < x.length && longest[i + 1][j] >= longest[i][j + 1])) out.push(["-", x[i++]]);
    else out.push(["+", y[j++]]);
  }
  return out;
}

/**
 * A difference as a person reads it: lines that went and came, and a few beside them.
 * @param {string} before
 * @param {string} after
 */
export function difference(before, after) {
  const lines = lineDifference(before, after);
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - 2), i + 3).some(([sign]) => sign !== " "));
  /** @type {Record<string, string>} */
  const words = { "-": "taken out", "+": "put in" };
  const shown = lines.map(([sign, line], i) => (!near[i] ? null : sign === " " ? h("div", {}, visible(line) || " ")
    : h(sign === "-" ? "del" : "ins", {}, h("span", { class: "unseen" }, `${words[sign]}: `), visible(line) || " "))).filter(Boolean);
  if (!shown.length) return h("p", { class: "muted" }, "The same.");
  const rest = shown.length > MOST ? h("p", { class: "muted" }, `${plural(shown.length - MOST, "further line")} left out.`) : null;
  return [h("div", { class: "difference code wrap", tabindex: 0 }, shown.slice(0, MOST)), rest];
}

/**
 * How many parts of the two prompts are the same from the beginning, and whether the second begins with all of the first.
 * @param {Pick<Exchange, "turn" | "request">} before
 * @param {Pick<Exchange, "turn" | "request">} after
 */
export function prefix(before, after) {
  const [a, b] = [prompt(before), prompt(after)];
  let kept = 0;
  while (kept < a.length && kept < b.length && flat(a[kept].value) === flat(b[kept].value)) kept += 1;
  return { a, b, kept, whole: kept === a.length };
}

const CACHE_SECONDS = 300; // for which the API keeps a prefix that is not read

/**
 * Why the second of two requests may have read nothing from the cache, though the first one's prompt was kept.
 * @param {Exchange} before
 * @param {Exchange} after
 */
function otherReasons(before, after) {
  const [first, second] = [before, after].map((one) => one.answered_by ?? one.model);
  const gap = (Date.parse(after.received) - Date.parse(before.received)) / 1000;
  return [
    first && second && first !== second ? `They asked different models, ${visible(first)} and ${visible(second)}, which share no cache.` : "",
    gap > CACHE_SECONDS && !after.usage?.cache_read_tokens ? `${duration(gap)} lie between them: a cache that nothing reads is kept for five minutes.` : "",
  ].filter(Boolean);
}

/**
 * The figures of both: `[name, first, second]`.
 * @param {Exchange} before
 * @param {Exchange} after
 */
export function figures(before, after) {
  return [
    ["Model", before.answered_by ?? before.model, after.answered_by ?? after.model],
    ["Tokens in", count(sum(before.usage) ?? 0), count(sum(after.usage) ?? 0)],
    ["From the cache", count(before.usage?.cache_read_tokens ?? 0), count(after.usage?.cache_read_tokens ?? 0)],
    ["Tokens out", count(before.usage?.output_tokens ?? 0), count(after.usage?.output_tokens ?? 0)],
    ["First token", duration(before.timings?.first_token_s), duration(after.timings?.first_token_s)],
    ["All in", duration(before.timings?.end_s), duration(after.timings?.end_s)],
    ["Outcome", before.outcome, after.outcome],
  ];
}

/**
 * The parameters of a request: all but what makes up the prompt.
 * @param {Pick<Exchange, "request">} exchange
 */
export const parameters = ({ request }) => Object.fromEntries(Object.entries(request ?? {}).filter(([name]) => !PROMPT.includes(name)));

/**
 * What the comparison of the prompts means for a cache.
 * @param {ReturnType<typeof prefix>} both
 */
export function verdict({ a, b, kept, whole }) {
  if (a.length === 0 && b.length === 0) return "The log has no texts of them.";
  if (!whole) return `The prompts are the same for ${count(kept)} of ${count(a.length)} parts. From there on no cache can be used.`;
  const added = b.slice(kept).map(({ name }) => visible(name));
  return `The second prompt begins with the whole first one: a cache can be used. ${added.length ? `Added: ${added.join(" · ")}.` : "Nothing was added."}`;
}

/**
 * Two exchanges, the earlier first.
 * @param {Exchange} before
 * @param {Exchange} after
 */
export function compared(before, after) {
  const both = prefix(before, after);
  const { a, b, kept, whole } = both;
  const unread = a.length ? otherReasons(before, after) : [];
  const broken = !whole && h("div", { class: "part" }, h("h3", {}, `First difference: ${visible(b[kept]?.name ?? a[kept].name)}`), difference(textual(a[kept]?.value ?? ""), textual(b[kept]?.value ?? "")));
  const link = (/** @type {Exchange} */ one, /** @type {string} */ words) => h("a", { href: `#/log/${encodeURIComponent(one.id)}` }, words);
  return [
    h("header", {}, h("h1", {}, "Two exchanges"), h("p", {}, link(before, "The first"), " · ", link(after, "The second"))),
    h("section", { class: "card", "aria-label": "Figures" }, h("table", {}, h("caption", { class: "unseen" }, "Figures of both"),
      h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "First"), h("th", { scope: "col" }, "Second"))),
      h("tbody", {}, figures(before, after).map(([name, x, y]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, visible(x ?? "–")), h("td", {}, visible(y ?? "–"))))))),
    h("section", { class: "card", "aria-labelledby": "prefix" }, h("h2", { id: "prefix" }, "Prompt"), bar(kept, a.length, b.length), h("p", {}, verdict(both)), h("ul", { class: "changes" }, changes(before, after).map((line) => h("li", {}, line))), unread.map((reason) => h("p", {}, reason)), broken || null),
    h("section", { class: "card", "aria-labelledby": "parameters" }, h("h2", { id: "parameters" }, "Parameters"), difference(prettyJson(parameters(before)), prettyJson(parameters(after)))),
    h("section", { class: "card", "aria-labelledby": "answers" }, h("h2", { id: "answers" }, "Answers"), difference(before.answer ?? "", after.answer ?? "")),
  ];
}

/**
 * @param {number} kept
 * @param {number} first
 * @param {number} second
 */
function bar(kept, first, second) {
  const most = Math.max(1, first, second);
  return svg("svg", { class: "prefix", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", width: (1000 * second) / most, height: 10 }), svg("rect", { class: "bar", width: (1000 * kept) / most, height: 10 }));
}
