// One message of the conversation in Try it: its text, reasoning, calls and how it ended.

import { h, problemBox, say, show } from "./dom.js";
import { visible } from "./format.js";
import { markdown } from "./markdown.js";

/**
 * A message in the conversation. `onEdit` puts it back into the field.
 * @param {string} role
 * @param {string} name
 * @param {(() => void) | null} onEdit
 */
export function bubble(role, name, onEdit = null) {
  const text = h("div", { class: "text", dir: "auto" });
  const thought = h("div", { class: "text", dir: "auto" });
  const reasoning = h("details", { class: "reasoning", hidden: true }, h("summary", {}, "Reasoning"), thought);
  const calls = h("div", {});
  const note = h("p", { class: "muted note" });
  const more = h("p", { class: "muted ending" });
  const trouble = h("div", {});
  const edit = onEdit ? h("button", { type: "button", class: "quiet", onclick: onEdit }, "Edit") : null;
  const element = h("article", { class: `turn ${role}` }, h("h3", {}, h("span", {}, name), edit), reasoning, text, calls, trouble, note, more);
  let content = "";
  return {
    element,
    text: () => content,
    /** @param {string} piece */
    add(piece) {
      content += piece;
      text.append(visible(piece));
    },
    pictures: (/** @type {string[]} */ urls) => urls.forEach((src) => text.append(h("img", { src, alt: "Picture" }))),
    calls: (/** @type {ChatCall[]} */ made) => show(calls, made.filter(Boolean).map((call) => h("pre", { class: "code wrap", tabindex: 0 }, visible(`${call.function.name}(${call.function.arguments})`)))),
    /** @param {boolean} on */
    format(on) {
      text.classList.toggle("formatted", on);
      show(text, on ? markdown(content) : visible(content));
    },
    /** @param {string} piece */
    think(piece) {
      reasoning.hidden = false;
      thought.append(visible(piece));
    },
    note: (/** @type {string} */ words) => say(note, words),
    more: (/** @type {Child[]} */ ...parts) => show(more, parts),
    fail: (/** @type {Trouble} */ problem, /** @type {() => void} */ again) => show(trouble, problemBox(problem), h("div", { class: "buttons" }, h("button", { type: "button", onclick: again }, "Try again"))),
  };
}
