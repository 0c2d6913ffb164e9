import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./load.mjs";

const { lineDifference } = await page("compare");
const { question, textOf } = await page("conversation");
const { asRequest, costOf } = await page("asking");
const signs = (before, after) => lineDifference(before, after).map(([sign, line]) => sign + line).join("|");

test("equal texts have no difference", () => {
  assert.equal(signs("a\nb", "a\nb"), " a| b");
});

test("a changed line goes out before the new one comes in, between what stays", () => {
  assert.equal(signs("a\nb\nc", "a\nx\nc"), " a|-b|+x| c");
});

test("lines that were put in or taken out leave the others alone", () => {
  assert.equal(signs("a\nc", "a\nb\nc"), " a|+b| c");
  assert.equal(signs("a\nb\nc\nd", "a\nd"), " a|-b|-c| d");
  assert.equal(signs("1\nkeep\n2", "3\nkeep\n4"), "-1|+3| keep|-2|+4");
});

test("both texts can be made from their difference, long ones too", () => {
  const before = Array.from({ length: 700 }, (_, i) => `line ${i * 3 % 7}`).join("\n");
  const after = Array.from({ length: 650 }, (_, i) => `line ${i * 5 % 11}`).join("\n");
  for (const [a, b] of [[before, after], ["x\ny\nx\ny", "y\nx\ny\ny"], ["", "a"]]) {
    const lines = lineDifference(a, b);
    assert.equal(lines.filter(([sign]) => sign !== "+").map(([, line]) => line).join("\n"), a);
    assert.equal(lines.filter(([sign]) => sign !== "-").map(([, line]) => line).join("\n"), b);
  }
});

test("the text of content is found in every dialect's shape", () => {
  assert.equal(textOf("plain"), "plain");
  assert.equal(textOf([{ type: "text", text: "a" }, { type: "input_text", text: "b" }, "c"]), "a\nb\nc");
  assert.equal(textOf([{ type: "tool_result", content: [{ text: "deep" }] }, { type: "function_call_output", output: "out" }]), "deep\nout");
  assert.equal(textOf(null), "");
});

test("the question is the last message", () => {
  assert.equal(question({ turn: { messages: [{ content: "one" }, { content: [{ text: " two " }] }] } }), "two");
  assert.equal(question({}), "");
});

test("cached tokens cost a tenth", () => {
  const model = { description: "Fast · $2/$10 per Mtok" };
  assert.equal(costOf(model, { prompt_tokens: 1e6, completion_tokens: 1e6 }), 12);
  assert.equal(costOf(model, { prompt_tokens: 1e6, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 1e6 } }), 0.2);
  assert.equal(costOf({ description: "no price" }, { prompt_tokens: 1, completion_tokens: 1 }), null);
  assert.equal(costOf(undefined, undefined), null);
});

test("a logged turn is asked again with all that shaped its answer", async () => {
  const turn = {
    model: "sonnet", system: ["Be brief.", "Be kind."], effort: null, thinking: false, max_tokens: 5, stop: ["x"], output_schema: { type: "object" },
    tools: [{ name: "f", description: "F", input_schema: { type: "object" } }], tool_choice: { type: "tool", name: "f", parallel: false },
    messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] },
      { role: "assistant", content: [{ type: "tool_use", id: "c", name: "f", input: { a: 1 } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c", content: [{ type: "text", text: "out" }] }, { type: "text", text: "And?" }] }],
  };
  assert.deepEqual(await asRequest({ turn, model: null }), {
    model: "sonnet", system: "Be brief.\n\nBe kind.", effort: "none",
    messages: [{ role: "user", content: "Hi" },
      { role: "assistant", content: null, tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{\"a\":1}" } }] },
      { role: "tool", tool_call_id: "c", content: "out" }, { role: "user", content: "And?" }],
    others: {
      tools: [{ type: "function", function: { name: "f", description: "F", parameters: { type: "object" } } }],
      tool_choice: { type: "function", function: { name: "f" } }, parallel_tool_calls: false, max_tokens: 5, stop: ["x"],
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } },
    },
  });
});
