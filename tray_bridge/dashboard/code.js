// Writes a request as code that a person can run elsewhere.

import { h, show, copyButton } from "./dom.js";
import { prettyJson } from "./format.js";

/**
 * @param {string} url
 * @param {Wire} body
 */
export function asCurl(url, body, keyed = false) {
  const key = keyed ? `  -H "Authorization: Bearer YOUR-KEY" \\\n` : "";
  // A quoted heredoc takes every character as it is; JSON never has a line that is just its end mark.
  return `curl -N ${url} \\\n${key}  -H "Content-Type: application/json" \\\n  --data-binary @- <<'JSON'\n${prettyJson(body)}\nJSON`;
}

/**
 * For Windows, where the command above does not run. A literal here-string takes every character as it is.
 * @param {string} url
 * @param {Wire} body
 */
export function asPowerShell(url, body, keyed = false) {
  const headers = keyed ? ` -Headers @{ Authorization = "Bearer YOUR-KEY" }` : "";
  return `$body = @'\n${prettyJson(body)}\n'@\nInvoke-RestMethod "${url}" -Method Post${headers} \`\n`
    + `  -ContentType "application/json; charset=utf-8" -Body ([Text.Encoding]::UTF8.GetBytes($body))`;
}

// Parameters that the OpenAI SDK for Python knows as keywords; others go in extra_body.
const KEYWORDS = new Set(["messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
  "max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty",
  "prompt_cache_key", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream",
  "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"]);

/**
 * The arguments of a call of an SDK: those that it knows, and the others in extra_body.
 * @param {Wire} body
 * @param {Set<string>} names
 */
function keywords(body, names) {
  const known = Object.entries(body).filter(([name]) => names.has(name));
  const others = Object.fromEntries(Object.entries(body).filter(([name]) => !names.has(name)));
  const lines = known.map(([name, value]) => `    ${name}=${python(value, 1)},`);
  if (Object.keys(others).length) lines.push(`    extra_body=${python(others, 1)},`);
  return lines.join("\n");
}

/**
 * @param {string} baseUrl
 * @param {string} key
 * @param {string} call
 * @param {Wire} body
 * @param {Set<string>} names
 * @param {string} read
 */
const openAi = (baseUrl, key, call, body, names, read) => `from openai import OpenAI\n\nclient = OpenAI(base_url="${baseUrl}", api_key="${key}")\n`
  + `answer = client.${call}(\n${keywords(body, names)}\n)\n${read}`;

/**
 * @param {string} baseUrl
 * @param {Wire} body
 */
export function asPython(baseUrl, body, key = "not-needed") {
  const read = body.stream
    ? "for chunk in answer:\n    for choice in chunk.choices:\n        print(choice.delta.content or \"\", end=\"\", flush=True)"
    : "print(answer.choices[0].message.content)";
  return openAi(baseUrl, key, "chat.completions.create", body, KEYWORDS, read);
}

const RESPONSES = new Set(["background", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "parallel_tool_calls",
  "previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text",
  "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user"]);

/**
 * @param {string} baseUrl
 * @param {Wire} body
 */
export function asPythonResponses(baseUrl, body, key = "not-needed") {
  const read = body.stream
    ? "for event in answer:\n    if event.type == \"response.output_text.delta\":\n        print(event.delta, end=\"\", flush=True)"
    : "print(answer.output_text)";
  return openAi(baseUrl, key, "responses.create", body, RESPONSES, read);
}

const COMPLETIONS = new Set(["best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "model", "n", "presence_penalty", "prompt", "seed",
  "stop", "stream", "stream_options", "suffix", "temperature", "top_p", "user"]);

/**
 * @param {string} baseUrl
 * @param {Wire} body
 */
export function asPythonCompletions(baseUrl, body, key = "not-needed") {
  const read = body.stream ? "for chunk in answer:\n    print(chunk.choices[0].text if chunk.choices else \"\", end=\"\", flush=True)" : "print(answer.choices[0].text)";
  return openAi(baseUrl, key, "completions.create", body, COMPLETIONS, read);
}

