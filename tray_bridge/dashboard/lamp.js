// A client's lamp: green only for an answered request, amber with the reason for one that failed.

import { h, say, show } from "./dom.js";
import { ago } from "./format.js";

/**
 * `{dot, words, update(seen, recognised)}`; `seen` is what `/lamps` reports of a client, or nothing.
 * The words lead to the request that failed, unless they stand in a link already.
 */
export function lamp(linked = true) {
  const dot = h("span", { class: "light", "aria-hidden": "true" });
  const words = h("span", { class: "muted" });
  let shown = "";
  return {
    dot,
    words,
    /**
     * @param {Seen | undefined} seen
     * @param {boolean} recognised
     */
    update(seen, recognised) {
      const problem = seen?.problem;
      dot.classList.toggle("on", Boolean(seen?.answered_at) && !problem);
      dot.classList.toggle("amber", Boolean(problem));
      dot.classList.toggle("none", !recognised);
      const key = problem?.id ?? "";
      if (key && key === shown) return;
      if (problem && !linked) show(words, `its last request failed: ${problem.title}`);
      else if (problem) show(words, "its last request failed: ", h("a", { href: `#/log/${encodeURIComponent(problem.id)}` }, problem.title));
      else if (shown) show(words);
      shown = key;
      if (!problem) say(words, !recognised ? "" : seen?.answered_at ? `answered ${ago(seen.answered_at)}` : "not yet heard");
    },
  };
}
