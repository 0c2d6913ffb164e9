// The view First steps: signed in, a test question answered, a client set up. It can be left and found again.

import { askOnce } from "./asking.js";
import { ask, live } from "./connection.js";
import { announce, h, problemBox, say, show } from "./dom.js";
import { visible } from "./format.js";
import { lamp } from "./lamp.js";
import { setUpButton } from "./set_up.js";

const KINDS = [
  ["claudeai", "A Claude subscription"],
  ["console", "An Anthropic Console account, billed by use"],
  ["sso", "Single sign-on"],
  ["other", "An API key, Amazon Bedrock, Google Vertex AI or a gateway"],
];
// What Claude Code's own settings want for accounts that no sign-in is for.
const OTHERS = `{
  "env": {
    "ANTHROPIC_API_KEY": "sk-ant-…"
  }
}

Amazon Bedrock:   "CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "…", "AWS_PROFILE": "…"
Google Vertex AI: "CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "…", "ANTHROPIC_VERTEX_PROJECT_ID": "…"
A gateway:        "ANTHROPIC_BASE_URL": "https://…", "ANTHROPIC_AUTH_TOKEN": "…"`;
const POLL = 1000;

/**
 * @param {string} number
 * @param {string} title
 */
function step(number, title) {
  const state = h("span", { class: "step-state", role: "status" });
  const body = h("div", { class: "step-body" });
  const element = h("li", { class: "card step" },
    h("div", { class: "heading" }, h("h2", {}, `${number} ${title}`), state), body);
  return {
    element,
    body,
    /**
     * @param {boolean} yes
     * @param {string} words
     */
    done(yes, words) {
      element.dataset.done = String(yes);
      say(state, words);
    },
  };
}

/**
 * Step 1: Claude Code's own sign-in, with its link and its code; `onSignedIn()` is called when it has just succeeded.
 * @param {() => unknown} onSignedIn
 */
