// Writes a request as code that a person can run elsewhere.

import { h, show, copyButton } from "./dom.js";
import { prettyJson } from "./format.js";

export function asCurl(url, body) {
  // A quoted heredoc takes every character as it is; JSON never has a line that is just its end mark.
  return `curl -N ${url} \\\n  -H "Content-Type: application/json" \\\n  --data-binary @- <<'JSON'\n${prettyJson(body)}\nJSON`;
}

// Parameters that the OpenAI SDK for Python knows as keywords; others go in extra_body.
const KEYWORDS = new Set(["messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
  "max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty",
  "prompt_cache_key", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream",
  "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"]);

export function asPython(baseUrl, body) {
  const known = Object.entries(body).filter(([name]) => KEYWORDS.has(name));
  const others = Object.fromEntries(Object.entries(body).filter(([name]) => !KEYWORDS.has(name)));
  const lines = known.map(([name, value]) => `    ${name}=${python(value, 1)},`);
  if (Object.keys(others).length) lines.push(`    extra_body=${python(others, 1)},`);
  const read = body.stream
    ? "for chunk in answer:\n    for choice in chunk.choices:\n        print(choice.delta.content or \"\", end=\"\", flush=True)"
    : "print(answer.choices[0].message.content)";
  return `from openai import OpenAI\n\nclient = OpenAI(base_url="${baseUrl}", api_key="not-needed")\n`
    + `answer = client.chat.completions.create(\n${lines.join("\n")}\n)\n${read}`;
}

/** A JSON value as a Python literal, indented like the code around it. */
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

export function asJavaScript(baseUrl, body) {
  const options = prettyJson(body).replace(/^( *)"([a-z_]+)":/gm, "$1$2:");
  const read = body.stream
    ? "for await (const chunk of answer) {\n  process.stdout.write(chunk.choices[0]?.delta?.content ?? \"\");\n}"
    : "console.log(answer.choices[0].message.content);";
  return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "not-needed" });\n`
    + `const answer = await client.chat.completions.create(${options});\n${read}`;
}

/** Tabs over pieces of text, such as code in several languages: `update({name: text})`. */
export function codeTabs(label) {
  const code = h("code");
  const pane = h("pre", { class: "code", role: "tabpanel", tabindex: 0, "aria-label": label }, code);
  const row = h("div", { class: "tabs", role: "tablist", "aria-label": label });
  let texts = {};
  let chosen = null;
  function choose(name, focus) {
    chosen = name;
    for (const tab of row.children) {
      const is = tab.dataset.name === name;
      tab.setAttribute("aria-selected", is);
      tab.tabIndex = is ? 0 : -1;
      if (is && focus) tab.focus();
    }
    show(code, texts[name]);
  }
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(texts);
    choose(names[(names.indexOf(chosen) + step + names.length) % names.length], true);
  });
  return {
    element: h("div", { class: "snippet" }, h("div", { class: "heading" }, row, copyButton("Copy", () => texts[chosen], { class: "quiet", "aria-label": `Copy: ${label}` })), pane),
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
