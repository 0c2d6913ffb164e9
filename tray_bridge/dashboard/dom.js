// Makes elements. Everything that a person or a model wrote goes through text nodes: no markup is ever parsed.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: `on…` properties are listeners, `false`, `null` and `undefined` leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} props
 * @param {Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * An SVG element, made the same way.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Props} props
 * @param {Child[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Props} props
 * @param {Child[]} children
 */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || (value === false && !name.startsWith("aria-"))) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected") Object.assign(element, { [name]: value });
    else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  const all = /** @type {(Node | string | false | null | undefined)[]} */ (/** @type {any[]} */ (children).flat(Infinity));
  return all.filter((child) => child !== null && child !== undefined && child !== false);
}

/**
 * Put these children in place of what the element holds.
 * @template {Element} E
 * @param {E} element
 * @param {Child[]} children
 */
export function show(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Set text only where it changed, so that selections and screen readers are left in peace.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keep one child per item, by key: old ones are updated in place (the focus stays), gone ones removed.
 * @template T
 * @param {Element} parent
 * @param {(item: T) => Part<T>} make
 * @returns {(items: T[], keyOf: (item: T) => unknown) => void}
 */
export function keyed(parent, make) {
  /** @type {Map<unknown, Part<T>>} */
  const kept = new Map();
  return (items, keyOf) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of kept) {
      if (!keys.has(key)) {
        row.element.remove();
        kept.delete(key);
      }
    }
    items.forEach((item, index) => {
      const key = keyOf(item);
      const row = kept.get(key) ?? make(item);
      kept.set(key, row);
      row.update(item);
      if (parent.children[index] !== row.element) parent.insertBefore(row.element, parent.children[index] ?? null);
    });
  };
}

/** @type {Record<string, string>} */
const ICONS = {
  copy: "M9 9h10v11H9zM5 15V4h10v2",
  check: "M4.5 12.5l5 5 10-11",
  cross: "M6 6l12 12M18 6L6 18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M5 19l1.7-1.7M17.3 6.7L19 5",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  bin: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  back: "M14.5 5l-7 7 7 7",
  send: "M5 12h13M12.5 6l6 6-6 6",
  stop: "M7 7h10v10H7z",
  warn: "M12 4L2.5 20h19zM12 10v4.5M12 17.3v.2",
  again: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4",
};

/**
 * A small line drawing for a button; the button's own text or label says what it means.
 * @param {string} name
 */
export function icon(name) {
  return s("svg", { viewBox: "0 0 24 24", width: 18, height: 18, class: "icon", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

/**
 * An element of index.html.
 * @param {string} id
 */
export function fixed(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

/**
 * Announce a text to screen readers.
 * @param {string | null} text
 */
export function announce(text) {
  fixed("announce").textContent = text;
}

/**
 * A button that copies what `text()` gives and says so for a moment.
 * @param {string} label
 * @param {() => string | Promise<string>} text
 * @param {Props} props
 */
export function copyButton(label, text, props = {}) {
  const word = h("span", {}, label);
  const button = h("button", { type: "button", ...props, onclick: copy }, icon("copy"), word);
  async function copy() {
    try {
      await navigator.clipboard.writeText(await text());
      say(word, "Copied");
      button.classList.add("done");
    } catch {
      say(word, "Could not copy");
    }
    announce(word.textContent);
    setTimeout(() => {
      say(word, label);
      button.classList.remove("done");
    }, 1600);
  }
  return button;
}

/**
 * Ask before something that cannot be undone.
 * @param {string} title
 * @param {string} message
 * @param {string} action
 * @returns {Promise<boolean>}
 */
export function confirmed(title, message, action) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "ask", onclose: () => finish(false) },
      h("h2", { id: "ask" }, title),
      h("p", {}, message),
      h("div", { class: "buttons end" },
        h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Keep"),
        h("button", { type: "button", class: "danger", onclick: () => finish(true) }, action)));
    /** @param {boolean} answer */
    function finish(answer) {
      resolve(answer);
      dialog.remove();
    }
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A sentence of the server, with what stands between backticks as code; one without a partner stays.
 * @param {string} text
 */
export function sentence(text) {
  return text.split(/`([^`]*)`/).map((part, place) => (place % 2 ? h("code", {}, part) : part));
}

/**
 * A problem as the tray and the command line show it: title, message, hint.
 * @param {Trouble} problem
 */
export function problemBox(problem) {
  return h("div", { class: "problem", role: "alert" }, icon("warn"),
    h("div", {}, h("strong", {}, problem.title), h("p", {}, sentence(problem.message)), problem.hint ? h("p", { class: "muted" }, sentence(problem.hint)) : null));
}
