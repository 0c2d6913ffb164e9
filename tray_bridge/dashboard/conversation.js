// Renders the messages of an exchange: texts, images, files, tool calls and their results, whatever their dialect.

import { copyButton, h } from "./dom.js";
import { count, named, objects, prettyJson, visible } from "./format.js";

const FIRST = 12000; // characters shown before a person asks for the rest
const BLOB = /^blob:([0-9a-f]{64}(?:\.\w{1,16})?)$/;
const PICTURES = /\.(png|jpg|jpeg|gif|webp)$/;

/** @param {string} name */
export const blobUrl = (name) => `/dashboard/api/blobs/${name}`;

/**
 * Text of any length: the beginning at once, the whole when asked.
 * @param {string} text
 * @param {Props} props
 * @param {"div" | "pre"} tag
 * @returns {HTMLElement[]}
 */
export function longText(text, props = { class: "text", dir: "auto" }, tag = "div") {
  const shown = text.length > FIRST ? text.slice(0, FIRST) : text;
  const body = h(tag, props, visible(shown));
  if (shown === text) return [body];
  const more = h("button", { type: "button", class: "rest" }, `Show all ${count(text.length)} characters`);
  more.addEventListener("click", () => {
    body.textContent = visible(text);
    more.remove();
  });
  return [body, more];
}

/** @param {unknown} value */
export const jsonBlock = (value) => longText(typeof value === "string" ? value : prettyJson(value), { class: "code wrap", tabindex: 0 }, "pre");

/**
 * @param {string | null | undefined} address
 * @param {string} alt
 */
function picture(address, alt) {
  const name = BLOB.exec(address ?? "")?.[1];
  if (name && PICTURES.test(name)) return h("a", { href: blobUrl(name), target: "_blank", rel: "noopener" }, h("img", { src: blobUrl(name), alt, loading: "lazy" }));
  // A picture elsewhere is named, not loaded: this page sends requests to its own server only.
  return name ? file(address, alt) : h("p", { class: "muted" }, `${alt}: `, h("bdi", {}, visible(String(address ?? "none").slice(0, 300))));
}

/**
 * @param {string | null | undefined} address
 * @param {string | undefined} title
 */
function file(address, title) {
  const name = BLOB.exec(address ?? "")?.[1];
  return name
    ? h("p", {}, h("a", { href: blobUrl(name), download: true }, visible(title || "File")))
    : longText(String(address ?? ""), { class: "code wrap", tabindex: 0 }, "pre");
}

/**
 * A call of a tool: its name, and its arguments as indented JSON where they are JSON.
 * @param {{ id?: string, name?: string, args: unknown }} call
 */
export function toolCall({ id, name, args }) {
  let shown = args;
  if (typeof args === "string") {
    try {
      shown = JSON.parse(args || "{}");
    } catch {
      // Cut short, or not JSON at all: shown as it came.
    }
  }
  return h("div", { class: "call part" },
    h("h4", {}, h("bdi", {}, visible(name ?? "unnamed")), h("span", { class: "muted" }, visible(id ?? ""))), jsonBlock(shown));
}

/** @param {{ id?: string, content: any, failed?: boolean }} result */
function toolResult({ id, content, failed }) {
  return h("div", { class: "call part" },
    h("h4", {}, failed ? "Result: an error" : "Result", h("span", { class: "muted" }, visible(id ?? ""))),
    typeof content === "string" ? jsonBlock(content) : h("div", { class: "turn plain" }, parts(content)));
}

/**
 * The parts of a message's content. They are told apart by what they have: OpenAI's, Anthropic's and our own shapes.
 * @param {any} content
 * @returns {Child[]}
 */
export function parts(content) {
  if (content === null || content === undefined) return [];
  if (!Array.isArray(content)) return [part(content)];
  return content.map(part);
}

/** @param {any} item */
function part(item) {
  const wrap = (/** @type {Child[]} */ ...children) => h("div", { class: "part" }, ...children);
  if (typeof item === "string") return wrap(longText(item));
  if (item === null || typeof item !== "object") return wrap(jsonBlock(item));
  if (typeof item.text === "string") return wrap(longText(item.text));
  if (typeof item.refusal === "string") return wrap(longText(item.refusal));
  if (item.type === "image_url" || item.type === "input_image") return wrap(picture(item.image_url?.url ?? item.image_url, "Image"));
  if (item.type === "file" || item.type === "input_file") return wrap(file((item.file ?? item).file_data, (item.file ?? item).filename));
  if ("tool_use_id" in item) return toolResult({ id: item.tool_use_id, content: item.content, failed: item.is_error });
  if ("name" in item && "input" in item) return toolCall({ id: item.id, name: item.name, args: item.input });
  const data = item.source?.data ?? item.source?.url ?? item.data;
  const type = String(item.source?.media_type ?? item.media_type ?? "");
  if (data !== undefined && (type.startsWith("image/") || item.type === "image")) return wrap(picture(data, "Image"));
  if (data !== undefined) return wrap(file(data, item.title));
  return wrap(jsonBlock(item));
}

