// The Vercel AI SDK's loop over tools: streamText, or generateText with a demanded call. Prints what it saw as JSON.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [baseURL, mode, prompt] = process.argv.slice(2);
const model = createOpenAICompatible({ name: "bridge", baseURL, apiKey: "not-needed", includeUsage: true })("sonnet");
const seen = [];
const tools = {
  add: tool({
    description: "Add two numbers…",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => {
      seen.push(["add", a, b]);
      return { sum: a + b };
    },
  }),
  fail: tool({
    description: "Always fails.",
    inputSchema: z.object({}),
    execute: async () => {
      seen.push(["fail"]);
      throw new Error("it is broken");
    },
  }),
};

if (mode === "stream") {
  const deltas = {};
  const result = streamText({ model, tools, prompt, stopWhen: stepCountIs(6), maxRetries: 0 });
  for await (const part of result.fullStream) {
    deltas[part.type] = (deltas[part.type] ?? 0) + 1;
    if (part.type === "error") throw part.error;
  }
  const steps = await result.steps;
  const usage = await result.totalUsage;
  const reasons = steps.map((step) => step.finishReason);
  console.log(JSON.stringify({ seen, deltas, reasons, text: await result.text, usage: usage.totalTokens > 0 }));
} else {
  const result = await generateText({ model, tools, prompt, toolChoice: { type: "tool", toolName: "add" }, maxRetries: 0 });
  console.log(JSON.stringify({ seen, text: result.text, results: result.toolResults.map((each) => each.output) }));
}
