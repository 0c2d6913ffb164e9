// The view Doctor: the checks of `tray-bridge doctor`, each with what to do.

import { ask } from "./connection.js";
import { announce, copyButton, h, icon, problemBox, sentence, show } from "./dom.js";
import { clock, now } from "./format.js";

/** @type {Record<string, string>} */
const signs = { ok: "check", warning: "warn", failed: "cross" };
/** @type {Record<string, string>} */
const words = { ok: "Fine", warning: "Look at this", failed: "Needs you" };

export function doctorView() {
  const verdict = h("p", { class: "muted", role: "status" }, "Looking…");
  const list = h("ul", { class: "checks" });
  const lines = h("pre", { class: "log-lines", tabindex: "0", "aria-label": "Last lines of bridge.log" });
  const place = h("p", { class: "muted" });
  const log = h("details", { hidden: true }, h("summary", {}, "Last lines of bridge.log"), place, lines);
  const again = h("button", { type: "button", onclick: run }, icon("again"), "Check again");
  /** @type {{ status: string, title: string, message: string, hint: string }[]} */
  let checks = [];
  const report = () => [...checks.map((check) => `[${check.status}] ${check.title}: ${check.message}${check.hint ? `\n    ${check.hint}` : ""}`), ...(lines.textContent ? ["", lines.textContent] : [])].join("\n");
  const element = h("div", { class: "doctor" },
    h("div", { class: "intro heading" }, h("div", {}, h("h1", {}, "Doctor"), verdict), h("div", { class: "buttons" }, again, copyButton("Copy the report", report))), list, log);

  async function run() {
    again.disabled = true;
    show(verdict, "Looking…");
    try {
      const found = await ask("/doctor");
      checks = found.checks;
      show(lines, found.log.join("\n"));
      show(place, found.log_file ?? "It is not written to a file.");
      log.hidden = found.log.length === 0;
      const bad = checks.filter((check) => check.status !== "ok").length;
      show(verdict, `${bad === 0 ? "Everything is as it should be." : `${bad} of ${checks.length} need a look.`} Checked at ${clock(now())}.`);
      show(list, checks.map((check) => h("li", { class: "check", "data-status": check.status },
        h("span", { class: "sign" }, icon(signs[check.status])),
        h("div", {}, h("h2", {}, check.title, h("span", { class: "unseen" }, `: ${words[check.status]}`)), h("p", {}, sentence(check.message)), check.hint ? h("p", { class: "hint" }, sentence(check.hint)) : null))));
      announce(verdict.textContent);
    } catch (problem) {
      show(verdict, "");
      show(list, h("li", {}, problemBox(problem)));
    }
    again.disabled = false;
  }

  run();
  return { element, enter() {}, leave() {} };
}
