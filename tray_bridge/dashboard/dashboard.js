// The page's frame: which view is shown, the state in the header, the theme.

import { connectView } from "./connect.js";
import { access, ask, live } from "./connection.js";
import { doctorView } from "./doctor.js";
import { announce, fixed, h, icon, say, show } from "./dom.js";
import { named } from "./format.js";
import { keysView } from "./keys.js";
import { logView } from "./log.js";
import { nowView } from "./now.js";
import { startView } from "./start.js";
import { tryView } from "./try.js";
import { usageView } from "./usage.js";

/** @type {Record<string, () => View>} */
const views = named({ now: nowView, log: logView, usage: usageView, try: tryView, connect: connectView, keys: keysView, doctor: doctorView, start: startView });
/** @type {Record<string, string>} */
const titles = { now: "Now", log: "Log", usage: "Usage", try: "Try it", connect: "Connect", keys: "Keys", doctor: "Doctor", start: "Start" };
const main = fixed("main");
/** @type {{ name: string, view: View } | null} */
let current = null;

// Where the row of views is wider than its place, the end behind which there is more fades.
const row = /** @type {HTMLElement} */ (document.querySelector(".top nav"));
function fade() {
  row.toggleAttribute("data-before", row.scrollLeft > 4);
  row.toggleAttribute("data-after", row.scrollLeft + row.clientWidth < row.scrollWidth - 4);
}
row.addEventListener("scroll", fade, { passive: true });
new ResizeObserver(fade).observe(row);

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // an address that was cut or typed
  }
}

/** `#/log/ID?outcome=error` → the view `log`, told `ID` and the query. A view is `{element, enter(rest, query), leave()}`. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [name, ...rest] = path.split("/").map(decoded);
  const known = name in views ? name : "now";
  if (known !== current?.name) {
    current?.view.leave();
    current = { name: known, view: views[known]() };
    show(main, current.view.element);
    main.dataset.view = known;
    document.title = `${titles[known]} · Tray Bridge`;
    for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("nav a"))) {
      if (link.dataset.view === known) {
        link.setAttribute("aria-current", "page");
        // The row scrolls where it is narrow. `scrollIntoView` would move the point from which Tab goes on.
        row.scrollLeft = link.offsetLeft - row.clientWidth / 2;
      } else link.removeAttribute("aria-current");
    }
    scrollTo(0, 0);
    announce(titles[known]);
  }
  current.view.enter(rest, new URLSearchParams(query));
}

/** @param {Live} state */
function showState({ snapshot, connected }) {
  const element = fixed("state");
  const { word, text: said } = snapshot.health;
  const known = ["ready", "busy", "starting", "stopping", "stopped"].includes(word);
  const state = !connected ? "away" : word === "failed" ? "error" : known ? word : "warn";
  const text = !connected ? "Not reachable" : word === "busy" ? `Busy · ${snapshot.requests.length}` : said;
  if (element.dataset.state === state && element.textContent === text) return;
  element.dataset.state = state;
  show(element, h("span", { class: "dot", "aria-hidden": "true" }), h("span", {}, text));
}

// The theme follows the system until a person chooses; the choice is kept in this browser.
const themes = ["system", "light", "dark"];
/** @type {Record<string, string>} */
const themeIcons = { system: "screen", light: "sun", dark: "moon" };

/** @param {string} theme */
function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const button = fixed("theme");
  button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
  button.title = `Theme: ${theme}`;
  show(button, icon(themeIcons[theme]));
}

function storedTheme() {
  try {
    return themes.includes(localStorage.theme) ? localStorage.theme : "system";
  } catch {
    return "system"; // storage is switched off
  }
}

let theme = storedTheme();
showTheme(theme);
fixed("theme").addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  try {
    localStorage.theme = theme;
  } catch {
    // It holds until the page is closed, then.
  }
  showTheme(theme);
  announce(`Theme: ${theme}`);
});

access.denied = () => {
  if (document.querySelector("dialog.sign-in")) return;
  const key = h("input", { type: "password", id: "own-key", autocomplete: "off", required: true });
  const wrong = h("p", { role: "alert" });
  const dialog = h("dialog", { class: "sign-in", "aria-labelledby": "sign-in", oncancel: (/** @type {Event} */ event) => event.preventDefault() },
    h("form", { onsubmit: enter },
      h("h2", { id: "sign-in" }, "This server has API keys"),
      h("p", {}, "Enter one of them to see the page, or open it from the tray."),
      h("div", { class: "field" }, h("label", { for: "own-key" }, "API key"), key), wrong,
      h("div", { class: "buttons end" }, h("button", { type: "submit", class: "primary" }, "Open"))));
  /** @param {SubmitEvent} event */
  async function enter(event) {
    event.preventDefault();
    try {
      await ask("/sign-in", { method: "POST", body: { key: key.value } });
      location.reload();
    } catch (problem) {
      say(wrong, problem.message);
    }
  }
  document.body.append(dialog);
  dialog.showModal();
};

document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", route);
live.subscribe(showState);
live.open();
route();
