// Asks the server as a client would, and turns exchanges of the log into requests that can be asked again.

import { ask as read, live } from "./connection.js";
import { textOf } from "./conversation.js";
import { dataUrl, whole } from "./files.js";

/** @type {{ key: string, has_keys: boolean, run: number | null | undefined } | null} */
let owned = null;

/**
 * What lets this page ask, although clients may need keys. It lasts as long as the server's run.
 * @returns {Promise<{ key: string, has_keys: boolean }>}
 */
export async function owner() {
  const run = live.snapshot?.started_at;
  const known = owned?.run === run ? owned : null;
  return known ?? (owned = { ...(await read("/account")), run });
}

/**
 * The server's answer as parsed frames: `data:` lines up to `[DONE]`.
 * @param {Response} response
 */
async function* frames(response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}

/** What the server says is wrong, with its status. */
export class AskingFailed extends Error {
  /**
   * @param {Partial<Trouble>} problem
   * @param {number} status
   * @param {string | null} id
   */
  constructor({ message, title, hint }, status, id) {
    super(message);
    Object.assign(this, { title: title ?? "No answer", hint, status, id });
  }
}

/**
 * Ask once. `take` gets each piece as it comes; the result is what there is at the end, times in seconds.
 * @param {Wire} request
 * @param {{ signal?: AbortSignal, take: (piece: { content: string, reasoning_content: string }) => void }} options
 */
export async function askOnce(request, { signal = undefined, take }) {
  const { key } = await owner();
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  // The header says that this page asks: no client's lamp is lit by it.
  const headers = { "content-type": "application/json", "x-tray-bridge": "1", authorization: `Bearer ${key}` };
  const response = await fetch("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(request), signal });
  /** @type {{ id: string | null, usage: ChatUsage | null, reason: string | null, calls: ChatCall[], firstToken: number | null, seconds: number }} */
  const result = { id: response.headers.get("x-request-id"), usage: null, reason: null, calls: [], firstToken: null, seconds: 0 };
  const fail = (/** @type {Partial<Trouble>} */ error) => {
    throw new AskingFailed(error, response.status, result.id);
  };
  if (!response.ok) {
    const answer = await response.json().catch(() => null);
    fail(answer?.error ?? { message: `The server answered ${response.status}.` });
  }
  const piece = (/** @type {Wire} */ { content, reasoning_content, tool_calls: calls = [] }) => {
    if (content || reasoning_content || calls?.length) result.firstToken ??= seconds();
    for (const call of calls ?? []) {
      const own = (result.calls[call.index ?? result.calls.length] ??= { id: call.id, type: "function", function: { name: "", arguments: "" } });
      own.function.name += call.function?.name ?? "";
      own.function.arguments += call.function?.arguments ?? "";
    }
    take({ content: content ?? "", reasoning_content: reasoning_content ?? "" });
  };
  const choose = (/** @type {Wire} */ choice) => {
    if (choice.index) return; // with `n`, the first of the answers is shown
    result.reason = choice.finish_reason ?? result.reason;
    piece(choice.delta ?? choice.message ?? {});
  };
  if (request.stream) {
    for await (const frame of frames(response)) {
      if (frame.error) fail(frame.error);
      result.usage = frame.usage ?? result.usage;
      (frame.choices ?? []).forEach(choose);
    }
    if (result.reason === null) fail({ message: "The answer broke off." });
  } else {
    const whole = await response.json();
    result.usage = whole.usage;
    whole.choices.forEach(choose);
  }
  result.seconds = seconds();
  return result;
}

/**
 * @param {Wire} block
 * @returns {Promise<Wire>}
 */
async function part(block) {
  if (block.type === "text") return { type: "text", text: block.text };
  if (block.type === "image") return { type: "image_url", image_url: { url: await dataUrl(block.data, block.media_type) } };
  if (block.media_type === "text/plain") return { type: "text", text: block.data };
  return { type: "file", file: { filename: block.title ?? "file.pdf", file_data: await dataUrl(block.data, block.media_type) } };
}

/**
 * The messages of a turn in Chat Completions: tool results become messages of their own.
 * @param {{ role: string, content: Wire[] }} message
 * @returns {Promise<ChatMessage[]>}
 */
async function messagesOf({ role, content }) {
  const results = content.filter((block) => block.type === "tool_result");
  const calls = content.filter((block) => block.type === "tool_use");
  const others = await Promise.all(content.filter((block) => ["text", "image", "document"].includes(block.type)).map(part));
  const plain = others.every(({ type }) => type === "text") ? others.map(({ text }) => text).join("\n") : others;
  /** @type {ChatMessage[]} */
  const said = others.length || calls.length ? [{ role, content: others.length ? plain : null, ...(calls.length ? { tool_calls: calls.map(({ id, name, input }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } })) } : {}) }] : [];
  const answers = await Promise.all(results.map(async (result) => {
    const parts = await Promise.all(result.content.map(part));
    return { role: "tool", tool_call_id: result.tool_use_id, content: parts.every(({ type }) => type === "text") ? parts.map(({ text }) => text).join("\n") : parts };
  }));
  return [...answers, ...said];
}

