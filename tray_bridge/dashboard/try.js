// The view Try it: a small playground that is a client of the server like any other.

import { askOnce, asRequest, costOf, owner } from "./asking.js";
import { bubble } from "./bubble.js";
import { asCurl, asJavaScript, asPowerShell, asPython, codeTabs } from "./code.js";
import { difference } from "./compare.js";
import { ask as read, live } from "./connection.js";
import { textOf } from "./conversation.js";
import { announce, h, icon, problemBox, say, show } from "./dom.js";
import { duration, money, plural, prettyJson, visible } from "./format.js";
import { baseUrl } from "./now.js";

/** @type {{ model: string, second: string, system: string, text: string, effort: string, stream: boolean, formatted: boolean, messages: ChatMessage[], told: Record<number, Told>, pair: Pair | null, pictures: string[], others: Wire, from: string }} */
const BLANK = { model: "", second: "", system: "", text: "", effort: "", stream: true, formatted: false, messages: [], told: {}, pair: null, pictures: [], others: {}, from: "" };

// What was typed and said survives another view and a reload, in this tab alone.
/** @type {typeof BLANK} */
const kept = { ...structuredClone(BLANK), ...stored() };

function stored() {
  try {
    return JSON.parse(sessionStorage.try ?? "{}");
  } catch {
    return {}; // storage is switched off, or spoilt
  }
}

function store() {
  try {
    sessionStorage.try = JSON.stringify(kept);
  } catch {
    // Too large, with its pictures: it lasts until the page is left.
  }
}

/** @type {View | null} */
let only = null;

/** The one view: an answer under way goes on while another view is looked at. */
export function tryView() {
  return (only ??= makeView());
}

