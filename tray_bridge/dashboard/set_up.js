// Set it up for me: shows the change of a client's file, writes it, takes it back.

import { ask } from "./connection.js";
import { announce, h, problemBox, show } from "./dom.js";

/**
 * A button for a client of `/setup`; `changed()` is called when its file was written or given back.
 * @param {SetupClient} client
 * @param {() => unknown} changed
 */
export function setUpButton(client, changed) {
  return h("button", { type: "button", "aria-label": `Set up ${client.name}`, onclick: () => open(client, changed) }, client.set_up ? "Undo or renew…" : "Set it up for me…");
}

/**
 * @param {SetupClient} client
 * @param {() => unknown} changed
 */
async function open(client, changed) {
  const path = `/setup/${client.id}`;
  const body = h("div");
  const buttons = h("div", { class: "buttons end" });
  const dialog = h("dialog", { class: "set-up", "aria-labelledby": "set-up", onclose: () => dialog.remove() },
    h("h2", { id: "set-up" }, `Set up ${client.name}`), body, buttons);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  document.body.append(dialog);
  show(buttons, close);
  dialog.showModal();

  /**
   * @param {string} method
   * @param {(answer: any) => void} told
   */
  const attempt = async (method, told) => {
    try {
      told(await ask(path, { method }));
      await changed();
    } catch (problem) {
      show(body, problemBox(problem));
      show(buttons, close);
    }
  };
  const write = () => {
    show(body, h("p", { class: "muted", role: "status" }, `Writing it, then one question is asked as ${client.name} would…`));
    show(buttons);
    return attempt("POST", (done) => {
      const tried = done.problem ? problemBox(done.problem) : h("p", {}, `A question, asked as ${client.name} would, was answered.`);
      show(body, h("p", {}, "Written, with a backup."), tried, h("p", {}, done.next));
      show(buttons, close);
      announce(`${client.name} is set up`);
    });
  };
  const undo = () => attempt("DELETE", () => {
    show(body, h("p", {}, "The file is as it was before."));
    show(buttons, close);
    announce(`${client.name} is as it was before`);
  });

  try {
    const planned = await ask(path);
    show(body,
      h("p", { class: "muted" }, planned.diff ? "This is what changes. A backup is kept, and one click gives the old file back." : "The file needs no change."),
      planned.diff ? h("pre", { class: "code diff", tabindex: 0, role: "region", "aria-label": "The change" }, h("code", {}, planned.diff)) : null);
    show(buttons, close,
      client.set_up ? h("button", { type: "button", class: "danger", onclick: undo }, "Restore the old file") : null,
      planned.diff ? h("button", { type: "button", class: "primary", onclick: write }, "Write it") : null);
  } catch (problem) {
    show(body, problemBox(problem));
  }
}
