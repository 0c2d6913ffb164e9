import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./load.mjs";

const { changes, lineDifference, figures, parameters, prefix, verdict } = await page("compare");
const { messagesIn, picturesOf, question, textOf } = await page("conversation");
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

const said = (...texts) => ({ turn: { messages: texts.map((text) => ({ role: "user", content: text })) } });

test("a prompt that goes on begins with the whole one before, in the order tools, system, messages", () => {
  const before = { turn: { tools: [{ name: "f" }], system: "S", messages: [{ role: "user", content: "a" }] } };
  const after = { turn: { ...before.turn, system: ["S"], messages: [...before.turn.messages, { role: "assistant", content: "b" }] } };
  const both = prefix(before, after);
  assert.deepEqual(both.b.map(({ name }) => name), ["Tool f", "System prompt 1", "Message 1, user", "Message 2, assistant"]);
  assert.deepEqual([both.kept, both.whole], [3, true]);
  assert.equal(verdict(both), "The second prompt begins with the whole first one: a cache can be used. Added: Message 2, assistant.");
  assert.match(verdict(prefix(before, before)), /Nothing was added/);
});

test("the first part that differs ends what a cache can use", () => {
  for (const [before, after, kept, whole] of [
    [said("a", "b", "c"), said("a", "x", "c"), 1, false],
    [said("a", "b"), said("a"), 1, false],
    [said("x"), said("a"), 0, false],
    [{ request: { messages: [{ role: "user", content: "a" }] } }, said("a"), 1, true],
  ]) {
    const both = prefix(before, after);
    assert.deepEqual([both.kept, both.whole], [kept, whole]);
  }
  assert.equal(verdict(prefix(said("a", "b"), said("a"))), "The prompts are the same for 1 of 2 parts. From there on no cache can be used.");
  assert.equal(verdict(prefix({}, {})), "The log has no texts of them.");
});

test("what changed is told for tools, system prompts and messages, behind a break of the prefix, too", () => {
  const tool = (name, description = "") => ({ name, description, input_schema: {} });
  const prompt = (tools, system, ...texts) => ({ turn: { tools, system, ...said(...texts).turn } });
  const before = prompt([tool("read"), tool("write"), tool("list")], ["10:00"], "a", "b");
  assert.deepEqual(changes(before, prompt([tool("read", "Read."), tool("list"), tool("grep")], ["10:01"], "a", "b", "c", "d")), [
    "Tools: added grep; taken out write; changed read.", "System prompt: changed.", "Messages: the same up to number 2, then 2 added."]);
  assert.deepEqual(changes(before, prompt([tool("write"), tool("read"), tool("list")], ["10:00"], "a", "x")), [
    "Tools: the same in another order.", "Messages: the same up to number 1, then 1 taken out and 1 added."]);
  assert.deepEqual(changes(before, before), ["Tools: the same.", "Messages: the same."]);
  assert.deepEqual(changes(said("a"), { turn: { system: ["S"], messages: said("a").turn.messages } }), ["System prompt: put in.", "Messages: the same."]);
  assert.deepEqual(changes({}, {}), []);
});

test("a request that was refused unread can be asked again: Chat Completions whole, the texts of others", async () => {
  const chat = { model: "gpt-9", stream: true, temperature: 2, tools: [{ type: "function" }], messages: [{ role: "system", content: "S" }, { role: "user", content: [{ type: "text", text: "Hi" }] }] };
  assert.deepEqual(await asRequest({ turn: null, model: "gpt-9", request: chat, dialect: "openai_chat" }), {
    model: "gpt-9", system: "", effort: "", messages: chat.messages, others: { temperature: 2, tools: chat.tools } });
  const responses = { model: "gpt-9", instructions: "S", input: [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }, { type: "reasoning", summary: [] }] };
  assert.deepEqual(await asRequest({ turn: null, model: "gpt-9", request: responses, dialect: "openai_responses" }), {
    model: "gpt-9", system: "S", effort: "", messages: [{ role: "user", content: "Hi" }], others: {} });
  const generate = await asRequest({ turn: null, model: "llama", request: { model: "llama", prompt: "Hi", options: { seed: 3 } }, dialect: "ollama" });
  assert.deepEqual([generate.messages, generate.others], [[{ role: "user", content: "Hi" }], { seed: 3 }]);
});

