// The view Now: what the server does at this moment, live.

import { chart, drawBars, drawDots } from "./charts.js";
import { ask, live, unreachable } from "./connection.js";
import { announce, confirmed, copyButton, h, keyed, problemBox, say, sentence, show } from "./dom.js";
import { ago, clock, count, duration, now, plural, seconds, visible } from "./format.js";
import { poolCard } from "./sessions.js";

export const baseUrl = () => `${location.origin}/v1`;

function hero() {
  const state = h("h1");
  const facts = h("p", { class: "muted facts" });
  const hint = h("p", { class: "advice" });
  const signIn = h("a", { class: "button primary", href: "#/start" }, "Sign in");
  const resume = h("button", { type: "button", class: "primary", onclick: goOn }, "Resume");
  const wrong = h("div");
  const url = h("code", { class: "url" }, baseUrl());
  const element = h("section", { class: "hero", "aria-label": "Server" },
    h("div", {}, state, hint, facts, h("div", { class: "buttons remedy" }, signIn, resume), wrong),
    h("div", { class: "address" }, h("span", { class: "muted" }, "Base URL for every OpenAI client"),
      h("div", { class: "copyable" }, url, copyButton("Copy", baseUrl, { "aria-label": "Copy the base URL" }))));

  async function goOn() {
    try {
      await ask("/pause", { method: "POST", body: { paused: false } });
      show(wrong);
      announce("Requests are answered again");
    } catch (problem) {
      show(wrong, problemBox(problem));
    }
  }

  return {
    element,
    /** @param {Live} state */
    update({ snapshot, connected }) {
      const { word, text, detail, hint: advice } = snapshot.health;
      /** @type {Record<string, string>} */
      const sentences = { ready: "Ready for requests", busy: `Answering ${plural(snapshot.requests.length, "request")}` };
      say(state, !connected ? "The server does not answer" : (sentences[word] ?? text));
      // A problem that has a box below is told there with its hint.
      const boxed = known(snapshot).some((one) => one.title === text);
      const told = connected && !sentences[word] && !boxed ? `${detail} ${advice}`.trim() : "";
      if (hint.textContent !== told.replaceAll("`", "")) show(hint, sentence(told));
      hint.hidden = !hint.textContent;
      signIn.hidden = !connected || word !== "signed_out";
      resume.hidden = !connected || (word !== "paused" && !snapshot.drains_since);
      const parts = [];
      if (snapshot.newer_version) parts.push(`version ${snapshot.newer_version} is available`);
      if (snapshot.demo) parts.push("Demo: a stand-in answers, no account is used");
      if (snapshot.started_at) parts.push(`up for ${duration(now() - snapshot.started_at).replace(/ \d+ s$/, "")}`);
      parts.push(`${count(snapshot.served)} served`);
      if (snapshot.failed) parts.push(`${count(snapshot.failed)} failed`);
      say(facts, connected ? parts.join(" · ") : "");
    },
  };
}

/** @param {RequestUnderWay} request */
function requestRow(request) {
  const client = h("bdi", { class: "strong" });
  const link = h("a", { href: `#/log/${encodeURIComponent(request.id)}`, class: "who" }, client);
  const model = h("span", { class: "muted" });
  link.append(model);
  const time = h("span", { class: "number" });
  const tokens = h("span", { class: "number" });
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  cancel.addEventListener("click", async () => {
    cancel.disabled = true;
    try {
      await ask(`/requests/${encodeURIComponent(request.id)}/cancel`, { method: "POST" });
      announce("Cancelled");
    } catch (problem) {
      announce(problem.message);
      cancel.disabled = false;
    }
  });
  const element = h("li", { class: "request" }, link, time, tokens, cancel);
  return {
    element,
    /** @param {RequestUnderWay} next */
    update(next) {
      request = next;
      say(client, visible(request.client || "Unknown client"));
      say(model, `${visible(request.model)}${request.streamed ? ", streamed" : ""}`);
      say(time, seconds(now() - request.started_at));
      say(tokens, request.queued ? "queued" : plural(request.tokens, "token"));
      element.classList.toggle("queued", request.queued);
      cancel.setAttribute("aria-label", `Cancel the request of ${request.client || "an unknown client"}`);
    },
  };
}

function requestsCard() {
  const list = h("ul", { class: "requests" });
  const empty = h("p", { class: "empty" }, "Nothing is being answered just now.");
  const rows = keyed(list, requestRow);
  return {
    element: h("section", { class: "card", "aria-labelledby": "flight" }, h("h2", { id: "flight" }, "In flight"), empty, list),
    /** @param {Live} state */
    update({ snapshot }) {
      empty.hidden = snapshot.requests.length > 0;
      rows(snapshot.requests, (request) => request.id);
    },
  };
}

