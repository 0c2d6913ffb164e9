// The view Connect: the settings of each client, and a light that tells whether its requests arrive.

import { ask, live } from "./connection.js";
import { copyButton, h, problemBox, say, show } from "./dom.js";
import { ago } from "./format.js";

export function connectView() {
  const list = h("ul", { class: "clients" });
  const detail = h("section", { class: "card detail", "aria-live": "off" });
  const element = h("div", { class: "connect" },
    h("div", { class: "intro" }, h("h1", {}, "Connect a client"), h("p", { class: "muted" }, "Choose a program to see its settings. Its light turns green when its first request arrives.")),
    h("nav", { "aria-label": "Clients" }, list), detail);
  const lights = new Map();
  let clients = [];
  let chosen = null;
  let served = null;
  let left = false;

  function light(client) {
    const dot = h("span", { class: "light", "aria-hidden": "true" });
    const words = h("span", { class: "muted" });
    const update = ({ seen_at: at, recognised }) => {
      dot.classList.toggle("on", at !== null);
      dot.classList.toggle("none", !recognised);
      say(words, !recognised ? "" : at === null ? "not yet heard" : `heard ${ago(at)}`);
    };
    update(client);
    return { dot, words, update };
  }

  function showList() {
    lights.clear();
    show(list, clients.map((client) => {
      const lamp = light(client);
      lights.set(client.id, [lamp]);
      return h("li", {}, h("a", { href: `#/connect/${client.id}`, "data-id": client.id }, lamp.dot, h("span", { class: "name" }, client.name), lamp.words));
    }));
  }

  function showChosen() {
    for (const link of list.querySelectorAll("a")) {
      if (link.dataset.id === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const client = clients.find((one) => one.id === chosen) ?? clients[0];
    if (!client) return;
    if (!chosen) list.querySelector("a").setAttribute("aria-current", "true");
    const lamp = light(client);
    lights.get(client.id)[1] = lamp;
    show(detail, h("div", { class: "heading" }, h("h2", {}, client.name), h("span", { class: "lamp" }, lamp.dot, lamp.words)),
      h("div", { class: "snippet" },
        h("div", { class: "heading" }, h("p", { class: "muted" }, `${client.where[0].toUpperCase()}${client.where.slice(1)}`), copyButton("Copy", () => client.settings, { "aria-label": "Copy the settings" })),
        h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": `Settings for ${client.name}` }, h("code", {}, client.settings))),
      client.recognised ? null : h("p", { class: "muted" }, "Its requests bear the name of the library that it uses, so it has no light of its own."));
  }

  async function load() {
    try {
      const fresh = (await ask("/connect")).clients;
      if (left) return;
      if (!clients.length) {
        clients = fresh;
        showList();
        showChosen();
      }
      for (const client of fresh) for (const lamp of lights.get(client.id) ?? []) lamp.update(client);
    } catch (problem) {
      if (!clients.length && !left) show(detail, problemBox(problem));
    }
  }

  // A request that begins or ends may be some client's first.
  const unsubscribe = live.subscribe(({ snapshot }) => {
    const mark = `${snapshot.served} ${snapshot.failed} ${snapshot.requests.length}`;
    if (mark !== served) load();
    served = mark;
  });
  const tick = setInterval(load, 20000);
  if (served === null) load();
  return {
    element,
    enter([id]) {
      chosen = id ?? null;
      if (clients.length) showChosen();
      // Where the settings stand below the list, they would be out of sight.
      if (id && matchMedia("(max-width: 899px)").matches) detail.scrollIntoView({ block: "nearest" });
    },
    leave() {
      left = true;
      unsubscribe();
      clearInterval(tick);
    },
  };
}