/** @type {Record<string, string>} */
const names = named({ user: "User", assistant: "Assistant", system: "System", developer: "Developer", tool: "Tool result",
function: "Tool result", function_call: "Tool call", custom_tool_call: "Tool call", reasoning: "Reasoning" });
/** @type {Record<string, string>} */
const results = named({ function: "tool", function_call_output: "tool", custom_tool_call_output: "tool" });

/** @param {Wire} item */
function message(item) {
  const type = String(item?.role ?? item?.type ?? "message");
  const role = results[type] ?? type;
  const calls = [...objects(item.tool_calls), ...(item.function_call ? [{ function: item.function_call }] : [])];
  if (role === "function_call" || role === "custom_tool_call") calls.push({ id: item.call_id, function: item });
  const content = type.endsWith("_call_output") ? item.output : item.content ?? (role === "reasoning" ? item.summary : null);
  const name = calls.length ? item.role && item.name : item.name ?? item.tool_name;
  const id = item.tool_call_id ?? (role === "tool" ? item.call_id : null);
  return h("article", { class: `turn ${role in names ? role : "other"}` },
    h("h3", {}, h("span", {}, names[role] ?? visible(role), name ? ` · ${visible(name)}` : ""), id ? h("code", {}, visible(id)) : null),
    item.reasoning_content ? reasoning(String(item.reasoning_content)) : null,
    parts(content),
    (Array.isArray(item.images) ? item.images : []).map((/** @type {string} */ one) => h("div", { class: "part" }, picture(one, "Image"))),
    calls.map((call) => toolCall({ id: call.id, name: call.function?.name ?? call.custom?.name, args:
    call.function?.arguments ?? call.function?.input ?? call.custom?.input ?? call })));
}

/** @param {string} text */
export const reasoning = (text) => h("details", { class: "reasoning" }, h("summary", {}, `Reasoning, ${count(text.length)} characters`), longText(text));

/**
 * @param {string} title
 * @param {unknown} value
 */
function folded(title, value) {
  return h("details", {}, h("summary", {}, title), jsonBlock(value));
}

const MANY = 60;

/** @param {Wire[]} messages */
function listed(messages) {
  if (messages.length <= MANY) return messages.map(message);
  const button = h("button", { type: "button", class: "rest" }, `Show the ${count(messages.length - MANY)} messages before`);
  button.addEventListener("click", () => button.replaceWith(...messages.slice(0, -MANY).map(message)));
  return [button, ...messages.slice(-MANY).map(message)];
}

/** @param {unknown} value */
const asList = (value) => (Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]);

/**
 * The messages of a request in any dialect: messages, Responses' items, or a prompt, which is a text or a list of texts.
 * @param {Wire} request
 * @returns {Wire[]}
 */
export function messagesIn({ messages, input, prompt }) {
  const said = [messages, input, prompt].find((one) => one !== undefined && one !== null) ?? [];
  return Array.isArray(said) && objects(said).length === said.length ? said : [{ role: "user", content: said }];
}

/**
 * What was asked: messages first, then what else the request says, folded.
 * @param {Wire} request
 */
export function asked({ messages, input, prompt, instructions, system, tools, functions, ...others }) {
  const list = messagesIn({ messages, input, prompt });
  const systems = asList(system ?? instructions).filter((one) => one !== "");
  const offered = [...asList(tools), ...asList(functions)];
  return [
    h("div", { class: "folds" },
      folded(`Parameters (${Object.keys(others).length})`, others),
      offered.length ? folded(`Tools offered (${offered.length})`, offered) : null),
    systems.length ? message({ role: "system", content: systems }) : null,
    listed(list),
  ];
}

/**
 * What came back: reasoning folded, text, tool calls; or the error.
 * @param {Exchange} document
 */
export function answered(document) {
  const calls = document.tool_calls ?? [];
  if (!document.answer && !document.reasoning && !calls.length) return [];
  return [h("article", { class: "turn answer" },
    h("h3", {}, h("span", {}, "Answer"), document.answer ? copyButton("Copy", () => document.answer ?? "", { class: "quiet" }) : null),
    document.reasoning ? reasoning(document.reasoning) : null,
    document.answer ? h("div", { class: "part" }, longText(document.answer)) : null,
    calls.map((call) => toolCall({ id: call.id, name: call.name, args: call.arguments })))];
}

/**
 * The texts of content in any dialect, joined.
 * @param {any} content
 * @returns {string}
 */
export function textOf(content) {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((item) => (typeof item === "string" ? item : typeof item?.text === "string" ? item.text : textOf(item?.content ?? item?.output))).filter(Boolean).join("\n");
}

/**
 * The pictures of a message of Chat Completions, as data or addresses.
 * @param {any} content
 * @returns {string[]}
 */
export const picturesOf = (content) => objects(content).filter(({ type }) => type === "image_url").map((one) => one.image_url?.url ?? one.image_url).filter((url) => typeof url === "string");

/**
 * The question of an exchange: the text of the last message, as it was understood.
 * @param {Pick<Exchange, "turn" | "request">} document
 */
export function question(document) {
  const messages = document.turn?.messages ?? document.request?.messages ?? [];
  return textOf(messages[messages.length - 1]?.content).trim();
}
