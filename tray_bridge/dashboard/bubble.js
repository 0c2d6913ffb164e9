// One message of the conversation in Try it: its text, reasoning, calls and how it ended.

import { h, problemBox, say, show } from "./dom.js";
import { named, objects, visible } from "./format.js";
import { markdown } from "./markdown.js";

/** @typedef {ReturnType<typeof bubble>} Bubble */

/** @type {Record<string, string>} */
const reasons = named({ stop: "the end of the answer", length: "the token limit", tool_calls: "a tool call", content_filter: "a refusal" });

/**
 * A message in the conversation. `onEdit` puts it back into the field, `onChange(text)` takes another text in its place.
 * @param {string} role
 * @param {string} name
 * @param {{ onEdit?: (() => void) | null, onChange?: ((text: string) => void) | null }} may
 */
export function bubble(role, name, { onEdit = null, onChange = null } = {}) {
  const text = h("div", { class: "text", dir: "auto" });
  const thought = h("div", { class: "text", dir: "auto" });
  const reasoning = h("details", { class: "reasoning", hidden: true }, h("summary", {}, "Reasoning"), thought);
  const calls = h("div", {});
  const note = h("p", { class: "muted note" });
  const more = h("p", { class: "muted ending" });
  const trouble = h("div", {});
  const edit = onEdit ? h("button", { type: "button", class: "quiet", title: "Back to this question: what follows it goes", onclick: onEdit }, "Edit") : null;
  const change = h("button", { type: "button", class: "quiet", title: "Put another text here: what follows stays", hidden: !onChange, onclick: () => changeable() }, "Change");
  const choice = h("p", { class: "muted" });
  const element = h("article", { class: `turn ${role}` }, h("h3", {}, h("span", {}, name), edit, change), reasoning, text, calls, trouble, note, more, choice);
  let content = "";
  let thinking = "";

  /** Put a field in place of the text. */
  function changeable() {
    const field = h("textarea", { class: "changed", rows: Math.min(20, content.split("\n").length + 1), dir: "auto", "aria-label": `Text of ${name}`, value: content });
    const done = () => onChange?.(field.value);
    const form = h("form", { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), done()) }, field,
      h("div", { class: "buttons end" }, h("button", { type: "button", class: "quiet", onclick: () => onChange?.(content) }, "Leave it"), h("button", { type: "submit" }, "Take it")));
    change.hidden = true;
    show(text, form);
    field.focus();
  }

  return {
    element,
    /** @param {((text: string) => void) | null} taken */
    letChange(taken) {
      onChange = taken;
      change.hidden = !taken;
    },
    text: () => content,
    /** @param {string} piece */
    add(piece) {
      content += piece;
      text.append(visible(piece));
    },
    pictures: (/** @type {string[]} */ urls) => urls.forEach((src) => text.append(src.startsWith("data:image/") ? h("img", { src, alt: "Picture" }) : h("p", { class: "muted" }, `Picture: ${visible(src.slice(0, 300))}`))),
    calls: (/** @type {ChatCall[]} */ made) => show(calls, objects(made).map(({ function: call }) => h("pre", { class: "code wrap", tabindex: 0 }, visible(`${call?.name}(${call?.arguments})`)))),
    /** @param {boolean} on */
    format(on) {
      text.classList.toggle("formatted", on);
      show(text, on ? markdown(content) : visible(content));
    },
    /** @param {string} piece */
    think(piece) {
      reasoning.hidden = false;
      thinking += piece;
      thought.append(visible(piece));
    },
    /**
     * Say whether the conversation goes on from this answer; if not, `onChoose` lets it.
     * @param {boolean} chosen
     * @param {(() => void) | null} onChoose
     */
    choose(chosen, onChoose) {
      element.classList.toggle("chosen", chosen);
      show(choice, chosen ? "The conversation goes on from this answer." : onChoose ? h("button", { type: "button", onclick: onChoose }, "Go on with this one") : null);
    },
    note: (/** @type {string} */ words) => say(note, words),
    more: (/** @type {Child[]} */ ...parts) => show(more, parts),
    /** How the answer came to its end, as it stands under it. */
    told(/** @type {Told} */ { note: words, reason, id, thought: thoughts }) {
      say(note, words);
      show(more, `Ended by ${reasons[reason ?? ""] ?? reason ?? "an unknown reason"}`, id ? [" · ", h("a", { href: `#/log/${encodeURIComponent(id)}` }, "its exchange")] : "");
      reasoning.hidden = !thoughts;
      say(thought, visible(thoughts));
    },
    thoughts: () => thinking,
    fail: (/** @type {Trouble} */ problem, /** @type {() => void} */ again) => show(trouble, problemBox(problem), h("div", { class: "buttons" }, h("button", { type: "button", onclick: again }, "Try again"))),
  };
}
