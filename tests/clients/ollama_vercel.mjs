// ollama-ai-provider-v2, which Cline uses too: text, a stream with reasoning, an object, tools over two steps, an error.
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { z } from "zod";

const ollama = createOllama({ baseURL: process.argv[2].replace(/\/v1$/, "/api") });
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const asking = (spec, model = "sonnet") => ({ model: ollama(model), prompt: directive(spec), maxRetries: 0 });

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const pieces = [];
const stream = streamText({
  ...asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }),
  providerOptions: { ollama: { think: true } },
});
for await (const piece of stream.textStream) pieces.push(piece);
const person = await generateObject({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  schema: z.object({ name: z.string(), age: z.number() }),
});
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
const rounds = { tools: call(1, 2), then: [{ tools: call(3, 4) }, { text: "It is 7." }] };
const looped = streamText({ ...asking(rounds), tools, stopWhen: stepCountIs(5) });
let failed = "";
for await (const part of looped.fullStream) if (part.type === "error") failed = String(part.error);
let unknown = "";
try {
  await generateText(asking({}, "llama-99"));
} catch (error) {
  unknown = error.message;
}

console.log(
  JSON.stringify({
    answer: answer.text,
    finishReason: answer.finishReason,
    pieces,
    reasoning: await stream.reasoningText,
    hasTokens: (await stream.usage).outputTokens > 0,
    person: person.object,
    added,
    failed,
    afterTools: await looped.text,
    unknown,
  }),
);
