// The view Try it: a small playground that is a client of the server like any other.

import { asCurl, asJavaScript, asPython, codeTabs } from "./code.js";
import { live } from "./connection.js";
import { announce, h, icon, problemBox, say, show } from "./dom.js";
import { duration, plural, visible } from "./format.js";
import { baseUrl } from "./now.js";

// What was typed and said survives a look at another view.
const kept = { model: "", system: "", text: "", effort: "", stream: true, messages: [], key: "" };

/** The server's answer as parsed frames: `data:` lines up to `[DONE]`. */
async function* frames(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
  }
}

function bubble(role) {
  const text = h("div", { class: "text", dir: "auto" });
  const thought = h("div", { class: "text", dir: "auto" });
  const reasoning = h("details", { class: "reasoning", hidden: true }, h("summary", {}, "Reasoning"), thought);
  const note = h("p", { class: "muted note" });
  const element = h("article", { class: `turn ${role}` }, h("h3", {}, role === "user" ? "You" : "Claude"), reasoning, text, note);
  return {
    element,
    add: (piece) => text.append(visible(piece)),
    think(piece) {
      reasoning.hidden = false;
      thought.append(visible(piece));
    },
    note: (words) => say(note, words),
    fail: (problem) => element.append(problemBox(problem)),
  };
}

