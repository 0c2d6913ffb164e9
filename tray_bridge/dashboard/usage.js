// The view Usage: tokens, requests, waiting times and estimated costs, by time, client, model, key or dialect.

import { barList, chart, drawColumns } from "./charts.js";
import { ask } from "./connection.js";
import { dialects } from "./dialects.js";
import { h, problemBox, say, show } from "./dom.js";
import { count, duration, exactTime, money, named, now, plural, visible } from "./format.js";

/** @type {Record<string, string>} */
const groups = named({ day: "Day", hour: "Hour", client: "Client", model: "Model", key: "Key", dialect: "Dialect" });
/** @type {Record<string, string>} */
const periods = named({ 1: "Last 24 hours", 7: "Last 7 days", 30: "Last 30 days", 366: "Last year", between: "From … to …" });

/** @type {[string, (row: UsageRow) => string][]} */
const columns = [
  ["Requests", (row) => count(row.requests)],
  ["Errors", (row) => count(row.errors)],
  ["In, not cached", (row) => count(row.input_tokens)],
  ["From the cache", (row) => count(row.cache_read_tokens)],
  ["To the cache", (row) => count(row.cache_creation_tokens)],
  ["Tokens out", (row) => count(row.output_tokens)],
  ["Thinking", (row) => count(row.thinking_tokens)],
  ["First token", (row) => duration(row.first_token_median)],
  ["Cost", (row) => money(row.cost)],
  ["Cache saved", (row) => money(row.saved_by_cache)],
];

/** @param {UsageRow} row */
const tokens = (row) => row.input_tokens + row.cache_read_tokens + row.cache_creation_tokens + row.output_tokens;

/** @param {UsageRow} total */
function figures(total) {
  const read = total.input_tokens + total.cache_read_tokens + total.cache_creation_tokens;
  const pairs = [
    ["Requests", count(total.requests), total.errors ? plural(total.errors, "error") : "no errors"],
    ["Tokens in", count(read), read ? `${Math.round((100 * total.cache_read_tokens) / read)} % from the cache` : ""],
    ["Tokens out", count(total.output_tokens), total.thinking_tokens ? `${count(total.thinking_tokens)} for
    thinking` : ""],
    ["First token", duration(total.first_token_median), total.first_token_slowest === null ? "" : `slowest
    ${duration(total.first_token_slowest)}`],
    ["Cost, estimated", money(total.cost), total.saved_by_cache > 0 ? `the cache saved
    ${money(total.saved_by_cache)}` : ""],
  ];
  return h("dl", { class: "figures" }, pairs.map(([name, value, more]) => h("div", { class: "card" }, h("dt", {}, name), h("dd", { class: "figure" }, value), h("dd", { class: "muted" }, more))));
}

/** @param {UsageReport} report */
function table(report) {
  const rows = [...report.rows].reverse();
  const line = (/** @type {string} */ name, /** @type {UsageRow} */ row) => h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, visible(name))), columns.map(([, value]) => h("td", { class: "number" }, value(row))));
  const ordered = report.by === "day" || report.by === "hour" ? rows : report.rows;
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Usage as a table" },
    h("table", {}, h("caption", { class: "unseen" }, `Usage by ${groups[report.by].toLowerCase()}`),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, groups[report.by]), columns.map(([name]) => h("th", { scope: "col", class: "number" }, name)))),
      h("tbody", {}, ordered.map((row) => line(report.by === "dialect" ? dialects[row.name] ?? row.name : row.name, row))),
      h("tfoot", {}, line("All together", report.total))));
}

/** @param {UsageReport} report */
function note(report) {
  if (report.prices_told_at === null) return "No prices are known, because Claude Code has reported none, so costs are left out.";
  const unpriced = report.total.unpriced ? ` ${plural(report.total.unpriced, "answer")} of models without a known price are left out.` : "";
  return `Costs are estimates at the API's prices, as Claude Code named them on ${exactTime(report.prices_told_at)}; a plan pays no such bill.${unpriced}`;
}

const MOST = 72; // columns that can be told apart

/**
 * The rows of each day or hour up to the newest, also of those in which nothing was used; of the newest ones.
 * @param {UsageRow[]} rows
 * @param {string} by
 */
export function everyStep(rows, by) {
  const found = new Map(rows.map((row) => [row.name, row]));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const at = new Date(rows[rows.length - 1].name.replace(" ", "T") + (by === "day" ? "T12:00" : ""));
  const none = { requests: 0, errors: 0, input_tokens: 0, cache_read_tokens: 0, cache_creation_tokens: 0, output_tokens: 0, thinking_tokens: 0, first_token_median: null, first_token_slowest: null, cost: 0, saved_by_cache: 0, unpriced: 0 };
  /** @type {UsageRow[]} */
  const out = [];
  while (out.length < MOST) {
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const name = by === "day" ? day : `${day} ${two(at.getHours())}:00`;
    if (name < rows[0].name) break;
    // In autumn, an hour comes twice under one name.
    if (name !== out[0]?.name) out.unshift(found.get(name) ?? { name, ...none });
    if (by === "day") at.setDate(at.getDate() - 1);
    else at.setTime(at.getTime() - 3600000);
  }
  return out;
}

const END = 253402300799; // of the year 9999

/** @param {string | null} text */
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text ?? "");

/**
 * The day that is so many days from today, as a field for dates has it.
 * @param {number} days
 */
