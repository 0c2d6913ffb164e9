// LangChain.js by every dialect: Chat Completions, Responses, Messages and Ollama: text, a stream, a tool round, a type.
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOllama } from "@langchain/ollama";
import { ChatOpenAI } from "@langchain/openai";
import { z } from "zod";

const baseURL = process.argv[2];
const root = baseURL.replace(/\/v1$/, "");
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const openai = { model: "sonnet", apiKey: "not-needed", maxRetries: 0, configuration: { baseURL } };
const dialects = {
  chat: new ChatOpenAI({ ...openai, streamUsage: true }),
  responses: new ChatOpenAI({ ...openai, useResponsesApi: true }),
  messages: new ChatAnthropic({ model: "sonnet", apiKey: "not-needed", anthropicApiUrl: root, maxTokens: 100, maxRetries: 0 }),
  ollama: new ChatOllama({ model: "sonnet", baseUrl: root, maxRetries: 0 }),
};
const weather = tool(async ({ city }) => `Rain in ${city}.`, {
  name: "weather",
  description: "Tell the weather.",
  schema: z.object({ city: z.string() }),
});

const found = {};
for (const [dialect, model] of Object.entries(dialects)) {
  const answer = await model.invoke(directive({ text: "Good morning." }));
  const pieces = [];
  for await (const chunk of await model.stream(directive({ chunks: ["One", " two"] }))) if (chunk.text) pieces.push(chunk.text);
  const calling = { tools: [{ name: "weather", input: { city: "Oslo" } }], then: [{ text: "It rains." }] };
  const bound = model.bindTools([weather]);
  const question = new HumanMessage(directive(calling));
  let called = null;  // streamed, so that the calls are put together from their pieces
  for await (const chunk of await bound.stream([question])) called = called ? called.concat(chunk) : chunk;
  const calls = called.tool_calls.map(({ name, args }) => ({ name, args }));
  const result = new ToolMessage({ content: "Rain in Oslo.", tool_call_id: called.tool_calls[0].id, name: "weather" });
  const told = await bound.invoke([question, called, result]);
  const person = z.object({ name: z.string(), age: z.number() });
  const ada = { name: "Ada", age: 36 };
  const typed = await model
    .withStructuredOutput(person, { method: "functionCalling", name: "person" })
    .invoke(directive({ tools: [{ name: "person", input: ada }] }));
  found[dialect] = { answer: answer.text, pieces, calls, told: told.text, typed, tokens: answer.usage_metadata?.output_tokens };
}
console.log(JSON.stringify(found));