/**
 * @template D
 * @param {string} id
 * @param {string} title
 * @param {(data: D & { from: number, to: number }, width: number, height: number) => Element} draw
 * @param {(hour: Hour) => { data: D, big: string, small: string }} read
 */
function chartCard(id, title, draw, read) {
  const picture = chart(draw);
  const figure = h("p", { class: "figure" });
  const note = h("p", { class: "muted" });
  const element = h("section", { class: "card", "aria-labelledby": id },
    h("div", { class: "heading" }, h("h2", { id }, title), h("span", { class: "muted" }, "last hour")), h("div", { class: "headline" }, figure, note), picture.element);
  /** @type {Hour | null} */
  let seen = null;
  return {
    element,
    /** @param {Live} state */
    update({ lastHour }) {
      if (!lastHour || lastHour === seen) return;
      seen = lastHour;
      const { data, big, small } = read(lastHour);
      say(figure, big);
      say(note, small);
      picture.update({ ...data, from: lastHour.until - 3600, to: lastHour.until }, `${title} in the last hour: ${big} ${small}`);
    },
  };
}

const firstTokenCard = () => chartCard("first", "First token", drawDots, (hour) => ({
  data: { points: hour.first_tokens, median: hour.median },
  big: hour.median === null ? "–" : duration(hour.median),
  small: hour.median === null ? "no answer yet" : `median of ${plural(hour.answers, "answer")}, slowest ${duration(hour.slowest)}`,
}));

const throughputCard = () => chartCard("through", "Throughput", drawBars, (hour) => {
  const sum = hour.tokens.reduce((a, b) => a + b, 0);
  return { data: { minutes: hour.tokens }, big: count(sum), small: `output tokens, at most ${count(Math.max(...hour.tokens))} a minute` };
});

/** @param {PlanWindow} plan */
function planWindow(plan) {
  const used = plan.used === null ? null : Math.round(plan.used * 100);
  const name = `${plan.title} window`;
  return h("li", { class: "window", "data-full": used !== null && used >= 85 },
    h("div", { class: "heading" }, h("span", {}, name), h("span", { class: "number" }, used === null ? plan.status.replaceAll("_", " ") : `${used} % used`)),
    used === null ? null : h("progress", { max: 100, value: used, "aria-label": name }),
    plan.resets_at ? h("p", { class: "muted" }, resets(plan.resets_at)) : null,
    pace(plan) ? h("p", { class: "muted" }, pace(plan)) : null);
}

/**
 * When a window is full if it goes on as it did since it opened; what it is worth depends on how old the figure is.
 * @param {Pick<PlanWindow, "seconds" | "used" | "resets_at" | "told_at">} plan
 * @param {number} at
 */
export function forecast({ seconds: length, used, resets_at: resetsAt, told_at: toldAt }, at) {
  const asOf = toldAt ?? at;
  if (!length || !used || !resetsAt || resetsAt <= at || used >= 1) return null;
  const elapsed = length - (resetsAt - asOf);
  if (elapsed < length / 50) return null; // at the very beginning, a pace says nothing
  const full = asOf + ((1 - used) * elapsed) / used;
  return { full, before: full < resetsAt };
}

/** @param {PlanWindow} plan */
function pace(plan) {
  const told = plan.told_at && now() - plan.told_at > 300 ? ` · as of ${ago(plan.told_at)}` : "";
  if (plan.used !== null && plan.used >= 1 && (plan.resets_at ?? 0) > now()) return `Full${told}`;
  const seen = forecast(plan, now());
  if (!seen) return told ? told.slice(3) : "";
  const day = seen.full - now() > 86400 ? `${new Intl.DateTimeFormat("en-GB", { weekday: "long" }).format(seen.full * 1000)} ` : "";
  return (seen.before ? `At this pace full ${day}at ${clock(Math.max(seen.full, now()))}` : "At this pace not full before it resets") + told;
}

/** @param {number} at */
function resets(at) {
  const left = at - now();
  const day = left > 86400 ? `${new Intl.DateTimeFormat("en-GB", { weekday: "long" }).format(at * 1000)} ` : "";
  return left <= 0 ? "resets now" : `resets ${day}at ${clock(at)}, in ${duration(Math.max(60, left)).replace(/ \d+ s$/, "")}`;
}

function accountCard() {
  const body = h("div");
  let seen = "";
  return {
    element: h("section", { class: "card", "aria-labelledby": "account" }, h("h2", { id: "account" }, "Account"), body),
    /** @param {Live} state */
    update({ snapshot }) {
      const account = snapshot.account;
      const key = JSON.stringify([account, snapshot.demo, Math.floor(now() / 30)]);
      if (key === seen) return;
      seen = key;
      const signedIn = snapshot.demo ? "Demo, no account" : account.signed_in === null ? "Not known yet" : !account.signed_in ? "Not signed in" : account.uses_api_key ? "API key" : "Signed in";
      show(body,
        h("dl", { class: "pairs" },
          h("dt", {}, "Claude Code"), h("dd", {}, account.cli_version ?? "not known yet"),
          h("dt", {}, "Account"), h("dd", {}, signedIn),
          account.plan ? [h("dt", {}, "Plan"), h("dd", {}, account.plan)] : null),
        account.windows.length ? h("ul", { class: "windows" }, account.windows.map(planWindow)) : h("p", { class: "muted" }, "Plan windows appear after the first answer."));
    },
  };
}

