// The view Connect: the settings of each client, and a light that tells whether its requests arrive.

import { ask, live } from "./connection.js";
import { copyButton, h, problemBox, show } from "./dom.js";
import { lamp } from "./lamp.js";
import { setUpButton } from "./set_up.js";

export function connectView() {
  const list = h("ul", { class: "clients" });
  const detail = h("section", { class: "card detail", "aria-live": "off" });
  const element = h("div", { class: "connect" },
    h("div", { class: "intro" }, h("h1", {}, "Connect a client"), h("p", { class: "muted" }, "Choose a program to see its settings. Its lamp turns green when its first request is answered.")),
    h("nav", { "aria-label": "Clients" }, list), detail);
  const lights = new Map();
  let clients = [];
  let setups = [];
  let seen = {};
  let chosen = null;
  let served = null;
  let left = false;

  function light(client) {
    const made = lamp();
    made.update(seen[client.name], client.recognised);
    return made;
  }

  function showList() {
    lights.clear();
    show(list, clients.map((client) => {
      const own = light(client);
      lights.set(client.id, [own]);
      return h("li", {}, h("a", { href: `#/connect/${client.id}`, "data-id": client.id }, own.dot, h("span", { class: "name" }, client.name), own.words));
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
    const own = light(client);
    lights.get(client.id)[1] = own;
    const settable = setups.find((one) => one.name === client.name);
    show(detail, h("div", { class: "heading" }, h("h2", {}, client.name), h("span", { class: "lamp" }, own.dot, own.words)),
      settable ? h("div", { class: "buttons" }, setUpButton(settable, loadSetups)) : null,
      h("div", { class: "snippet" },
        h("div", { class: "heading" }, h("p", { class: "muted" }, `${client.where[0].toUpperCase()}${client.where.slice(1)}`), copyButton("Copy", () => client.settings, { "aria-label": "Copy the settings" })),
        h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": `Settings for ${client.name}` }, h("code", {}, client.settings))),
      client.recognised ? null : h("p", { class: "muted" }, "Its requests bear the name of the library that it uses, so it has no light of its own."));
  }

  async function loadSetups() {
    setups = (await ask("/setup")).clients;
    if (clients.length && !left) showChosen();
  }

  async function load() {
    try {
      const fresh = (await ask("/connect")).clients;
      seen = (await ask("/lamps")).lamps;
      if (left) return;
      if (!clients.length) {
        clients = fresh;
        showList();
        showChosen();
      }
      for (const client of fresh) for (const own of lights.get(client.id) ?? []) own.update(seen[client.name], client.recognised);
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
  loadSetups().catch(() => {}); // the settings to copy are there without it
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
