// The view Log: search and filters over all exchanges, the list of what was found, one of them in full.

import { ask, live } from "./connection.js";
import { dialects } from "./dialects.js";
import { announce, confirmed, h, icon, problemBox, say, show } from "./dom.js";
import { exchangePane, outcomes, outcomeSign } from "./exchange.js";
import { clock, count, dayName, duration, now, plural, visible } from "./format.js";
import { savedSearches } from "./saved_searches.js";

const PAGE = 60;
// What the address keeps: `#/log/ID?text=…&model=…`.
const FIELDS = ["text", "model", "client", "key", "outcome", "dialect", "time", "thread"];
/** @type {[string | number, string][]} */
const times = [["", "Any time"], [3600, "Last hour"], [86400, "Last 24 hours"], [604800, "Last 7 days"]];

export function logView() {
  const search = h("input", { type: "search", id: "search", maxlength: 1000, placeholder: "Search questions, answers and tool calls", oninput: soon, autocomplete: "off", spellcheck: "false" });
  const model = h("select", { "aria-label": "Model", onchange: chosen });
  const client = h("select", { "aria-label": "Client", onchange: chosen });
  const key = h("select", { "aria-label": "Key", onchange: chosen, hidden: true });
  const dialect = h("select", { "aria-label": "Dialect", onchange: chosen, hidden: true });
  const outcome = h("select", { "aria-label": "Outcome", onchange: chosen }, option("", "Any outcome"), Object.entries(outcomes).map(([value, { word }]) => option(value, word)));
  const time = h("select", { "aria-label": "Time", onchange: chosen }, times.map(([value, word]) => option(value, word)));
  let thread = "";
  let picking = ""; // the exchange for which another one is chosen, to compare them
  let second = ""; // the exchange that the open one is compared with
  /** @type {Record<string, HTMLInputElement | HTMLSelectElement>} */
  const controls = { text: search, model, client, key, outcome, dialect, time };
  const value = (/** @type {string} */ field) => (field === "thread" ? thread : controls[field].value.trim());
  const found = h("p", { class: "muted", role: "status" });
  const list = h("div", { onkeydown: step });
  const more = h("div", { class: "more", hidden: true }, h("button", { type: "button", onclick: () => load(true) }, "Show more"));
  const exports = h("p", { class: "exports muted" });
  const clear = h("button", { type: "button", class: "quiet", onclick: deleteAll }, icon("bin"), "Delete all");
  const saved = savedSearches(() => address(null), () => name());
  const pane = exchangePane(() => {
    location.hash = address(null);
    refresh();
  }, address);
  const picker = h("p", { class: "card picker", hidden: true }, h("span", {}, "Choose the exchange to compare with."), h("button", { type: "button", class: "quiet", onclick: stopPicking }, "Cancel"));
  const talked = h("p", { class: "muted talked", hidden: true });
  const element = h("div", { class: "log" },
    h("div", { class: "finder" },
      h("h1", { class: "unseen" }, "Log"),
      h("form", { class: "filters", role: "search", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
        h("div", { class: "search" }, h("label", { for: "search", class: "unseen" }, "Search"), search), model, client, outcome, time, key, dialect),
      saved.element,
      h("div", { class: "results" }, h("div", { class: "heading" }, found, clear), talked, exports, picker, list, more)),
    pane.element);
  /** @type {Summary[]} */
  let items = [];
  let total = 0;
  /** @type {Record<string, { lane: number, number: number, of: number }>} */
  let branches = {}; // of one conversation: where each exchange is drawn
  /** @type {string | null} */
  let open = null;
  /** @type {number | undefined} */
  let waiting;
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {string | null} */
  let mark = null;
  /** @type {string | null} */
  let shown = null; // the address of the list that is shown

  /**
   * @param {string | number} value
   * @param {string} words
   */
  function option(value, words) {
    return h("option", { value }, words);
  }

  function stopPicking() {
    location.hash = address(picking);
  }

  /**
   * The address of an exchange, or of the list, with all that is chosen.
   * @param {string | null} id
   * @param {Record<string, string | null>} more further parts of its query
   */
  function address(id, more = {}) {
    const query = new URLSearchParams(FIELDS.filter((field) => value(field)).map((field) => [field, value(field)]));
    for (const [name, one] of Object.entries(more)) if (one) query.set(name, one);
    return `#/log${id ? `/${encodeURIComponent(id)}` : ""}${query.size ? `?${query}` : ""}`;
  }

  /** The address of what is shown now: an exchange, two of them, or the list. */
  const here = () => address(open, open ? { with: second } : { pick: picking });

  /**
   * The address of a row: the exchange, or both if one is chosen to compare with.
   * @param {string} id
   */
  const rowAddress = (id) => address(id, { with: picking !== id ? picking : null });

  /** What is looked for, in words. */
  function name() {
    /** @type {Record<string, string | undefined>} */
    const words = { text: `“${value("text")}”`, model: value("model"), client: value("client"), key: value("key"), outcome: outcomes[value("outcome")]?.word, dialect: dialects[value("dialect")], time: times.find(([t]) => String(t) === value("time"))?.[1], thread: "One conversation" };
    return FIELDS.filter((field) => value(field)).map((field) => visible(words[field] ?? value(field))).join(", ");
  }

  // Letters that are typed replace the address, a choice makes a new one: that is what Back returns to.
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      history.replaceState(null, "", here());
      shown = address(null);
      titled();
      refresh();
    }, 120);
  }

  function chosen() {
    location.hash = here();
  }

  function titled() {
    if (open === null) document.title = `${[name(), "Log"].filter(Boolean).join(" · ")} · Tray Bridge`;
    saved.update();
  }

  function refresh() {
    clearTimeout(waiting);
    return load(false);
  }

  /** @param {boolean} further */
  async function load(further) {
    asking?.abort();
    const own = (asking = new AbortController());
    const wanted = { ...Object.fromEntries(FIELDS.map((field) => [field, value(field)])), time: "", since: time.value && Math.floor(now() - Number(time.value)) };
    const query = new URLSearchParams({ limit: String(further ? PAGE : Math.max(PAGE, Math.min(items.length, 5 * PAGE))), offset: String(further ? items.length : 0) });
    for (const [name, value] of Object.entries(wanted)) if (value) query.set(name, String(value));
    try {
      const page = await ask(`/exchanges?${query}`, { signal: own.signal });
      items = further ? [...items, ...page.exchanges] : page.exchanges;
      total = page.total;
      /** @type {Thread | null} */
      const talk = thread ? await ask(`/threads/${encodeURIComponent(thread)}`, { signal: own.signal }) : null;
      branches = talk?.branches ?? {};
      talked.hidden = !talk;
      if (talk) say(talked, usedIn(talk));
      render(Object.values(wanted).some(Boolean), page);
      clearTimeout(later);
      if (page.progress) later = setTimeout(refresh, 1000);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      say(found, "");
      exports.hidden = more.hidden = true;
      show(list, problemBox(problem));
    }
  }

  /**
   * What a conversation is and has used, in words.
   * @param {Thread} talk
   */
  function usedIn({ branches: places, used }) {
    const lanes = Math.max(0, ...Object.values(places).map(({ lane }) => lane)) + 1;
    const read = used.input_tokens + used.cache_read_tokens + used.cache_creation_tokens;
    return [`Conversation of ${plural(Object.keys(places).length, "exchange")}`, lanes > 1 ? plural(lanes, "branch", "branches") : "",
      `${plural(read, "token")} in${used.cache_read_tokens ? ` (${count(used.cache_read_tokens)} from the cache)` : ""}`,
      `${count(used.output_tokens)} out`].filter(Boolean).join(" · ");
  }

  async function loadFilters() {
    try {
      const { models, clients, key_names: keys, dialects: spoken } = await ask("/filters");
      /** @type {[HTMLSelectElement, string, string[]][]} */
      const offers = [[model, "Any model", models], [client, "Any client", clients], [key, "Any key", keys], [dialect, "Any dialect", spoken]];
      for (const [select, all, values] of offers) {
        offer(select, all, values);
        select.hidden = (select === key && !keys.length && !key.value) || (select === dialect && spoken.length < 2 && !dialect.value);
      }
    } catch {
      // The list itself tells what is wrong.
    }
  }

  /**
   * Offer these values, and the one that is chosen though the log has none of it any more.
   * @param {HTMLSelectElement} select
   * @param {string} all
   * @param {string[]} values
   */
  function offer(select, all, values) {
    const now = select.value;
    const every = now && !values.includes(now) ? [...values, now] : values;
    show(select, option("", all), every.map((one) => option(one, visible(select === dialect ? dialects[one] ?? one : one))));
    select.value = now;
  }

  /** @param {Summary} item */
  function row(item) {
    const seconds = item.timings?.end_s;
    const { lane = 0, number = 1, of = 1 } = branches[item.id] ?? {};
    const told = [of > 1 ? `branch ${number} of ${of}` : "", visible(item.client ?? ""), item.model && visible(item.model), item.error && visible(item.error)].filter(Boolean);
    return h("li", {}, h("a", { href: rowAddress(item.id), "data-id": item.id, "data-lane": Math.min(lane, 4) || null },
      outcomeSign(item.outcome),
      h("bdi", { class: "asked" }, visible(item.question || item.answer || "No text")),
      h("span", { class: "number" }, clock(item.at)),
      h("span", { class: "told" }, told.join(" · ")),
      h("span", { class: "number" }, seconds === undefined || seconds === null ? "" : duration(seconds))));
  }

  /**
   * @param {boolean} filtered
   * @param {{ progress: [number, number] | null, more: boolean }} page
   */
  function render(filtered, { progress, more: further }) {
    const making = progress ? ` · The index is being made: ${count(progress[0])} of ${count(progress[1])}` : "";
    found.textContent = (total === 0 ? (filtered ? "Nothing fits." : "") : filtered ? `${further ? "More than " : ""}${count(total)} found` : plural(total, "exchange")) + making;
    exports.hidden = !filtered || total === 0;
    const query = new URLSearchParams(FIELDS.filter((field) => field !== "time" && value(field)).map((field) => [field, value(field)]));
    if (time.value) query.set("since", String(Math.floor(now() - Number(time.value))));
    show(exports, "Export them as ", Object.entries({ md: "Markdown", har: "HAR", jsonl: "JSONL", sh: "curl", py: "Python" }).map(([form, words], i) => [i ? ", " : "", h("a", { href: `/dashboard/api/export?${query}&form=${form}`, download: `exchanges.${form}` }, words)]));
    clear.hidden = filtered || total === 0;
    more.hidden = items.length >= total && !further;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.id;
    const days = Map.groupBy ? Map.groupBy(items, dayOf) : grouped(items);
    show(list, total === 0 && !filtered ? h("p", { class: "empty" }, "The log is empty. Requests appear here, unless recording is switched off.") : null,
      [...days].map(([day, group]) => h("section", { "aria-label": dayName(group[0].at) },
        h("div", { class: "day" }, h("h2", {}, dayName(group[0].at)),
          h("button", { type: "button", class: "quiet round", "aria-label": `Delete all of ${dayName(group[0].at)}`, title: "Delete this day", onclick: () => deleteDay(day, group[0].at) }, icon("bin"))),
        h("ul", { class: "rows" }, group.map(row)))));
    showOpen();
    if (focused) /** @type {HTMLElement | null} */ (list.querySelector(`[data-id="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
  }

  // The day is the folder's name, so that what is deleted is what stands under the heading.
  const dayOf = (/** @type {Summary} */ item) => item.file.split("/")[0];

  /** @param {Summary[]} all */
  function grouped(all) {
    /** @type {Map<string, Summary[]>} */
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

  /** @param {KeyboardEvent} event */
  function step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key] ?? 0;
    const links = /** @type {HTMLAnchorElement[]} */ ([...list.querySelectorAll(".rows a")]);
    const here = links.findIndex((link) => link === document.activeElement);
    const next = links[here + by];
    if (!by || !next || here < 0) return;
    event.preventDefault();
    next.focus();
  }

  /** @param {KeyboardEvent} event */
  function slash(event) {
    if (event.key !== "/" || /** @type {Element} */ (event.target).matches("input, textarea, select")) return;
    event.preventDefault();
    search.focus();
  }

  /**
   * @param {string} path
   * @param {string} title
   * @param {string} message
   */
  async function remove(path, title, message) {
    if (!(await confirmed(title, message, "Delete"))) return;
    try {
      const { deleted } = await ask(path, { method: "DELETE" });
      announce(`${plural(deleted, "exchange")} deleted`);
      if (open) location.hash = address(null);
      await refresh();
      await loadFilters();
    } catch (problem) {
      show(list, problemBox(problem));
    }
  }

  function deleteAll() {
    remove("/exchanges?all=true", "Delete the whole log?", `All ${plural(total, "exchange")} and their images are removed from the log folder, except requests under way. This cannot be undone.`);
  }

  /**
   * @param {string} day
   * @param {number} at
   */
  function deleteDay(day, at) {
    remove(`/exchanges?day=${day}`, `Delete all of ${dayName(at)}?`, "Every exchange of that day is removed from the log folder, except requests under way. This cannot be undone.");
  }

  // A request that begins or ends changes the list; the log writes it a moment later.
  /** @type {number | undefined} */
  let later;
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
  return {
    element,
    /**
     * @param {string[]} rest
     * @param {URLSearchParams} query
     */
    enter([id], query) {
      open = id ?? null;
      picking = open ? "" : query.get("pick") ?? "";
      second = query.get("with") ?? "";
      picker.hidden = !picking;
      thread = query.get("thread") ?? "";
      for (const [field, control] of Object.entries(controls)) {
        const given = query.get(field) ?? "";
        const wanted = field !== "time" || /^\d{1,9}$/.test(given) ? given : "";
        if (control instanceof HTMLSelectElement && wanted && ![...control.options].some((one) => one.value === wanted)) control.append(option(wanted, visible(wanted)));
        if (control !== document.activeElement || value(field) !== wanted) control.value = wanted;
        if (control === key || control === dialect) control.hidden = control.hidden && !wanted;
      }
      const list = address(null);
      if (list !== shown) refresh();
      else for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (element.querySelectorAll(".rows a"))) link.href = rowAddress(link.dataset.id ?? "");
      shown = list;
      titled();
      element.toggleAttribute("data-open", open !== null);
      pane.open(open, query.get("with"));
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
