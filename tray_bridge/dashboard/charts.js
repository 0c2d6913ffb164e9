// Draws small charts as SVG at the width that they really have, so that their words keep their size.

import { h, s, show } from "./dom.js";
import { clock, count, duration } from "./format.js";

const PAD = { top: 12, right: 8, bottom: 22, left: 44 };
const HEIGHT = 168;

/**
 * A figure that redraws itself when its width or its data changes: `update(data, summary)`.
 * @template D
 * @param {(data: D, width: number, height: number) => Element} draw
 */
export function chart(draw) {
  const element = h("div", { class: "chart", role: "img" });
  /** @type {D | null} */
  let data = null;
  let width = 0;
  const redraw = () => data && width && show(element, draw(data, width, HEIGHT));
  new ResizeObserver(([entry]) => {
    const next = Math.floor(entry.contentRect.width);
    if (next !== width) {
      width = next;
      redraw();
    }
  }).observe(element);
  return {
    element,
    /**
     * @param {D} next
     * @param {string} summary
     */
    update(next, summary) {
      data = next;
      element.setAttribute("aria-label", summary);
      redraw();
    },
  };
}

/**
 * A round number at or above `n`: 1, 2, 2.5 or 5 times a power of ten.
 * @param {number} n
 */
function roundUp(n) {
  const power = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= n * 0.999) ?? n;
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} top
 * @param {(v: number) => string} label
 * @param {number} from
 * @param {number} to
 */
function frame(width, height, top, label, from, to) {
  const y = (/** @type {number} */ v) => PAD.top + (height - PAD.top - PAD.bottom) * (1 - Math.min(v, top) / top);
  const x = (/** @type {number} */ at) => PAD.left + (width - PAD.left - PAD.right) * ((at - from) / (to - from));
  const lines = [0, top / 2, top].map((v) => [
    s("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(v), y2: y(v) }),
    s("text", { class: "tick", x: PAD.left - 8, y: y(v) + 4, "text-anchor": "end" }, label(v)),
  ]);
  const steps = width < 420 ? [60, 30, 0] : [60, 45, 30, 15, 0];
  const ticks = steps.map((minutes) => s("text", {
    class: "tick", x: x(to - minutes * 60), y: height - 5,
    "text-anchor": minutes === 60 ? "start" : minutes === 0 ? "end" : "middle",
  }, minutes === 0 ? "now" : clock(to - minutes * 60)));
  return { x, y, parts: [lines, ticks] };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {Child[]} parts
 */
const svg = (width, height, ...parts) => s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" }, ...parts);

/**
 * One dot for each answer, and the line of the middle one. `points` are `[at, seconds]`.
 * @param {{ points: [number, number][], median: number | null, from: number, to: number }} data
 * @param {number} width
 * @param {number} height
 */
export function drawDots({ points, median, from, to }, width, height) {
  const top = roundUp(Math.max(0.5, ...points.map(([, v]) => v)));
  const { x, y, parts } = frame(width, height, top, (v) => (v === 0 ? "0" : duration(v)), from, to);
  const dots = points.map(([at, v]) => s("circle", { class: "spot", cx: x(at), cy: y(v), r: 3.5 }, s("title", {}, `${clock(at)}: ${duration(v)}`)));
  const line = median === null ? null : s("line", { class: "median", x1: PAD.left, x2: width - PAD.right, y1: y(median), y2: y(median) });
  return svg(width, height, parts, line, dots);
}

/**
 * One bar for each minute of the hour, oldest first.
 * @param {{ minutes: number[], from: number, to: number }} data
 * @param {number} width
 * @param {number} height
 */
export function drawBars({ minutes, from, to }, width, height) {
  const top = roundUp(Math.max(100, ...minutes));
  const { x, y, parts } = frame(width, height, top, (v) => (v >= 1000 ? `${v / 1000}k` : String(v)), from, to);
  const step = (to - from) / minutes.length;
  const wide = Math.max(1, (x(from + step) - x(from)) * 0.72);
  const bars = minutes.map((tokens, i) => tokens === 0 ? null : s("rect", {
    class: "bar", x: x(from + (i + 0.5) * step) - wide / 2, y: Math.min(y(tokens), y(0) - 1.5), width: wide, rx: Math.min(2, wide / 2),
    height: Math.max(1.5, y(0) - y(tokens)),
  }, s("title", {}, `${clock(from + i * step)}: ${tokens} tokens`)));
  return svg(width, height, parts, bars);
}

const dayOfMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/**
 * `2026-11-28` → `28 Nov`; `2026-11-28 14:00` → `14:00`, at midnight the day.
 * @param {string} name
 */
function stepName(name) {
  const [day, hour] = name.split(" ");
  return hour && hour !== "00:00" ? hour : dayOfMonth.format(new Date(`${day}T12:00`));
}

/**
 * One column for each row of usage, oldest first: in, from the cache, out, one on the other.
 * @param {UsageRow[]} rows
 * @param {number} width
 * @param {number} height
 */
export function drawColumns(rows, width, height) {
  /**
   * @param {UsageRow} row
   * @returns {[string, number][]}
   */
  const pieces = (row) => [["in", row.input_tokens + row.cache_creation_tokens], ["cached", row.cache_read_tokens], ["out", row.output_tokens]];
  const sum = (/** @type {UsageRow} */ row) => pieces(row).reduce((all, [, v]) => all + v, 0);
  const top = roundUp(Math.max(100, ...rows.map(sum)));
  const y = (/** @type {number} */ v) => PAD.top + (height - PAD.top - PAD.bottom) * (1 - v / top);
  const short = (/** @type {number} */ v) => (v >= 1e6 ? `${v / 1e6}M` : v >= 1000 ? `${v / 1000}k` : String(v));
  const step = (width - PAD.left - PAD.right) / rows.length;
  const wide = Math.min(56, Math.max(1, step * 0.72));
  const lines = [0, top / 2, top].map((v) => [
    s("line", { class: "grid", x1: PAD.left, x2: width - PAD.right, y1: y(v), y2: y(v) }),
    s("text", { class: "tick", x: PAD.left - 8, y: y(v) + 4, "text-anchor": "end" }, short(v)),
  ]);
  const every = Math.ceil(rows.length / Math.max(1, Math.floor(width / 90)));
  return svg(width, height, lines, rows.map((row, i) => {
    const middle = PAD.left + (i + 0.5) * step;
    let below = 0;
    const bars = pieces(row).filter(([, v]) => v > 0).map(([kind, v]) => {
      const bar = s("rect", { class: `bar ${kind}`, x: middle - wide / 2, width: wide, y: y(below + v), height: Math.max(0.5, y(below) - y(below + v)) },
        s("title", {}, `${row.name}: ${count(sum(row))} tokens`));
      below += v;
      return bar;
    });
    const label = i % every === 0 ? s("text", { class: "tick", x: middle, y: height - 5, "text-anchor": "middle" }, stepName(row.name)) : null;
    return [bars, label];
  }));
}

/**
 * A bar for each `[name, value, words]`, with its words beside it: read as a list.
 * @param {[string, number, string][]} rows
 */
export function barList(rows) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return h("ul", { class: "bar-list" }, rows.map(([name, value, words]) => h("li", {},
    h("bdi", {}, name), h("span", { class: "number" }, words),
    s("svg", { viewBox: "0 0 1000 8", preserveAspectRatio: "none", "aria-hidden": "true" }, s("rect", { class: "bar", width: Math.max(3, (value / most) * 1000), height: 8, rx: 2 })))));
}