// What requests of other dialects call as Chat Completions does.
const SAME = ["temperature", "top_p", "top_k", "seed", "metadata", "user", "service_tier", "presence_penalty", "frequency_penalty"];
// Of Chat Completions: what the page has fields for, or takes from the turn.
const FIELDS = new Set(["model", "messages", "stream", "stream_options", "reasoning_effort", "tools", "functions", "function_call", "tool_choice", "max_completion_tokens", "n"]);

/**
 * The parameters of a request that Chat Completions knows by themselves.
 * @param {Wire} request
 * @param {string} dialect
 * @returns {Wire}
 */
function parametersOf(request, dialect) {
  const own = { ...request, ...(dialect === "ollama" ? request.options : {}) };
  if (dialect === "openai_chat") return Object.fromEntries(Object.entries(own).filter(([name]) => !FIELDS.has(name)));
  return Object.fromEntries(SAME.filter((name) => own[name] !== undefined && own[name] !== null).map((name) => [name, own[name]]));
}

/**
 * A request that was refused before it was understood: all of Chat Completions, the texts of other dialects.
 * @param {Wire} request
 * @param {string} dialect
 */
async function asSent(request, dialect) {
  const said = [request.messages, request.input, request.prompt].find(Boolean) ?? [];
  /** @type {Wire[]} */
  const list = Array.isArray(said) ? said.filter((one) => one && typeof one === "object") : [{ role: "user", content: said }];
  const messages = dialect === "openai_chat" ? await whole(list) : list.map(({ role, content, output }) => ({ role: role ?? "user", content: textOf(content ?? output) })).filter(({ content }) => content);
  const others = parametersOf(request, dialect);
  if (dialect === "openai_chat" && request.tools) Object.assign(others, { tools: request.tools, ...(request.tool_choice ? { tool_choice: request.tool_choice } : {}) });
  return { model: typeof request.model === "string" ? request.model : "", system: textOf(request.system ?? request.instructions ?? ""), messages, effort: "", others };
}

/**
 * What was asked in an exchange, whatever its dialect.
 * @param {{ turn: Wire | null, model: string | null, request?: Wire | null, dialect?: string | null }} exchange
 */
export async function asRequest({ turn, model, request, dialect }) {
  if (!turn) return asSent(request ?? {}, dialect ?? "openai_chat");
  const others = parametersOf(request ?? {}, dialect ?? "openai_chat");
  if (turn.tools?.length) {
    others.tools = turn.tools.map((/** @type {Wire} */ { name, description, input_schema: parameters }) => ({ type: "function", function: { name, description, parameters } }));
    const choice = turn.tool_choice ?? {};
    if (choice.type === "tool") others.tool_choice = { type: "function", function: { name: choice.name } };
    else if (choice.type === "any") others.tool_choice = "required";
    else if (choice.type === "none") others.tool_choice = "none";
    if (choice.parallel === false) others.parallel_tool_calls = false;
  }
  if (turn.max_tokens) others.max_tokens = turn.max_tokens;
  if (turn.stop?.length) others.stop = turn.stop;
  if (turn.output_schema) others.response_format = { type: "json_schema", json_schema: { name: "answer", schema: turn.output_schema } };
  const messages = (await Promise.all(turn.messages.map(messagesOf))).flat();
  return { model: model ?? turn.model, system: (turn.system ?? []).join("\n\n"), messages, effort: turn.effort ?? (turn.thinking === false ? "none" : ""), others };
}

const PRICE = /\$(\d+(?:\.\d+)?)\/\$(\d+(?:\.\d+)?) per Mtok/;

/**
 * Dollars of an answer at the price that the model's description tells, or null.
 * @param {Pick<Model, "description"> | undefined} model
 * @param {ChatUsage | null | undefined} usage
 */
export function costOf(model, usage) {
  const price = PRICE.exec(model?.description ?? "");
  if (!price || !usage) return null;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0;
  return ((usage.prompt_tokens - cached + 0.1 * cached) * Number(price[1]) + usage.completion_tokens * Number(price[2])) / 1e6;
}
