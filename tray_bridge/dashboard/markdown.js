// Markdown as elements: text nodes alone, no markup of others is ever parsed. What it does not know stays text.

import { h } from "./dom.js";
import { visible } from "./format.js";

const INLINE = /(`+)([\s\S]*?[^`])\1(?!`)|\*\*(?=\S)([\s\S]*?\S)\*\*|(?<![\w*])\*(?=[^\s*])([^*]*?[^\s*])\*(?!\w)|(?<!\w)_(?=\S)([^_]*?\S)_(?!\w)|\[([^\]\n]*)\]\((https?:\/\/[^\s)]+)\)/;

/**
 * Emphasis, code and links to the web in a run of text.
 * @param {string} text
 * @returns {Child[]}
 */
function inline(text) {
  const found = INLINE.exec(text);
  if (!found) return [visible(text)];
  const [whole, , code, strong, starred, lined, words, address] = found;
  const element = code !== undefined ? h("code", {}, visible(code))
    : strong !== undefined ? h("strong", {}, inline(strong))
      : address !== undefined ? h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, visible(words || address))
        : h("em", {}, inline(starred ?? lined));
  return [visible(text.slice(0, found.index)), element, ...inline(text.slice(found.index + whole.length))];
}

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

/**
 * @param {string[]} lines
 * @returns {HTMLElement}
 */
function list(lines) {
  const [, indent = "", mark = "-"] = ITEM.exec(lines[0]) ?? [];
  /** @type {[string, string[]][]} */
  const items = [];
  const depth = indent.length;
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= depth) items.push([item[3], []]);
    else items[items.length - 1][1].push(line);
  }
  const inner = items.map(([text, more]) => h("li", {}, inline(text), more.length ? (ITEM.test(more[0]) ? list(more) : inline(` ${more.map((line) => line.trim()).join(" ")}`)) : null));
  return /\d/.test(mark) ? h("ol", { start: parseInt(mark, 10) }, inner) : h("ul", {}, inner);
}

/**
 * The elements of a text in Markdown: headings, lists, code, quotes, emphasis and links.
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function markdown(text) {
  const lines = text.split("\n");
  /** @type {HTMLElement[]} */
  const out = [];
  let i = 0;
  const take = (/** @type {(line: string, n: number) => unknown} */ fits) => {
    const from = i;
    while (i < lines.length && fits(lines[i], i - from)) i += 1;
    return lines.slice(from, i);
  };
  while (i < lines.length) {
    const fence = /^\s*(`{3,}|~{3,})/.exec(lines[i]);
    const heading = /^(#{1,6})\s+(.*)$/.exec(lines[i]);
    if (!lines[i].trim()) i += 1;
    else if (fence) {
      i += 1;
      const code = take((line) => !line.trim().startsWith(fence[1]));
      i += 1;
      out.push(h("pre", { class: "code wrap", tabindex: 0 }, visible(code.join("\n"))));
    } else if (heading) {
      // Under the page's own headings, whatever their number.
      out.push(h(heading[1].length < 3 ? "h4" : "h5", {}, inline(heading[2])));
      i += 1;
    } else if (ITEM.test(lines[i])) out.push(list(take((line, n) => ITEM.test(line) || (n > 0 && /^\s+\S/.test(line)))));
    else if (lines[i].startsWith(">")) out.push(h("blockquote", {}, markdown(take((line) => line.startsWith(">")).map((line) => line.replace(/^> ?/, "")).join("\n"))));
    else out.push(h("p", {}, inline(take((line, n) => line.trim() && (n === 0 || (!ITEM.test(line) && !/^(#{1,6}\s|>|\s*(```|~~~))/.test(line)))).join("\n"))));
  }
  return out;
}