export function tryView() {
  const talk = h("div", { class: "talk" });
  const models = h("select", { id: "model", onchange: () => choose(models.value) });
  const effort = h("select", { id: "effort", onchange: () => remember("effort", effort.value) });
  const system = h("textarea", { id: "system", rows: 3, dir: "auto", placeholder: "You are a helpful assistant.", value: kept.system, oninput: () => remember("system", system.value) });
  const text = h("textarea", { id: "text", rows: 3, dir: "auto", placeholder: "Ask something", value: kept.text, oninput: () => remember("text", text.value), onkeydown: keys });
  const stream = h("input", { type: "checkbox", id: "stream", checked: kept.stream, onchange: () => remember("stream", stream.checked) });
  const key = h("input", { type: "password", id: "key", autocomplete: "off", value: kept.key, oninput: () => remember("key", key.value) });
  const keyField = h("form", { class: "field", hidden: !kept.key, onsubmit: (event) => event.preventDefault() }, h("label", { for: "key" }, "API key of the bridge"), key);
  const send = h("button", { type: "submit", class: "primary" });
  const fresh = h("button", { type: "button", class: "quiet", onclick: restart }, "New conversation");
  const code = codeTabs("The code for it");
  const empty = h("p", { class: "empty" }, "Ask something, and the answer appears here as it is written.");
  let running = null;

  function remember(name, value) {
    kept[name] = value;
    showCode();
  }

  function body(messages) {
    const all = kept.system.trim() ? [{ role: "system", content: kept.system }, ...messages] : messages;
    return { model: kept.model || "sonnet", messages: all, ...(kept.effort ? { reasoning_effort: kept.effort } : {}), ...(kept.stream ? { stream: true } : {}) };
  }

  function showCode() {
    const request = body([...kept.messages, { role: "user", content: kept.text || "Hello!" }]);
    code.update({ curl: asCurl(`${baseUrl()}/chat/completions`, request), Python: asPython(baseUrl(), request), JavaScript: asJavaScript(baseUrl(), request) });
  }

  function showSend() {
    show(send, icon(running ? "stop" : "send"), running ? "Stop" : "Send");
    fresh.hidden = kept.messages.length === 0;
    empty.hidden = talk.children.length > 1;
  }

  function keys(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  function restart() {
    running?.abort();
    kept.messages = [];
    show(talk, empty);
    showSend();
    showCode();
    text.focus();
  }

  async function ask(event) {
    event.preventDefault();
    if (running) return running.abort();
    const question = text.value.trim();
    if (!question) return text.focus();
    const messages = [...kept.messages, { role: "user", content: question }];
    const request = { ...body(messages), ...(kept.stream ? { stream_options: { include_usage: true } } : {}) };
    const said = bubble("user");
    said.add(question);
    const answer = bubble("assistant");
    talk.append(said.element, answer.element);
    const stop = (running = new AbortController());
    text.value = kept.text = "";
    showSend();
    answer.note("Waiting for the first token…");
    answer.element.scrollIntoView({ block: "nearest" });
    const began = performance.now();
    let firstToken = null;
    let content = "";
    let usage = null;
    const seconds = () => (performance.now() - began) / 1000;
    const take = ({ content: piece, reasoning_content: thought }) => {
      if (!piece && !thought) return;
      firstToken ??= seconds();
      if (thought) answer.think(thought);
      if (piece) answer.add(piece);
      content += piece ?? "";
      answer.note(`First token after ${duration(firstToken)}`);
    };
    try {
      const headers = { "content-type": "application/json", ...(kept.key ? { authorization: `Bearer ${kept.key}` } : {}) };
      const response = await fetch("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(request), signal: stop.signal });
      if (response.status === 401 && (await response.clone().text()).includes("API key")) keyField.hidden = false;
      if (!response.ok) throw await failure(response);
      if (kept.stream) {
        for await (const frame of frames(response)) {
          if (frame.error) throw frame.error;
          usage = frame.usage ?? usage;
          for (const choice of frame.choices ?? []) take(choice.delta ?? {});
        }
      } else {
        const whole = await response.json();
        usage = whole.usage;
        take(whole.choices[0].message);
      }
      const tokens = usage ? ` · ${plural(usage.prompt_tokens, "token")} in, ${plural(usage.completion_tokens, "token")} out` : "";
      answer.note(`First token after ${duration(firstToken)} · all in ${duration(seconds())}${tokens}`);
      kept.messages = [...messages, { role: "assistant", content }];
      announce("The answer is complete");
    } catch (error) {
      if (stop.signal.aborted) answer.note(`Stopped after ${duration(seconds())}`);
      else {
        answer.note("");
        answer.fail({ title: "No answer", message: error.message ?? String(error) });
      }
    } finally {
      if (running === stop) running = null;
      showSend();
      showCode();
    }
  }

  const form = h("form", { class: "ask", onsubmit: ask },
    h("label", { for: "text", class: "unseen" }, "Your message"), text,
    h("div", { class: "buttons" }, h("span", { class: "muted hint" }, "Enter sends, Shift+Enter starts a new line"), fresh, send));
  const element = h("div", { class: "try" },
    h("h1", { class: "unseen" }, "Try it"),
    h("section", { class: "card talk-card", "aria-label": "Conversation" }, talk, form),
    h("aside", { class: "card", "aria-label": "Settings and code" },
      h("div", { class: "row" },
        h("div", { class: "field" }, h("label", { for: "model" }, "Model"), models),
        h("div", { class: "field" }, h("label", { for: "effort" }, "Effort"), effort)),
      h("div", { class: "field" }, h("label", { for: "system" }, "System prompt"), system),
      keyField,
      h("label", { class: "check" }, stream, "Stream the answer"),
      h("h2", {}, "The code for it"), code.element));

  let offered = "";
  let values = [];

  /** Take a model, and offer the efforts that it knows. */
  function choose(value) {
    const model = values.find((one) => one.value === value) ?? values[0];
    const efforts = [...(model.can_stop_thinking ? ["none"] : []), ...(model.efforts ?? [])];
    if (!efforts.includes(kept.effort)) kept.effort = "";
    show(effort, ["", ...efforts].map((name) => h("option", { value: name, selected: name === kept.effort }, name ? name[0].toUpperCase() + name.slice(1) : "Default")));
    effort.disabled = efforts.length === 0;
    remember("model", model.value);
  }

  const unsubscribe = live.subscribe(({ snapshot }) => {
    values = snapshot.models.length ? snapshot.models : [{ value: "sonnet", display_name: "Sonnet" }, { value: "opus", display_name: "Opus" }, { value: "haiku", display_name: "Haiku" }];
    if (JSON.stringify(values) === offered) return;
    offered = JSON.stringify(values);
    choose(kept.model);
    show(models, values.map((model) => h("option", { value: model.value, selected: model.value === kept.model }, visible(model.display_name || model.value))));
  });
  talk.append(empty);
  for (const message of kept.messages) {
    const turn = bubble(message.role);
    turn.add(message.content);
    talk.append(turn.element);
  }
  showSend();
  showCode();
  return {
    element,
    enter() {},
    leave() {
      running?.abort();
      unsubscribe();
    },
  };
}

async function failure(response) {
  const answer = await response.json().catch(() => null);
  return answer?.error ?? { message: `The server answered ${response.status}.` };
}
