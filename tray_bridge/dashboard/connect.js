// The view Connect: the settings of each client, and a light that tells whether its requests arrive.

import { owner } from "./asking.js";
import { ask, live } from "./connection.js";
import { announce, copyButton, h, problemBox, show } from "./dom.js";
import { lamp } from "./lamp.js";
import { setUpButton } from "./set_up.js";

export function connectView() {
  const list = h("ul", { class: "clients" });
  const detail = h("section", { class: "card detail", "aria-live": "off" });
  const element = h("div", { class: "connect" },
    h("div", { class: "intro" }, h("h1", {}, "Connect a client"), h("p", { class: "muted" }, "Choose a program to see its settings. Its lamp turns green when its first request is answered.")),
    h("nav", { "aria-label": "Clients" }, list), detail);
  /** @type {Map<string, ReturnType<typeof lamp>[]>} */
  const lights = new Map();
  /** @type {Client[]} */
  let clients = [];
  /** @type {SetupClient[]} */
  let setups = [];
  /** @type {Record<string, Seen>} */
  let seen = {};
  /** @type {string | null} */
  let chosen = null;
  /** @type {string | null} */
  let served = null;
  let left = false;
  let keyed = false;
  /** @type {Map<string, string>} */
  const made = new Map(); // keys made here, by client: shown until the view is left

  const settingsOf = (/** @type {Client} */ client) => client.settings.replaceAll("YOUR-KEY", made.get(client.id) ?? "YOUR-KEY");

  /**
   * Make a key that is named after the client, and put it into the settings.
   * @param {Client} client
   * @param {Element} place
   */
  async function makeKey(client, place) {
    try {
      const taken = new Set((await ask("/keys")).keys.map((/** @type {Key} */ key) => key.name));
      const plain = client.name.replace(/[^\w.@ -]/g, "");
      let name = plain;
      for (let i = 2; taken.has(name); i++) name = `${plain} ${i}`;
      made.set(client.id, (await ask("/keys", { method: "POST", body: { name } })).key);
      announce(`The key ${name} is made`);
      if (!left && chosenClient() === client) showChosen();
    } catch (problem) {
      show(place, problemBox(problem));
    }
  }

  /**
   * Keys are kept as hashes, so that none can be shown again: a new one takes the place of YOUR-KEY.
   * @param {Client} client
   */
  function keyOffer(client) {
    if (!keyed || !client.settings.includes("YOUR-KEY")) return null;
    if (made.has(client.id)) return h("p", { class: "muted", role: "status" }, "A new key is in it. It is shown this once; ", h("a", { href: "#/keys" }, "Keys"), " can limit or revoke it.");
    const wrong = h("div");
    return h("div", {}, h("div", { class: "row" }, h("p", { class: "muted" }, "This bridge has API keys: put one of yours in place of YOUR-KEY, or"),
      h("button", { type: "button", onclick: () => makeKey(client, wrong) }, "Make a key for it")), wrong);
  }

  const chosenClient = () => clients.find((one) => one.id === chosen) ?? clients[0];

  /** @param {Client} client */
  function light(client, linked = true) {
    const own = lamp(linked);
    own.update(seen[client.name], client.recognised);
    return own;
  }

  function showList() {
    lights.clear();
    show(list, clients.map((client) => {
      const own = light(client, false);
      lights.set(client.id, [own]);
      return h("li", {}, h("a", { href: `#/connect/${client.id}`, "data-id": client.id }, own.dot, h("span", { class: "name" }, client.name), own.words));
    }));
  }

  function showChosen() {
    for (const link of list.querySelectorAll("a")) {
      if (link.dataset.id === chosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const client = chosenClient();
    if (!client) return;
    if (!chosen) list.querySelector("a")?.setAttribute("aria-current", "true");
    const own = light(client);
    lights.set(client.id, [...(lights.get(client.id) ?? []).slice(0, 1), own]);
    const settable = setups.find((one) => one.name === client.name);
    show(detail, h("div", { class: "heading" }, h("h2", {}, client.name), h("span", { class: "lamp" }, own.dot, own.words)),
      settable ? h("div", { class: "buttons" }, setUpButton(settable, loadSetups)) : null,
      h("div", { class: "snippet" },
        h("div", { class: "heading" }, h("p", { class: "muted" }, `${client.where[0].toUpperCase()}${client.where.slice(1)}`), copyButton("Copy", () => settingsOf(client), { "aria-label": "Copy the settings" })),
        h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": `Settings for ${client.name}` }, h("code", {}, settingsOf(client))),
        keyOffer(client)),
      client.recognised ? null : h("p", { class: "muted" }, "Its requests carry the name of the library that it uses, so it has no lamp of its own."));
  }

  async function loadSetups() {
    setups = (await ask("/setup")).clients;
    if (clients.length && !left) showChosen();
  }

  async function load() {
    try {
      const fresh = (await ask("/connect")).clients;
      seen = (await ask("/lamps")).lamps;
      keyed = (await owner()).has_keys;
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
    /** @param {string[]} rest */
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
