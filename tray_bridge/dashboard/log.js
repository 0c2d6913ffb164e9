// The view Log: search and filters over all exchanges, the list of what was found, one of them in full.

import { ask, live } from "./connection.js";
import { announce, confirmed, h, icon, problemBox, show } from "./dom.js";
import { exchangePane, outcomes, outcomeSign } from "./exchange.js";
import { clock, count, dayName, duration, now, plural, visible } from "./format.js";

const PAGE = 60;
const times = [["", "Any time"], [3600, "Last hour"], [86400, "Last 24 hours"], [604800, "Last 7 days"]];

export function logView() {
  const search = h("input", { type: "search", id: "search", placeholder: "Search questions, answers and tool calls", oninput: soon, autocomplete: "off", spellcheck: "false" });
  const model = h("select", { "aria-label": "Model", onchange: refresh });
  const client = h("select", { "aria-label": "Client", onchange: refresh });
  const outcome = h("select", { "aria-label": "Outcome", onchange: refresh }, option("", "Any outcome"), Object.entries(outcomes).map(([value, { word }]) => option(value, word)));
  const time = h("select", { "aria-label": "Time", onchange: refresh }, times.map(([value, word]) => option(value, word)));
  const found = h("p", { class: "muted", role: "status" });
  const list = h("div", { onkeydown: step });
  const more = h("div", { class: "more", hidden: true }, h("button", { type: "button", onclick: () => load(true) }, "Show more"));
  const clear = h("button", { type: "button", class: "quiet", onclick: deleteAll }, icon("bin"), "Delete all");
  const pane = exchangePane(() => {
    location.hash = "#/log";
    refresh();
  });
  const element = h("div", { class: "log" },
    h("div", { class: "finder" },
      h("h1", { class: "unseen" }, "Log"),
      h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
        h("div", { class: "search" }, h("label", { for: "search", class: "unseen" }, "Search"), search), model, client, outcome, time),
      h("div", { class: "results" }, h("div", { class: "heading" }, found, clear), list, more)),
    pane.element);
  let items = [];
  let total = 0;
  let open = null;
  let waiting = null;
  let asking = null;
  let mark = null;

  function option(value, words) {
    return h("option", { value }, words);
  }

  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 120);
  }

  function refresh() {
    clearTimeout(waiting);
    return load(false);
  }

  async function load(further) {
    asking?.abort();
    const own = (asking = new AbortController());
    const wanted = { text: search.value.trim(), model: model.value, client: client.value, outcome: outcome.value, since: time.value && Math.floor(now() - time.value) };
    const query = new URLSearchParams({ limit: further ? PAGE : Math.max(PAGE, Math.min(items.length, 5 * PAGE)), offset: further ? items.length : 0 });
    for (const [name, value] of Object.entries(wanted)) if (value) query.set(name, value);
    try {
      const page = await ask(`/exchanges?${query}`, { signal: own.signal });
      items = further ? [...items, ...page.exchanges] : page.exchanges;
      total = page.total;
      render(Object.values(wanted).some(Boolean));
    } catch (problem) {
      if (problem.name !== "AbortError") show(list, problemBox(problem));
    }
  }

  async function loadFilters() {
    try {
      const { models, clients } = await ask("/filters");
      for (const [select, all, values] of [[model, "Any model", models], [client, "Any client", clients]]) {
        const chosen = select.value;
        show(select, option("", all), values.map((value) => option(value, visible(value))));
        select.value = values.includes(chosen) ? chosen : "";
      }
    } catch {
      // The list itself tells what is wrong.
    }
  }

  function row(item) {
    const seconds = item.timings?.end_s;
    const told = [visible(item.client ?? ""), item.model && visible(item.model), item.error && visible(item.error)].filter(Boolean);
    return h("li", {}, h("a", { href: `#/log/${encodeURIComponent(item.id)}`, "data-id": item.id },
      outcomeSign(item.outcome),
      h("bdi", { class: "asked" }, visible(item.question || item.answer || "No text")),
      h("span", { class: "number" }, clock(item.at)),
      h("span", { class: "told" }, told.join(" · ")),
      h("span", { class: "number" }, seconds === undefined || seconds === null ? "" : duration(seconds))));
  }

  function render(filtered) {
    found.textContent = total === 0 ? (filtered ? "Nothing fits." : "") : filtered ? `${count(total)} found` : plural(total, "exchange");
    clear.hidden = filtered || total === 0;
    more.hidden = items.length >= total;
    const focused = document.activeElement?.dataset?.id;
    const days = Map.groupBy ? Map.groupBy(items, dayOf) : grouped(items);
    show(list, total === 0 && !filtered ? h("p", { class: "empty" }, "The log is empty. Every request that comes in is kept here, unless the tray says otherwise.") : null,
      [...days].map(([day, group]) => h("section", { "aria-label": dayName(group[0].at) },
        h("div", { class: "day" }, h("h2", {}, dayName(group[0].at)),
          h("button", { type: "button", class: "quiet round", "aria-label": `Delete all of ${dayName(group[0].at)}`, title: "Delete this day", onclick: () => deleteDay(day, group[0].at) }, icon("bin"))),
        h("ul", { class: "rows" }, group.map(row)))));
    showOpen();
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  // The day is the folder's name, so that what is deleted is what stands under the heading.
  const dayOf = (item) => item.file.split("/")[0];

  function grouped(all) {
    const days = new Map();
    for (const item of all) days.set(dayOf(item), [...(days.get(dayOf(item)) ?? []), item]);
    return days;
  }

  function showOpen() {
    for (const link of list.querySelectorAll("a")) {
      if (link.dataset.id === open) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const links = [...list.querySelectorAll(".rows a")];
    const next = links[links.indexOf(document.activeElement) + by];
    if (!by || !next || !document.activeElement.matches(".rows a")) return;
    event.preventDefault();
    next.focus();
  }

  function slash(event) {
    if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
    event.preventDefault();
    search.focus();
  }

  async function remove(path, title, message) {
    if (!(await confirmed(title, message, "Delete"))) return;
    try {
      const { deleted } = await ask(path, { method: "DELETE" });
      announce(`${plural(deleted, "exchange")} deleted`);
      if (open) location.hash = "#/log";
      await refresh();
      await loadFilters();
    } catch (problem) {
      show(list, problemBox(problem));
    }
  }

  function deleteAll() {
    remove("/exchanges?all=true", "Delete the whole log?", `All ${plural(total, "exchange")} and their images are removed from the log folder. This cannot be undone.`);
  }

  function deleteDay(day, at) {
    remove(`/exchanges?day=${day}`, `Delete all of ${dayName(at)}?`, "Every exchange of that day is removed from the log folder. This cannot be undone.");
  }

  // A request that begins or ends changes the list; the log writes it a moment later.
  let later = null;
  const unsubscribe = live.subscribe(({ snapshot }) => {
    const next = `${snapshot.served} ${snapshot.failed} ${snapshot.requests.map((request) => request.id).join()}`;
    if (mark !== null && next !== mark) {
      clearTimeout(later);
      later = setTimeout(() => items.length <= 5 * PAGE && refresh(), 400);
    }
    mark = next;
  });
  addEventListener("keydown", slash);
  show(model, option("", "Any model"));
  show(client, option("", "Any client"));
  loadFilters();
  let entered = false;
  return {
    element,
    enter([id], query) {
      if (!entered || query.has("outcome")) {
        outcome.value = query.get("outcome") ?? "";
        refresh();
      }
      entered = true;
      open = id ?? null;
      element.toggleAttribute("data-open", open !== null);
      pane.open(open);
      showOpen();
      if (open !== null) pane.element.focus({ preventScroll: true });
    },
    leave() {
      asking?.abort();
      clearTimeout(waiting);
      clearTimeout(later);
      removeEventListener("keydown", slash);
      unsubscribe();
      pane.close();
    },
  };
}