test("the figures of both stand beside each other, and all input counts", () => {
  const usage = { input_tokens: 1000, cache_read_tokens: 200, cache_creation_tokens: 30, output_tokens: 4 };
  const one = { model: "sonnet", answered_by: "claude-sonnet-5", usage, timings: { first_token_s: 0.5, end_s: 2 }, outcome: "completed" };
  const rows = Object.fromEntries(figures(one, { model: "opus", outcome: "error" }).map(([name, ...both]) => [name, both]));
  assert.deepEqual(rows.Model, ["claude-sonnet-5", "opus"]);
  assert.deepEqual([rows["Tokens in"], rows["From the cache"], rows["Tokens out"]], [["1,230", "0"], ["200", "0"], ["4", "0"]]);
  assert.deepEqual(rows.Outcome, ["completed", "error"]);
  assert.deepEqual(rows["First token"][0] === rows["All in"][0], false);
});

test("the parameters are all but the prompt", () => {
  assert.deepEqual(parameters({ request: { model: "m", messages: [], tools: [], system: "", temperature: 1 } }), { model: "m", temperature: 1 });
  assert.deepEqual(parameters({}), {});
});

test("the other parameters of a request go along: all of Chat Completions, those of the same name of others", async () => {
  const turn = { model: "sonnet", messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }], max_tokens: 5 };
  const chat = { model: "sonnet", messages: [], stream: true, n: 2, tools: [], max_completion_tokens: 5, temperature: 0.3, user: "u", odd: [1] };
  assert.deepEqual((await asRequest({ turn, model: null, request: chat, dialect: "openai_chat" })).others, { temperature: 0.3, user: "u", odd: [1], max_tokens: 5 });
  const messages = { model: "sonnet", messages: [], max_tokens: 5, temperature: 0.3, top_k: null, thinking: {}, stop_sequences: [] };
  assert.deepEqual((await asRequest({ turn, model: null, request: messages, dialect: "anthropic_messages" })).others, { temperature: 0.3, max_tokens: 5 });
  const ollama = { model: "sonnet", options: { seed: 7, num_predict: 5 } };
  assert.deepEqual((await asRequest({ turn, model: null, request: ollama, dialect: "ollama" })).others, { seed: 7, max_tokens: 5 });
});

test("a request that was refused may have anything anywhere, and is compared and asked again all the same", async () => {
  const odd = [null, undefined, 5, "x", true, {}, [], [null], [5], ["x"], [[]], [{}], [{ role: 5, content: {} }], [{ role: "assistant", tool_calls: 5, content: [null, { type: "image_url" }] }]];
  for (const one of odd) {
    const request = { model: one, messages: one, system: one, tools: one, options: one, stop: one };
    assert.ok(Array.isArray(changes({ request }, { request: { messages: [], tools: [] } })));
    assert.equal(typeof verdict(prefix({ request }, { request })), "string");
    assert.equal(typeof question({ request }), "string");
    assert.ok(messagesIn(request).every((message) => message !== null && typeof message === "object"));
    assert.ok(picturesOf(one).every((url) => typeof url === "string"));
    for (const dialect of ["openai_chat", "ollama", "anthropic_messages", "constructor"]) {
      assert.ok((await asRequest({ turn: null, model: null, request, dialect })).messages.every((message) => typeof message === "object"));
    }
  }
});

test("two refused requests are compared by their texts in every dialect", () => {
  const [a, b] = [{ input: "Hi", instructions: "S" }, { input: "Ho", instructions: "S" }].map((request) => ({ request }));
  assert.equal(verdict(prefix(a, b)), "The prompts are the same for 1 of 2 parts. From there on no cache can be used.");
});
