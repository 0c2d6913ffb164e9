// The view Keys: API keys made, limited, paused and revoked.

import { ask } from "./connection.js";
import { dialects } from "./dialects.js";
import { announce, confirmed, copyButton, h, icon, problemBox, show } from "./dom.js";
import { count, exactTime, plural, visible } from "./format.js";

export function keysView() {
  const name = h("input", { id: "key-name", required: true, maxlength: 64, autocomplete: "off", placeholder: "laptop" });
  const made = h("div", { role: "status" });
  const refused = h("div", {}); // beside a key that was made and is shown this once
  let making = false;
  const list = h("div", { class: "keys" });
  const element = h("div", { class: "key-view" },
    h("div", {}, h("h1", {}, "Keys"), h("p", { class: "muted" }, "Give each client a key of its own, and it can be limited, paused and told apart. Once there is a key, every request needs one.")),
    h("form", { class: "card make-key", onsubmit: make }, h("div", { class: "field" }, h("label", { for: "key-name" }, "Name of a new key"), name), h("button", { type: "submit", class: "primary" }, "Make a key")),
    refused, made, list);

  /**
   * @param {string} path
   * @param {{ method: string, body?: unknown }} options
   * @param {string} said
   * @param {HTMLElement} place where a problem is shown
   */
  async function change(path, options, said, place) {
    try {
      const answer = await ask(path, options);
      announce(said);
      await load();
      return answer;
    } catch (problem) {
      show(place, problemBox(problem));
      return null;
    }
  }

  /** @param {SubmitEvent} event */
  async function make(event) {
    event.preventDefault();
    if (making) return; // a second click
    making = true;
    show(refused);
    const answer = await change("/keys", { method: "POST", body: { name: name.value.trim() } }, "The key is made", refused);
    making = false;
    if (!answer) return;
    name.value = "";
    show(made, h("div", { class: "card" }, h("p", {}, `The key ${visible(answer.name)} is shown this once:`),
      h("div", { class: "copyable" }, h("code", { class: "url" }, answer.key), copyButton("Copy", () => answer.key, { "aria-label": "Copy the key" }))));
  }

  /**
   * @param {Key} key
   * @param {HTMLElement} place
   */
  async function revoke(key, place) {
    if (await confirmed(`Revoke the key ${visible(key.name)}?`, "Clients that use it are refused from now on. This cannot be undone.", "Revoke")) change(`/keys/${encodeURIComponent(key.name)}`, { method: "DELETE" }, "Revoked", place);
  }

  /**
   * @param {Key} key
   * @param {Partial<Key["limits"]>} limits
   * @param {string} said
   * @param {HTMLElement} place
   */
  const put = (key, limits, said, place) => change(`/keys/${encodeURIComponent(key.name)}`, { method: "PUT", body: limits }, said, place);

  const bar = (/** @type {string} */ what, /** @type {number} */ value, /** @type {number | null} */ most) => most === null ? null
    : h("progress", { max: most, value, "data-full": value >= most, "aria-label": `${count(value)} of ${count(most)} ${what} used` });
  const used = (/** @type {number} */ value, /** @type {number | null} */ most, /** @type {string} */ what) => (most === null ? plural(value, what) : `${count(value)} of ${plural(most, what)}`);

  /** @param {Key} key */
  function card(key) {
    const { limits, today } = key;
    const wrong = h("div", {});
    /**
     * @param {string} id
     * @param {string} words
     * @param {number | null} value
     * @returns {[HTMLInputElement, HTMLElement]}
     */
    const field = (id, words, value) => {
      const input = h("input", { id: `${id}-${key.name}`, type: "number", min: 1, max: 1e12, step: 1, value: value ?? "", placeholder: "no limit" });
      return [input, h("div", { class: "field" }, h("label", { for: `${id}-${key.name}` }, words), input)];
    };
    const [requests, requestsField] = field("requests", "Requests a day", limits.requests_per_day);
    const [tokens, tokensField] = field("tokens", "Tokens a day", limits.tokens_per_day);
    const models = h("input", { id: `models-${key.name}`, value: limits.models.join(", "), placeholder: "any model", autocomplete: "off" });
    const boxes = Object.entries(dialects).map(([value, words]) => {
      const box = h("input", { type: "checkbox", value, checked: limits.dialects.includes(value) });
      return { box, label: h("label", { class: "check" }, box, words) };
    });
    const number = (/** @type {HTMLInputElement} */ input) => (input.value === "" ? null : Number(input.value));
    const save = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      put(key, { requests_per_day: number(requests), tokens_per_day: number(tokens), models: models.value.split(",").map((one) => one.trim()).filter(Boolean), dialects: boxes.filter(({ box }) => box.checked).map(({ box }) => box.value) }, "Saved", wrong);
    };
    return h("section", { class: "card", "aria-label": `Key ${key.name}` },
      h("div", { class: "heading" }, h("h2", {}, h("bdi", {}, visible(key.name)), limits.paused ? " · paused" : ""), h("span", { class: "muted" }, `made ${exactTime(key.made_at)}`)),
      h("p", {}, `Today ${used(today.requests, limits.requests_per_day, "answer")} and ${used(today.tokens, limits.tokens_per_day, "token")}. `, h("a", { href: `#/log?key=${encodeURIComponent(key.name)}` }, "In the log")),
      bar("answers", today.requests, limits.requests_per_day), bar("tokens", today.tokens, limits.tokens_per_day),
      h("details", {}, h("summary", {}, "Limits"), h("form", { class: "limits", onsubmit: save },
        h("div", { class: "row" }, requestsField, tokensField),
        h("div", { class: "field" }, h("label", { for: `models-${key.name}` }, "Models, with commas between"), models),
        h("fieldset", {}, h("legend", {}, "Dialects, none marked for all"), boxes.map(({ label }) => label)),
        h("div", { class: "buttons end" }, h("button", { type: "submit" }, "Save")))),
      wrong,
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => put(key, { paused: !limits.paused }, limits.paused ? "It goes on" : "Paused", wrong) }, limits.paused ? "Go on" : "Pause"),
        h("button", { type: "button", class: "quiet", onclick: () => revoke(key, wrong) }, icon("bin"), "Revoke")));
  }

  async function load() {
    try {
      const { keys } = await ask("/keys");
      show(list, keys.length ? keys.map(card) : h("p", { class: "empty" }, "There are no keys: every program that you run on this machine may use the bridge."));
    } catch (problem) {
      show(list, problemBox(problem));
    }
  }

  return { element, enter: load, leave() {} };
}