function today(days) {
  const day = new Date();
  day.setDate(day.getDate() + days);
  return [day.getFullYear(), String(day.getMonth() + 1).padStart(2, "0"), String(day.getDate()).padStart(2, "0")].join("-");
}

export function usageView() {
  const option = (/** @type {[string, string]} */ [value, words]) => h("option", { value }, words);
  const by = h("select", { id: "by", onchange: choose }, Object.entries(groups).map(option));
  const days = h("select", { id: "days", onchange: choose }, ["1", "7", "30", "366", "between"].map((one) => option([one, periods[one]])));
  const first = h("input", { type: "date", id: "first-day", onchange: choose });
  const last = h("input", { type: "date", id: "last-day", onchange: choose });
  const between = h("span", { class: "between", hidden: true }, h("label", { for: "first-day" }, "From"), first, h("label", { for: "last-day" }, "to"), last);
  const body = h("div", { class: "usage-body" });
  const csv = h("a", { class: "button", download: true }, "CSV");
  const json = h("a", { class: "button", download: "usage.json" }, "JSON");
  const heading = h("h2", { id: "usage-chart" });
  const columnsChart = chart(drawColumns);
  const element = h("div", { class: "usage" },
    h("div", { class: "heading" }, h("h1", {}, "Usage"),
      h("form", { class: "choices", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
        h("label", { for: "by" }, "By"), by, h("label", { for: "days" }, "Over"), days, between, csv, json)),
    body);
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {number | undefined} */
  let later;

  function choose() {
    const query = new URLSearchParams({ by: by.value, days: days.value });
    if (days.value === "between") {
      query.set("from", first.value || today(-6));
      query.set("to", last.value || today(0));
    }
    location.hash = `#/usage?${query}`;
  }

  /**
   * The period in Unix seconds: whole days of this browser's clock, or so many days up to now.
   * @returns {Record<string, string>}
   */
  function period() {
    if (days.value !== "between") return { since: String(Math.floor(now() - Number(days.value) * 86400)) };
    const until = new Date(`${last.value}T00:00:00`);
    until.setDate(until.getDate() + 1);
    return { since: String(new Date(`${first.value}T00:00:00`).getTime() / 1000), until: String(Math.min(until.getTime() / 1000, END)) };
  }

  async function load() {
    asking?.abort();
    clearTimeout(later);
    if (days.value === "between" && first.value > last.value) {
      show(body, problemBox({ title: "No such period", message: "Its first day is after its last.", hint: "Choose an earlier first day." }));
      return;
    }
    asking = new AbortController();
    const query = new URLSearchParams({ by: by.value, ...period() });
    csv.href = `/dashboard/api/usage?${query}&form=csv`;
    json.href = `/dashboard/api/usage?${query}`;
    try {
      /** @type {UsageReport} */
      const report = await ask(`/usage?${query}`, { signal: asking.signal });
      render(report);
      if (report.progress) {
        const [done, all] = report.progress;
        body.prepend(h("p", { class: "muted" }, `The index is being made, and these counts with it: ${count(done)} of ${count(all)}`));
        later = setTimeout(load, 1000);
      }
    } catch (problem) {
      if (problem.name !== "AbortError") show(body, problemBox(problem));
    }
  }

  /** @param {UsageReport} report */
  function render(report) {
    if (!report.rows.length) {
      show(body, h("p", { class: "empty" }, "Nothing was used in that time. What requests use is counted from now on, also without their texts."));
      return;
    }
    say(heading, `Tokens by ${groups[report.by].toLowerCase()}`);
    const overTime = report.by === "day" || report.by === "hour";
    const biggest = report.rows.reduce((most, row) => (tokens(row) > tokens(most) ? row : most));
    const summary = `${plural(report.rows.length, groups[report.by].toLowerCase())}; most tokens,
    ${count(tokens(biggest))}: ${visible(biggest.name)}. The table below has every figure.`;
    if (overTime) columnsChart.update(everyStep(report.rows, report.by), summary);
    show(body, figures(report.total),
      h("section", { class: "card", "aria-labelledby": "usage-chart" }, heading,
        overTime ? columnsChart.element : barList(report.rows.slice(0, 12).map((row) => [visible(report.by === "dialect" ? dialects[row.name] ?? row.name : row.name), tokens(row), `${count(tokens(row))}`])),
        h("p", { class: "legend" }, h("span", {}, h("span", { class: "dot in" }), "In"), h("span", {}, h("span", { class: "dot cached" }), "From the cache"), h("span", {}, h("span", { class: "dot out" }), "Out"))),
      h("section", { class: "card", "aria-label": "All figures" }, table(report), h("p", { class: "muted" }, note(report))));
    if (!overTime) body.querySelector(".legend")?.remove();
  }

  return {
    element,
    /**
     * @param {string[]} _rest
     * @param {URLSearchParams} query
     */
    enter(_rest, query) {
      const [group, period] = [query.get("by") ?? "day", query.get("days") ?? "30"];
      by.value = group in groups ? group : "day";
      days.value = period in periods ? period : "30";
      const day = (/** @type {string} */ name, /** @type {string} */ otherwise) => (isDay(query.get(name)) ? query.get(name) ?? "" : otherwise);
      [first.value, last.value] = [day("from", today(-6)), day("to", today(0))];
      between.hidden = days.value !== "between";
      document.title = `Usage by ${groups[by.value].toLowerCase()} · Tray Bridge`;
      load();
    },
    leave() {
      asking?.abort();
      clearTimeout(later);
    },
  };
}
