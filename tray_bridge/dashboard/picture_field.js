// The pictures that go with the next question in Try it: chosen or pasted, shown small, taken away.

import { h, icon, show } from "./dom.js";
import { visible } from "./format.js";
import { kept } from "./kept.js";

/**
 * `changed()` is called when there are others. The form has `input` and `element`; `show()` draws them anew.
 * @param {() => void} changed
 */
export function pictureField(changed) {
  const input = h("input", { type: "file", id: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: true, hidden: true, onchange: () => attach([...(input.files ?? [])]) });
  const element = h("div", { class: "pictures" });

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
    input.value = "";
    changed();
    draw();
  }

  /** @param {ClipboardEvent} event */
  function paste(event) {
    const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  }

  function draw() {
    show(element, kept.pictures.map((src, i) => h("figure", {}, src.startsWith("data:image/") ? h("img", { src, alt: `Picture ${i + 1}` }) : visible(src.slice(0, 100)),
      h("button", { type: "button", class: "quiet round", "aria-label": `Remove picture ${i + 1}`, onclick: () => {
        kept.pictures = kept.pictures.filter((_, other) => other !== i);
        changed();
        draw();
      } }, icon("cross")))));
  }

  return { input, element, paste, show: draw };
}