function signInStep(onSignedIn) {
  let isAwaited = false;
  let wasPending = false;
  const part = step("①", "Signed in to Claude");
  const words = h("p");
  const found = h("ul", { class: "muted" });
  const kind = h("select", { id: "account-kind", onchange: chosen }, KINDS.map(([value, text]) => h("option", { value }, text)));
  const start = h("button", { type: "button", class: "primary", onclick: () => act("/account/sign-in", { kind: kind.value }) }, "Sign in");
  const link = h("a", { target: "_blank", rel: "noreferrer noopener" });
  const code = h("input", { id: "account-code", autocomplete: "off" });
  const waiting = h("div", { class: "waiting" },
    h("p", {}, "Go on in your browser. If none opened, open this page: ", link),
    h("form", { class: "row", onsubmit: send }, h("label", { for: "account-code" }, "Code, if the page shows one"), code,
      h("button", { type: "submit" }, "Send the code"),
      h("button", { type: "button", class: "quiet", onclick: () => act("/account/cancel", {}) }, "Cancel")));
  const choose = h("div", { class: "row" }, h("label", { for: "account-kind" }, "Account"), kind, start);
  const wrong = h("div");
  const others = h("div", { hidden: true },
    h("p", {}, "Write one of these into Claude Code's own ~/.claude/settings.json; then it is offered here. Or set the variables where Tray Bridge is started."),
    h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": "Settings for other accounts" }, h("code", {}, OTHERS)));
  const use = h("button", { type: "button", onclick: () => {
    isAwaited = use.dataset.use === "true";
    act("/account/settings", { used: isAwaited });
  } });
  const offer = h("div", { class: "row", hidden: true }, use);
  part.body.append(words, choose, others, waiting, wrong, found, offer);

  function chosen() {
    const other = kind.value === "other";
    start.hidden = other;
    others.hidden = !other;
  }

  /**
   * @param {string} path
   * @param {Wire} body
   */
  async function act(path, body) {
    start.disabled = true;
    show(wrong);
    try {
      await ask(path, { method: "POST", body });
    } catch (problem) {
      show(wrong, problemBox(problem));
    }
    start.disabled = false;
  }

  /** @param {SubmitEvent} event */
  function send(event) {
    event.preventDefault();
    act("/account/code", { code: code.value }).then(() => (code.value = ""));
  }

  return {
    element: part.element,
    awaits() {
      isAwaited = true;
    },
    /** @param {any} told */
    update({ health, account, demo, sign_in: signIn, found: accounts, settings }) {
      const signedIn = demo || (account.signed_in === true && health.word !== "signed_out");
      const pending = signIn.stage === "waiting";
      if (wasPending && signIn.stage === "failed") isAwaited = false;
      else if (pending) isAwaited = true;
      else if (signedIn && isAwaited) {
        isAwaited = false;
        onSignedIn();
      }
      wasPending = pending;
      part.done(signedIn, signedIn ? "Done" : pending ? "Waiting for you" : account.signed_in === null ? "Not known yet" : "To do");
      const how = account.uses_api_key ? "with an API key" : account.plan ? `with plan ${account.plan}` : "";
      say(words, demo ? "Not needed: a stand-in answers in the demo." : signedIn ? `Claude Code is signed in ${how}`.trim() + "." : "Claude Code needs to be signed in once. It keeps your credentials itself.");
      choose.hidden = signedIn || pending;
      if (choose.hidden) others.hidden = true;
      offer.hidden = demo || !(settings.used || (settings.usable && !signedIn));
      use.dataset.use = String(!settings.used);
      say(use, settings.used ? "Stop using the account of settings.json" : "Use the account of settings.json");
      waiting.hidden = !pending;
      if (link.textContent !== signIn.link) {
        link.href = signIn.link;
        say(link, signIn.link);
      }
      if (signIn.stage === "failed" && !signedIn) show(wrong, problemBox({ title: "Not signed in", message: signIn.message }));
      else if (signIn.stage === "succeeded") show(wrong);
      found.hidden = signedIn || !accounts.length;
      if (found.childElementCount !== accounts.length) show(found, accounts.map((/** @type {string} */ line) => h("li", {}, line)));
    },
  };
}

/** Step 2: one real question, so that a person knows that all of it works. */
function questionStep() {
  const part = step("②", "A test question answered");
  const answer = h("div", { "aria-live": "polite" });
  const button = h("button", { type: "button", class: "primary", onclick: run }, "Ask a test question");
  part.body.append(h("div", { class: "row" }, button), answer);
  part.done(false, "To do");

  async function run() {
    button.disabled = true;
    show(answer, h("p", { class: "muted" }, "Asking…"));
    try {
      let told = "";
      const request = { model: "default", messages: [{ role: "user", content: "Reply with the one word: ready" }] };
      await askOnce(request, { take: ({ content }) => (told += content) });
      show(answer, h("blockquote", { dir: "auto" }, visible(told)));
      part.done(true, "Done");
      announce("The test question was answered");
    } catch (problem) {
      part.done(false, "It failed");
      show(answer, problemBox({ title: problem.title ?? "The question was not answered", message: problem.message, hint: problem.hint }));
    }
    button.disabled = false;
  }

  return { element: part.element, run, update() {} };
}

/** Step 3: a client, until its lamp is green. */
function clientStep() {
  const part = step("③", "Your client connected");
  const list = h("ul", { class: "setup-clients" });
  part.body.append(
    h("p", { class: "muted" }, "Choose your client. Its lamp turns green when its first request is answered."), list,
    h("p", {}, "Another one? ", h("a", { href: "#/connect" }, "Connect has the settings of every client.")));
  /** @type {SetupClient[] | null} */
  let clients = null;
  /** @type {Map<string, ReturnType<typeof lamp>>} */
  const lamps = new Map();

  async function load() {
    /** @type {SetupClient[]} */
    const fresh = (await ask("/setup")).clients;
    fresh.sort((a, b) => Number(b.installed || b.set_up) - Number(a.installed || a.set_up));
    clients = fresh;
    lamps.clear();
    show(list, fresh.map((client) => {
      const light = lamp();
      lamps.set(client.name, light);
      return h("li", {}, light.dot, h("span", { class: "name" }, client.name),
        h("span", { class: "muted" }, client.set_up ? "set up" : client.installed ? "installed here" : ""), light.words, setUpButton(client, load));
    }));
  }

  return {
    element: part.element,
    /**
     * @param {any} _account
     * @param {Record<string, Seen>} seen
     */
    async update(_account, seen) {
      if (!clients) await load();
      const green = (clients ?? []).some((client) => seen[client.name]?.answered_at && !seen[client.name].problem);
      part.done(green, green ? "Done" : "To do");
      for (const [name, light] of lamps) light.update(seen[name], true);
    },
  };
}

export function startView() {
  const question = questionStep();
  const signIn = signInStep(question.run);
  /** @type {{element: HTMLElement, update: (account: any, lamps: any) => unknown}[]} */
  const parts = [signIn, question, clientStep()];
  const element = h("div", { class: "start" },
    h("div", { class: "intro" }, h("h1", {}, "First steps"), h("p", { class: "muted" }, "Three steps, then the programs on this machine can use your Claude. You can leave this page and come back.")),
    h("ol", { class: "steps" }, parts.map((part) => part.element)));
  const wrong = h("div");
  element.append(wrong);

  async function load() {
    try {
      const [account, seen] = await Promise.all([ask("/account"), ask("/lamps")]);
      show(wrong);
      for (const part of parts) await part.update(account, seen.lamps);
    } catch (problem) {
      if (live.connected) show(wrong, problemBox(problem)); // a restart after the sign-in is no problem
    }
  }

  load();
  const tick = setInterval(load, POLL);
  return {
    element,
    /** @param {string[]} rest */
    enter([what]) {
      if (what !== "test") return;
      signIn.awaits(); // a sign-in from the menu has just succeeded
      history.replaceState(null, "", "#/start");
    },
    leave() {
      clearInterval(tick);
    },
  };
}
