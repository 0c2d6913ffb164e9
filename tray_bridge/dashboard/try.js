// The view Try it: a small playground that is a client of the server like any other.

import { answerInto, beside, differing } from "./answer_into.js";
import { asRequest, owner } from "./asking.js";
import { bubble } from "./bubble.js";
import { asCurl, asJavaScript, asPowerShell, asPython, codeTabs } from "./code.js";
import { ask as read, live } from "./connection.js";
import { picturesOf, textOf } from "./conversation.js";
import { announce, h, icon, problemBox, say, show } from "./dom.js";
import { named, objects, prettyJson, visible } from "./format.js";
import { BLANK, keep, kept, store } from "./kept.js";
import { baseUrl } from "./now.js";
import { pictureField } from "./picture_field.js";

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
  const text = h("textarea", { id: "text", rows: 3, dir: "auto", placeholder: "Ask something", oninput: () => remember("text", text.value), onkeydown: keys, onpaste: (/** @type {ClipboardEvent} */ event) => pictures.paste(event) });
  const stream = h("input", { type: "checkbox", id: "stream", onchange: () => remember("stream", stream.checked) });
  const formatted = h("input", { type: "checkbox", id: "formatted", onchange: format });
  const pictures = pictureField(() => remember("pictures", kept.pictures));
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
  /** @type {HTMLElement | null} */
  let trouble = null; // why an exchange could not be opened

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
    kept.pictures = picturesOf(content);
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
      const others = objects(content).filter(({ type }) => type !== "text");
      const changed = others.length ? [...(words ? [{ type: "text", text: words }] : []), ...others] : words;
      delete kept.told[index]; // it is of another text
      if (kept.pair?.at === index) kept.pair = null;
      keep(kept.messages.map((message, i) => (i === index ? { ...message, content: changed } : message)));
    }
    showAll();
  }

  /** @param {import("./bubble.js").Bubble} turn */
  function isAnswer(turn) {
    answers.push(turn);
    if (kept.formatted) turn.format(true);
  }

  /**
   * @param {ChatMessage} message
   * @param {number} index
   */
  function shown(message, index) {
    /** @type {Record<string, string>} */
    const names = named({ user: "You", assistant: "Claude", tool: "Tool result" });
    const turn = bubble(message.role, names[message.role] ?? visible(message.role), {
      onEdit: message.role === "user" ? () => edit(index) : null,
      onChange: textOf(message.content) ? (words) => change(index, words) : null,
    });
    turn.add(textOf(message.content));
    if (message.role === "assistant") {
      isAnswer(turn);
      if (kept.told[index]) turn.told(kept.told[index]);
    }
    turn.pictures(picturesOf(message.content));
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
      if (!answer) {
        turn.note("No answer");
        return turn;
      }
      turn.add(textOf(answer.message.content));
      turn.calls(answer.message.tool_calls ?? []);
      turn.told(answer.told);
      isAnswer(turn);
      return turn;
    });
    goOn(kept.messages.slice(0, at), both, turns, chosen);
    return [beside(turns), differing(both)];
  }

  /** Everything anew, from what is kept. */
  function showAll() {
    answers = [];
    const single = kept.pair ? kept.messages.slice(0, kept.pair.at) : kept.messages;
    show(talk, empty, single.map(shown), kept.pair ? shownPair(kept.pair) : null, pending() ? unanswered : null);
    [system.value, text.value, stream.checked, formatted.checked] = [kept.system, kept.text, kept.stream,
    kept.formatted];
    others.value = Object.keys(kept.others).length ? prettyJson(kept.others) : "";
    show(origin, kept.from ? ["From ", h("a", { href: `#/log/${encodeURIComponent(kept.from)}` }, "this exchange"), "."] : null);
    pictures.show();
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
    pictures.show();
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
    const results = await Promise.all(chosen.map((model, i) => answerInto(bubbles[i], body(messages, model), modelOf(model), stop.signal, () => {
      if (running || kept.messages.length > messages.length + 1) return;
      keep(messages);
      place.remove();
      answer();
    })));
    if (running === stop) running = null;
    bubbles.forEach((turn, i) => results[i] && isAnswer(turn));
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
      if (!kept.model || modelOf(kept.model)) models.value = kept.model;
      else models.append(h("option", { value: kept.model, selected: true }, visible(kept.model)));
      showAll();
      if (kept.messages[last]?.role === "user") edit(last);
      store();
    } catch (problem) {
      trouble = problemBox(problem);
      talk.prepend(trouble);
    }
  }

  const form = h("form", { class: "ask", onsubmit: ask },
    h("label", { for: "text", class: "unseen" }, "Your message"), text, pictures.input, pictures.element,
    h("div", { class: "buttons" }, h("span", { class: "muted hint" }, "Enter sends, Shift+Enter starts a new line"), fresh,
      h("button", { type: "button", class: "quiet", onclick: () => pictures.input.click() }, "Add a picture"), send));
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
  const modelOf = (/** @type {string} */ value) => values.find((one) => one.value === (value || standard));
  const nameOf = (/** @type {string} */ value) => modelOf(value)?.display_name || value || standard;

  /**
   * Take a model, and offer the efforts that it knows.
   * @param {string} value
   */
  function choose(value) {
    /** @type {Partial<Model>} */
    const model = modelOf(value) ?? {};
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
    const known = !kept.model || modelOf(kept.model) ? values : [...values, { value: kept.model }];
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
      trouble?.remove();
      const id = query.get("from");
      if (id) from(id);
    },
    leave() {},
  };
}