const MESSAGES = new Set(["max_tokens", "messages", "metadata", "model", "service_tier", "stop_sequences", "stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"]);

/**
 * @param {string} baseUrl
 * @param {Wire} body
 */
export function asPythonMessages(baseUrl, body, key = "not-needed") {
  const read = body.stream
    ? "for event in answer:\n    if event.type == \"content_block_delta\" and event.delta.type == \"text_delta\":\n        print(event.delta.text, end=\"\", flush=True)"
    : "for block in answer.content:\n    print(getattr(block, \"text\", block))";
  return `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${baseUrl.replace(/\/v1$/, "")}", api_key="${key}")\n`
    + `answer = client.messages.create(\n${keywords(body, MESSAGES)}\n)\n${read}`;
}

/**
 * Whether a text is no Unicode: JSON can escape it, but no SDK for Python sends it.
 * @param {Wire} body
 */
export function hasLoneSurrogate(body) {
  return /\\ud[89a-f]/.test(JSON.stringify(body));
}

/**
 * For a dialect without an SDK that everybody has.
 * @param {string} url
 * @param {Wire} body
 * @param {string | undefined} key
 */
export function asPythonHttp(url, body, key) {
  const headers = `{"Content-Type": "application/json"${key ? `, "Authorization": "Bearer ${key}"` : ""}}`;
  return `import json\n\nimport httpx\n\nbody = ${python(body, 0)}\n`
    + `with httpx.stream("POST", "${url}", content=json.dumps(body), headers=${headers}, timeout=None) as answer:\n    for line in answer.iter_lines():\n        print(line)`;
}

/**
 * A JSON value as a Python literal, indented like the code around it.
 * @param {unknown} value
 * @param {number} depth
 * @returns {string}
 */
function python(value, depth) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  // JSON's escapes are Python's; only lone surrogates differ, and those mean the same in both.
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = "    ".repeat(depth + 1);
  const end = "    ".repeat(depth);
  const parts = Array.isArray(value)
    ? value.map((item) => inner + python(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${inner}${JSON.stringify(key)}: ${python(item, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return parts.length ? `${open}\n${parts.join(",\n")},\n${end}${close}` : open + close;
}

/**
 * @param {string} baseUrl
 * @param {Wire} body
 */
export function asJavaScript(baseUrl, body, key = "not-needed") {
  const options = prettyJson(body).replace(/^( *)"([a-z_]+)":/gm, "$1$2:");
  const read = body.stream
    ? "for await (const chunk of answer) {\n  process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n}"
    : "console.log(answer.choices[0].message.content);";
  return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "${key}" });\n`
    + `const answer = await client.chat.completions.create(${options});\n${read}`;
}

/**
 * Tabs over pieces of text, such as code in several languages: `update({name: text})`.
 * @param {string} label
 */
export function codeTabs(label) {
  const code = h("code");
  const pane = h("pre", { class: "code", role: "tabpanel", tabindex: 0, "aria-label": label }, code);
  const row = h("div", { class: "tabs", role: "tablist", "aria-label": label });
  /** @type {Record<string, string>} */
  let texts = {};
  let chosen = "";
  /** @param {string} name */
  function choose(name, focus = false) {
    chosen = name;
    for (const tab of row.querySelectorAll("button")) {
      const is = tab.dataset.name === name;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      if (is && focus) tab.focus();
    }
    show(code, texts[name]);
  }
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    if (!step) return;
    const names = Object.keys(texts);
    choose(names[(names.indexOf(chosen) + step + names.length) % names.length], true);
  });
  return {
    element: h("div", { class: "snippet" }, h("div", { class: "heading" }, row, copyButton("Copy", () => texts[chosen], { class: "quiet", "aria-label": `Copy: ${label}` })), pane),
    /** @param {Record<string, string>} next */
    update(next) {
      const same = Object.keys(next).join() === Object.keys(texts).join();
      texts = next;
      if (!same) {
        show(row, Object.keys(texts).map((name) => h("button", { type: "button", role: "tab", "data-name": name, onclick: () => choose(name) }, name)));
      }
      choose(chosen in texts ? chosen : Object.keys(texts)[0]);
    },
  };
}