function makeView() {
  const talk = h("div", { class: "talk" });
  const models = h("select", { id: "model", onchange: () => choose(models.value) });
  const second = h("select", { id: "second", onchange: () => remember("second", second.value) });
  const effort = h("select", { id: "effort", onchange: () => remember("effort", effort.value) });
  const system = h("textarea", { id: "system", rows: 3, dir: "auto", placeholder: "You are a helpful assistant.", oninput: () => remember("system", system.value) });
  const others = h("textarea", { id: "others", rows: 3, class: "mono", spellcheck: "false", placeholder: '{"max_tokens": 500}', oninput: takeOthers });
  const wrong = h("p", { role: "alert", class: "muted" });
  const text = h("textarea", { id: "text", rows: 3, dir: "auto", placeholder: "Ask something", oninput: () => remember("text", text.value), onkeydown: keys, onpaste: paste });
  const stream = h("input", { type: "checkbox", id: "stream", onchange: () => remember("stream", stream.checked) });
  const formatted = h("input", { type: "checkbox", id: "formatted", onchange: format });
  const file = h("input", { type: "file", id: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: true, hidden: true, onchange: () => attach([...(file.files ?? [])]) });
  const pictures = h("div", { class: "pictures" });
  const send = h("button", { type: "submit", class: "primary" });
  const fresh = h("button", { type: "button", class: "quiet", onclick: restart }, "New conversation");
  const code = codeTabs("The code for it");
  const origin = h("p", { class: "muted" });
  const empty = h("p", { class: "empty" }, "Ask something, and the answer appears here as it is written.");
  const unanswered = h("div", { class: "buttons" }, h("span", { class: "muted" }, "This question has no answer yet."),
    h("button", { type: "button", onclick: () => answer() }, "Ask it again"));
  /** @type {AbortController | null} */
  let running = null;
  /** @type {ReturnType<typeof bubble>[]} */
  let answers = [];
  let keyed = false;

  /**
   * @param {keyof typeof BLANK} name
   * @param {unknown} value
   */
  function remember(name, value) {
    Object.assign(kept, { [name]: value });
    store();
    showCode();
  }

  function takeOthers() {
    try {
      const value = others.value.trim() ? JSON.parse(others.value) : {};
      if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error();
      say(wrong, "");
      remember("others", value);
    } catch {
      say(wrong, "This is not a JSON object yet; the previous one is used.");
    }
  }

  /** @param {ChatMessage[]} messages */
  function body(messages, model = kept.model) {
    const all = kept.system.trim() ? [{ role: "system", content: kept.system }, ...messages] : messages;
    return { ...kept.others, model: model || "default", messages: all, ...(kept.effort ? { reasoning_effort: kept.effort } : {}), ...(kept.stream ? { stream: true } : {}) };
  }

  /**
   * @param {string} question
   * @returns {ChatMessage}
   */
  const asked = (question) => ({ role: "user", content: kept.pictures.length ? [...(question ? [{ type: "text", text:
  question }] : []), ...kept.pictures.map((url) => ({ type: "image_url", image_url: { url } }))] : question });

  function showCode() {
    const request = body([...kept.messages, ...(pending() && !kept.text ? [] : [asked(kept.text || "Hello!")])]);
    const key = keyed ? "YOUR-KEY" : undefined; // keys are kept as hashes: none can be shown
    const url = `${baseUrl()}/chat/completions`;
    code.update({ curl: asCurl(url, request, keyed), PowerShell: asPowerShell(url, request, keyed),
      Python: asPython(baseUrl(), request, key), JavaScript: asJavaScript(baseUrl(), request, key) });
  }

  /** Whether the conversation ends in what Claude has yet to answer: results of tools, say. */
  const pending = () => kept.messages.length > 0 && kept.messages[kept.messages.length - 1].role !== "assistant";

  function showSend() {
    show(send, icon(running ? "stop" : "send"), running ? "Stop" : "Send");
    fresh.hidden = kept.messages.length === 0;
    empty.hidden = talk.children.length > 1;
  }

  /** @param {KeyboardEvent} event */
  function keys(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  function halt() {
    running?.abort();
    running = null;
  }

  function restart() {
    halt();
    Object.assign(kept, { messages: [], told: {}, pair: null, others: {}, pictures: [], from: "" });
    store();
    showAll();
    text.focus();
  }

  /**
   * Keep these messages: what is told of those that are gone goes, too.
   * @param {ChatMessage[]} messages
   */
  function keep(messages) {
    kept.messages = messages;
    kept.told = Object.fromEntries(Object.entries(kept.told).filter(([index]) => Number(index) < messages.length));
    if (kept.pair && kept.pair.at !== messages.length - 1) kept.pair = null;
    store();
  }

  /** @param {File[]} files */
  async function attach(files) {
    for (const one of files.filter(({ type }) => type.startsWith("image/"))) {
      /** @type {string} */
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result));
        reader.readAsDataURL(one);
      });
      kept.pictures.push(url);
    }
    file.value = "";
    remember("pictures", kept.pictures);
    showPictures();
  }

  /** @param {ClipboardEvent} event */
  function paste(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  }

  function showPictures() {
    show(pictures, kept.pictures.map((src, i) => h("figure", {}, h("img", { src, alt: `Picture ${i + 1}` }),
      h("button", { type: "button", class: "quiet round", "aria-label": `Remove picture ${i + 1}`, onclick: () => {
        remember("pictures", kept.pictures.filter((_, other) => other !== i));
        showPictures();
      } }, icon("cross")))));
  }

  function format() {
    remember("formatted", formatted.checked);
    for (const answer of answers) answer.format(kept.formatted);
  }

  /**
   * Go back to a question of the conversation: it stands in the field again, what followed is gone.
   * @param {number} index
   */
  function edit(index) {
    halt();
    const { content } = kept.messages[index];
    kept.pictures = Array.isArray(content) ? content.filter(({ type }) => type === "image_url").map((one) => one.image_url.url) : [];
    kept.text = textOf(content);
    keep(kept.messages.slice(0, index));
    showAll();
    text.focus();
  }

  /**
   * Take another text for a message; its pictures and what follows stay.
   * @param {number} index
   * @param {string} words
   */
  function change(index, words) {
    const { content } = kept.messages[index];
    if (words !== textOf(content)) {
      const others = Array.isArray(content) ? content.filter(({ type }) => type !== "text") : [];
      const changed = others.length ? [...(words ? [{ type: "text", text: words }] : []), ...others] : words;
      delete kept.told[index]; // it is of another text
      if (kept.pair?.at === index) kept.pair = null;
      keep(kept.messages.map((message, i) => (i === index ? { ...message, content: changed } : message)));
    }
    showAll();
  }

  /**
   * @param {ChatMessage} message
   * @param {number} index
   */
  function shown(message, index) {
    /** @type {Record<string, string>} */
    const names = { user: "You", assistant: "Claude", tool: "Tool result" };
    const turn = bubble(message.role, names[message.role] ?? visible(message.role), {
      onEdit: message.role === "user" ? () => edit(index) : null,
      onChange: textOf(message.content) ? (words) => change(index, words) : null,
    });
    turn.add(textOf(message.content));
    if (message.role === "assistant") {
      answers.push(turn);
      if (kept.formatted) turn.format(true);
      if (kept.told[index]) turn.told(kept.told[index]);
    }
    if (Array.isArray(message.content)) turn.pictures(message.content.filter(({ type }) => type === "image_url").map((one) => one.image_url.url));
    turn.calls(message.tool_calls ?? []);
    return turn.element;
  }

  /**
   * Two answers to the newest question, as they were kept.
   * @param {Pair} pair
   */
  function shownPair({ at, names, answers: both, chosen }) {
    const turns = both.map((answer, i) => {
      const turn = bubble("assistant", visible(names[i]));
      if (!answer) return turn;
      turn.add(textOf(answer.message.content));
      turn.calls(answer.message.tool_calls ?? []);
      turn.told(answer.told);
      answers.push(turn);
      if (kept.formatted) turn.format(true);
      return turn;
    });
    goOn(kept.messages.slice(0, at), both, turns, chosen);
    return [beside(turns), differing(both)];
  }

  /** @param {import("./bubble.js").Bubble[]} turns */
  const beside = (turns) => h("div", { class: "beside" }, turns.map(({ element }) => element));

  /** @param {(Answer | null)[]} both */
  const differing = ([one, other]) => one && other && h("details", { class: "part" }, h("summary", {}, "What differs"),
    difference(one.message.content ?? "", other.message.content ?? ""));

  /** Everything anew, from what is kept. */
  function showAll() {
    answers = [];
    const single = kept.pair ? kept.messages.slice(0, kept.pair.at) : kept.messages;
    show(talk, empty, single.map(shown), kept.pair ? shownPair(kept.pair) : null, pending() ? unanswered : null);
    [system.value, text.value, stream.checked, formatted.checked] = [kept.system, kept.text, kept.stream,
    kept.formatted];
    others.value = Object.keys(kept.others).length ? prettyJson(kept.others) : "";
    show(origin, kept.from ? ["From ", h("a", { href: `#/log/${encodeURIComponent(kept.from)}` }, "this exchange"), "."] : null);
    showPictures();
    showSend();
    showCode();
  }

  /** @param {SubmitEvent} event */
  async function ask(event) {
    event.preventDefault();
    if (running) return running.abort();
    const question = text.value.trim();
    if (!question && !kept.pictures.length && !pending()) return text.focus();
    if (question || kept.pictures.length) {
      keep([...kept.messages, asked(question)]);
      talk.append(shown(kept.messages[kept.messages.length - 1], kept.messages.length - 1));
    }
    Object.assign(kept, { text: "", pictures: [] });
    text.value = "";
    showPictures();
    store();
    await answer();
  }

  /** Ask what the conversation ends in: one model, or two side by side. */
  async function answer() {
    const stop = (running = new AbortController());
    unanswered.remove();
    const messages = kept.messages;
    const chosen = kept.second && kept.second !== kept.model ? [kept.model, kept.second] : [kept.model];
    const bubbles = chosen.map((model) => bubble("assistant", chosen.length > 1 ? visible(nameOf(model)) : "Claude"));
    const place = chosen.length > 1 ? beside(bubbles) : bubbles[0].element;
    talk.append(place);
    showSend();
    place.scrollIntoView({ block: "nearest" });
    const results = await Promise.all(chosen.map((model, i) => one(bubbles[i], body(messages, model), named(model), stop.signal, () => {
      if (running || kept.messages.length > messages.length + 1) return;
      keep(messages);
      place.remove();
      answer();
    })));
    if (running === stop) running = null;
    if (results.some(Boolean) && kept.messages === messages) {
      kept.pair = chosen.length > 1 ? { at: messages.length, names: chosen.map(nameOf), answers: results, chosen: 0 } : null;
      goOn(messages, results, bubbles, results[0] ? 0 : 1);
      const differ = differing(results);
      if (differ) place.after(differ);
      announce("The answer is complete");
    }
    store();
    showSend();
    showCode();
  }

  /**
   * Let the conversation go on from one of the answers, and offer the other.
   * @param {ChatMessage[]} before
   * @param {(Answer | null)[]} results
   * @param {import("./bubble.js").Bubble[]} bubbles
   * @param {number} chosen
   */
  function goOn(before, results, bubbles, chosen) {
    const answer = results[chosen];
    if (!answer) return;
    kept.told[before.length] = answer.told;
    if (kept.pair) kept.pair.chosen = chosen;
    keep([...before, answer.message]);
    const after = kept.messages;
    bubbles.forEach((turn, i) => {
      turn.letChange(i === chosen && answer.message.content ? (words) => change(before.length, words) : null);
      if (bubbles.length > 1) turn.choose(i === chosen, results[i] ? () => kept.messages === after && goOn(before, results, bubbles, i) : null);
    });
  }

  /**
   * @param {ReturnType<typeof bubble>} turn
   * @param {Wire} request
   * @param {Model | undefined} model
   * @param {AbortSignal} signal
   * @param {() => void} again
   * @returns {Promise<Answer | null>}
   */
  async function one(turn, request, model, signal, again) {
    const began = performance.now();
    turn.note("Waiting for the first token…");
    let first = false;
    const take = (/** @type {{ content: string, reasoning_content: string }} */ { content, reasoning_content: thought }) => {
      if (thought) turn.think(thought);
      if (content) turn.add(content);
      if (!first && (content || thought)) {
        first = true;
        turn.note(`First token after ${duration((performance.now() - began) / 1000)}`);
      }
    };
    try {
      const result = await askOnce({ ...request, ...(request.stream ? { stream_options: { include_usage: true } }
      : {}) }, { signal, take });
      const cost = costOf(model, result.usage);
      const tokens = result.usage ? ` · ${plural(result.usage.prompt_tokens, "token")} in, ${plural(result.usage.completion_tokens, "token")} out` : "";
      const told = {
        note: `First token after ${duration(result.firstToken)} · all in ${duration(result.seconds)}${tokens}${cost === null ? "" : ` · about ${money(cost)}`}`,
        reason: result.reason, id: result.id, thought: turn.thoughts(),
      };
      turn.told(told);
      turn.calls(result.calls);
      answers.push(turn);
      if (kept.formatted) turn.format(true);
      const calls = result.calls.filter(Boolean);
      return { message: { role: "assistant", content: turn.text() || null, ...(calls.length ? { tool_calls: calls } : {}) }, told };
    } catch (error) {
      if (signal.aborted) turn.note(`Stopped after ${duration((performance.now() - began) / 1000)}`);
      else {
        turn.note("");
        if (error.id) turn.more(h("a", { href: `#/log/${encodeURIComponent(error.id)}` }, "Its exchange"));
        turn.fail({ title: error.title ?? "No answer", message: error.message ?? String(error), hint: error.hint
        }, again);
      }
      return null;
    }
  }

  /**
   * Open an exchange of the log as it was asked: its last question stands in the field.
   * @param {string} id
   */
  async function from(id) {
    try {
      const request = await asRequest(await read(`/exchanges/${encodeURIComponent(id)}`));
      if (request.model === "default") request.model = "";
      halt();
      Object.assign(kept, structuredClone(BLANK), { stream: kept.stream, formatted: kept.formatted, second:
      kept.second }, request, { from: id });
      history.replaceState(null, "", "#/try");
      const last = kept.messages.length - 1;
      if (!kept.model || named(kept.model)) models.value = kept.model;
      else models.append(h("option", { value: kept.model, selected: true }, visible(kept.model)));
      showAll();
      if (kept.messages[last]?.role === "user") edit(last);
      store();
    } catch (problem) {
      show(talk, problemBox(problem));
    }
  }

  const form = h("form", { class: "ask", onsubmit: ask },
    h("label", { for: "text", class: "unseen" }, "Your message"), text, file, pictures,
    h("div", { class: "buttons" }, h("span", { class: "muted hint" }, "Enter sends, Shift+Enter starts a new line"), fresh,
      h("button", { type: "button", class: "quiet", onclick: () => file.click() }, "Add a picture"), send));
  const element = h("div", { class: "try" },
    h("h1", { class: "unseen" }, "Try it"),
    h("section", { class: "card talk-card", "aria-label": "Conversation" }, talk, form),
    h("aside", { class: "card", "aria-label": "Settings and code" },
      h("div", { class: "row" },
        h("div", { class: "field" }, h("label", { for: "model" }, "Model"), models),
        h("div", { class: "field" }, h("label", { for: "effort" }, "Effort"), effort)),
      h("div", { class: "field" }, h("label", { for: "second" }, "Beside it"), second),
      origin,
      h("div", { class: "field" }, h("label", { for: "system" }, "System prompt"), system),
      h("details", {}, h("summary", {}, "Other parameters"), h("div", { class: "field" }, h("label", { for: "others" }, "Parameters as JSON"), others, wrong,
        h("p", { class: "muted" }, "temperature and top_p are accepted and have no effect: Claude Code offers neither."))),
      h("label", { class: "check" }, stream, "Stream the answer"),
      h("label", { class: "check" }, formatted, "Show Markdown"),
      h("h2", {}, "The code for it"), code.element));

  let offered = "";
  /** @type {Model[]} */
  let values = [];
  let standard = "";

  /** The model of a value; an empty one means the bridge's default. */
  const named = (/** @type {string} */ value) => values.find((one) => one.value === (value || standard));
  const nameOf = (/** @type {string} */ value) => named(value)?.display_name || value || standard;

  /**
   * Take a model, and offer the efforts that it knows.
   * @param {string} value
   */
  function choose(value) {
    /** @type {Partial<Model>} */
    const model = named(value) ?? {};
    const efforts = [...(model.can_stop_thinking ? ["none"] : []), ...(model.efforts ?? [])];
    if (!efforts.includes(kept.effort)) kept.effort = "";
    show(effort, ["", ...efforts].map((name) => h("option", { value: name, selected: name === kept.effort }, name ? name[0].toUpperCase() + name.slice(1) : "Default")));
    effort.disabled = efforts.length === 0;
    remember("model", value);
  }

  /** @param {Live} state */
  function offer({ snapshot }) {
    [values, standard] = [snapshot.models, snapshot.default_model];
    const seen = JSON.stringify([values, standard]);
    if (seen === offered) return;
    offered = seen;
    choose(kept.model);
    show(second, h("option", { value: "" }, "No second model"), values.map((model) => h("option", { value: model.value, selected: model.value === kept.second }, visible(model.display_name || model.value))));
    /** @type {Model[]} */
    const known = !kept.model || named(kept.model) ? values : [...values, { value: kept.model }];
    show(models, h("option", { value: "", selected: !kept.model }, visible(`Default: ${nameOf("")}`)), known.map((model) => h("option", { value: model.value, selected: model.value === kept.model }, visible(model.display_name || model.value))));
  }
  live.subscribe(offer);
  showAll();
  return {
    element,
    /**
     * @param {string[]} _rest
     * @param {URLSearchParams} query
     */
    enter(_rest, query) {
      owner().then(({ has_keys }) => {
        keyed = has_keys;
        showCode();
      }, () => {}); // asking tells what is wrong
      const id = query.get("from");
      if (id) from(id);
    },
    leave() {},
  };
}
