// An answer in Try it, shown as it comes, and two of them beside each other.

import { askOnce, costOf } from "./asking.js";
import { difference } from "./compare.js";
import { h } from "./dom.js";
import { duration, money, plural } from "./format.js";

/**
 * Ask once, and show in a bubble how the answer comes and how it ends; `again` is what its button does if it fails.
 * @param {import("./bubble.js").Bubble} turn
 * @param {Wire} request
 * @param {Model | undefined} model
 * @param {AbortSignal} signal
 * @param {() => void} again
 * @returns {Promise<Answer | null>}
 */
export async function answerInto(turn, request, model, signal, again) {
  const began = performance.now();
  turn.note("Waiting for the first token…");
  let first = false;
  const take = (/** @type {{ content: string, reasoning_content: string }} */ { content, reasoning_content: thought }) => {
    if (thought) turn.think(thought);
    if (content) turn.add(content);
    if (!first && (content || thought)) {
      first = true;
      turn.note(`First token after ${duration((performance.now() - began) / 1000)}`);
    }
  };
  try {
    const result = await askOnce({ ...request, ...(request.stream ? { stream_options: { include_usage: true } }
    : {}) }, { signal, take });
    const cost = costOf(model, result.usage);
    const tokens = result.usage ? ` · ${plural(result.usage.prompt_tokens, "token")} in, ${plural(result.usage.completion_tokens, "token")} out` : "";
    const told = {
      note: `First token after ${duration(result.firstToken)} · all in ${duration(result.seconds)}${tokens}${cost === null ? "" : ` · about ${money(cost)}`}`,
      reason: result.reason, id: result.id, thought: turn.thoughts(),
    };
    turn.told(told);
    turn.calls(result.calls);
    const calls = result.calls.filter(Boolean);
    return { message: { role: "assistant", content: turn.text() || null, ...(calls.length ? { tool_calls: calls } : {}) }, told };
  } catch (error) {
    if (signal.aborted) turn.note(`Stopped after ${duration((performance.now() - began) / 1000)}`);
    else {
      turn.note("");
      if (error.id) turn.more(h("a", { href: `#/log/${encodeURIComponent(error.id)}` }, "Its exchange"));
      turn.fail({ title: error.title ?? "No answer", message: error.message ?? String(error), hint: error.hint
      }, again);
    }
    return null;
  }
}

/**
 * Two answers beside each other.
 * @param {import("./bubble.js").Bubble[]} turns
 */
export const beside = (turns) => h("div", { class: "beside" }, turns.map(({ element }) => element));

/**
 * The difference of two answers' texts, if there are two.
 * @param {(Answer | null)[]} both
 */
export const differing = ([one, other]) => one && other && h("details", { class: "part" }, h("summary", {}, "What differs"),
  difference(one.message.content ?? "", other.message.content ?? ""));
