// @ai-sdk/anthropic: text, a stream with reasoning, an object, a picture, tools over two steps, a failure.
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const anthropic = createAnthropic({ baseURL: process.argv[2], apiKey: "not-needed" });
const picture = process.argv[3];
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const asking = (spec, model = "sonnet") => ({ model: anthropic(model), prompt: directive(spec), maxRetries: 0 });
const thinking = { anthropic: { thinking: { type: "enabled", budgetTokens: 2000 } } };
const schema = z.object({ name: z.string(), age: z.number() });

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const pieces = [];
const stream = streamText({
  ...asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }),
  providerOptions: thinking,
});
for await (const piece of stream.textStream) pieces.push(piece);
// With a name that it does not know it demands a tool named `json`, with one that it knows it sends a format.
const byTool = await generateObject({ ...asking({ tools: [{ name: "json", input: { name: "Ada", age: 36 } }] }), schema });
const byFormat = await generateObject({ ...asking({ structured: { name: "Ada", age: 36 } }, "claude-sonnet-4-5"), schema });
const look = { role: "user", content: [{ type: "text", text: directive({ text: "Red." }) }, { type: "image", image: picture }] };
const seen = await generateText({ model: anthropic("sonnet"), messages: [look], maxRetries: 0 });
const added = [];
const tools = {
  add: tool({
    description: "Add two numbers.",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => {
      added.push([a, b]);
      return { sum: a + b };
    },
  }),
};
const call = (a, b) => [{ name: "add", input: { a, b } }];
const rounds = { thinking: "Sum.", tools: call(1, 2), then: [{ tools: call(3, 4) }, { text: "It is 7." }] };
const looped = streamText({ ...asking(rounds), tools, stopWhen: stepCountIs(5), providerOptions: thinking });
let failed = "";
for await (const part of looped.fullStream) if (part.type === "error") failed = String(part.error);
const broken = streamText({
  ...asking({ chunks: ["One", " two"], error_event_after: 1, error: { status: 529, type: "overloaded_error", message: "Too busy." } }),
  onError: () => {},
});
let told = "";
for await (const part of broken.fullStream) if (part.type === "error") told = JSON.stringify(part.error);

console.log(
  JSON.stringify({
    answer: answer.text,
    finishReason: answer.finishReason,
    pieces,
    reasoning: await stream.reasoningText,
    hasTokens: (await stream.usage).outputTokens > 0,
    byTool: byTool.object,
    byFormat: byFormat.object,
    seen: seen.text,
    added,
    failed,
    afterTools: await looped.text,
    reasons: (await looped.steps).map((step) => step.finishReason),
    told,
  }),
);