function errorsCard() {
  const list = h("ul", { class: "errors" });
  /** @type {Hour | null} */
  let seen = null;
  return {
    element: h("section", { class: "card wide", "aria-labelledby": "errors" },
      h("div", { class: "heading" }, h("h2", { id: "errors" }, "Errors"), h("a", { href: "#/log?outcome=error" }, "All in the log")), list),
    /** @param {Live} state */
    update({ lastHour }) {
      if (!lastHour || lastHour === seen) return;
      seen = lastHour;
      if (!lastHour.errors.length) {
        show(list, h("li", { class: "empty" }, "None in the last hour."));
        return;
      }
      show(list, lastHour.errors.map((error) => h("li", {},
        h("a", { href: `#/log/${encodeURIComponent(error.id)}` }, h("strong", {}, error.title)),
        h("p", { dir: "auto" }, visible(error.message)),
        h("p", { class: "muted" }, h("bdi", {}, visible(error.client)), ` · ${ago(error.at)}`))));
    },
  };
}

/** @param {Snapshot} snapshot */
function known(snapshot) {
  return [snapshot.problem, snapshot.pool.problem, snapshot.log_problem, snapshot.ollama_problem].filter((one) => one !== null && one !== undefined);
}

/** Everything that a person should know first: it stands above the rest, and only when there is something. */
function problems() {
  const element = h("div", { class: "problems" });
  let seen = "";
  return {
    element,
    /** @param {Live} state */
    update({ snapshot, connected }) {
      const all = connected ? known(snapshot) : [unreachable];
      const key = JSON.stringify(all);
      if (key === seen) return;
      seen = key;
      show(element, all.map(problemBox));
    },
  };
}

/** Web pages that were not let in: each can be, once a person has read its name. */
function refusedPages() {
  const list = h("ul", { class: "refused" });
  const wrong = h("div");
  const element = h("section", { class: "card wide", "aria-labelledby": "refused", hidden: true },
    h("h2", { id: "refused" }, "Refused web pages"), h("p", { class: "muted" }, "These pages tried to use the bridge from a browser. All were refused."), list, wrong);
  let seen = "";
  /** @param {string} origin */
  async function letIn(origin) {
    if (!(await confirmed(`Let ${origin} in?`, "Its pages can then ask Claude on your account, whenever they are open in a browser here. Let in only what you trust.", "Let it in"))) return;
    try {
      await ask("/allowed-origins", { method: "POST", body: { origin } });
      show(wrong);
      announce(`${origin} may use the bridge`);
    } catch (problem) {
      show(wrong, problemBox(problem));
    }
  }
  return {
    element,
    /** @param {Live} state */
    update({ snapshot }) {
      const key = JSON.stringify([snapshot.refused_pages, Math.floor(now() / 30)]);
      if (key === seen) return;
      seen = key;
      element.hidden = snapshot.refused_pages.length === 0;
      show(list, [...snapshot.refused_pages].reverse().map(({ origin, at, count: times }) => h("li", {},
        h("span", {}, h("bdi", { class: "strong" }, visible(origin)), h("span", { class: "muted" }, ` ${times === 1 ? "once" : `${count(times)} times`}, ${ago(at)}`)),
        origin === "null" ? h("span", { class: "muted" }, "a page without an origin cannot be let in")
          : h("button", { type: "button", "aria-label": `Let ${origin} in`, onclick: () => letIn(origin) }, "Let it in…"))));
    },
  };
}

export function nowView() {
  const pool = poolCard();
  /** @type {Part<Live>[]} */
  const parts = [hero(), problems(), { element: pool.element, update: ({ snapshot }) => pool.update(snapshot.pool) },
    requestsCard(), accountCard(), firstTokenCard(), throughputCard(), errorsCard(), refusedPages()];
  const [top, warnings, ...cards] = parts.map((part) => part.element);
  const figures = h("div", { class: "cards" }, cards);
  const element = h("div", { class: "now" }, top, warnings, figures);
  const update = (/** @type {Live} */ state) => {
    figures.hidden = !state.connected; // they would be of a server that runs no more
    parts.forEach((part) => part.update(state));
  };
  const stop = live.subscribe(update);
  // Ages and times run on between two messages of the server.
  const tick = setInterval(() => live.tell([update]), 1000);
  return {
    element,
    enter() {},
    leave() {
      stop();
      clearInterval(tick);
    },
  };
}
