// @openai/agents: a tool and a handoff, streamed and not. Prints what it saw as JSON.
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

setTracingDisabled(true);
const openAIClient = new OpenAI({ baseURL: process.argv[2], apiKey: "not-needed", maxRetries: 0 });
const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: true }) });
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const added = [];
const add = tool({
  name: "add",
  description: "Add two numbers.",
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => {
    added.push([a, b]);
    return String(a + b);
  },
});
const clerk = new Agent({ name: "Clerk", model: "sonnet", instructions: "You add.", tools: [add] });
const greeter = new Agent({ name: "Greeter", model: "sonnet", instructions: "You hand over.", handoffs: [clerk] });
const rounds = { tools: [{ name: "add", input: { a: 1, b: 2 } }], then: [{ text: "It is 3." }] };

const whole = await runner.run(clerk, directive(rounds));
const streamed = await runner.run(clerk, directive({ thinking: "Sum.", ...rounds }), { stream: true });
let deltas = 0;
for await (const event of streamed) deltas += event.type === "raw_model_stream_event" && event.data.type === "output_text_delta";
await streamed.completed;
const handed = await runner.run(greeter, directive({ tools: [{ name: "transfer_to_Clerk", input: {} }], then: [{ text: "Clerk." }] }));

console.log(
  JSON.stringify({
    whole: whole.finalOutput,
    streamed: streamed.finalOutput,
    deltas,
    added,
    handed: handed.finalOutput,
    last: handed.lastAgent.name,
  }),
);
