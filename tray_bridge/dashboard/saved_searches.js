// The searches of the log that a person keeps.

import { announce, h, icon, show } from "./dom.js";
import { visible } from "./format.js";

const MOST = 20;

/**
 * Searches that a person keeps, in this browser: `address()` and `name()` are those of the search that is open.
 * @param {() => string} address
 * @param {() => string} name
 */
export function savedSearches(address, name) {
  const list = h("ul", { class: "saved-list" });
  const keep = h("button", { type: "button", class: "quiet", onclick: save }, "Save this search");
  const element = h("div", { class: "saved" }, list, keep);

  /** @returns {{ name: string, address: string }[]} */
  function read() {
    try {
      const all = JSON.parse(localStorage.searches ?? "[]");
      return all.filter((/** @type {any} */ one) => typeof one?.name === "string" && one.address?.startsWith?.("#/log"));
    } catch {
      return []; // storage is switched off, or spoilt
    }
  }

  /** @param {{ name: string, address: string }[]} searches */
  function write(searches) {
    try {
      localStorage.searches = JSON.stringify(searches);
    } catch {
      announce("This browser stores nothing");
    }
    update();
  }

  function save() {
    const full = read().length >= MOST;
    write([...read().filter((one) => one.address !== address()), { name: name(), address: address() }].slice(-MOST));
    announce(full ? "Saved; the oldest one has gone" : "Saved");
  }

  function update() {
    const searches = read();
    keep.hidden = !name() || searches.some((one) => one.address === address());
    show(list, searches.map((one) => h("li", {}, h("a", { href: one.address, "aria-current": one.address === address() ? "page" : null }, visible(one.name)),
      h("button", { type: "button", class: "quiet round", "aria-label": `Forget the search ${visible(one.name)}`, title: "Forget it", onclick: () => write(read().filter((other) => other.address !== one.address)) }, icon("cross")))));
    element.hidden = keep.hidden && !searches.length;
  }

  update();
  return { element, update };
}
