// ollama-ai-provider-v2, which Cline uses too: text, a stream with reasoning, an object, tools over two steps, an error.
import { generateObject, generateText, stepCountIs, streamText } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { adding, directive, errorOf, personSchema, piecesOf, rounds } from "./vercel_tasks.mjs";

const ollama = createOllama({ baseURL: process.argv[2].replace(/\/v1$/, "/api") });
const asking = (spec, model = "sonnet") => ({ model: ollama(model), prompt: directive(spec), maxRetries: 0 });

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const stream = streamText({
  ...asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }),
  providerOptions: { ollama: { think: true } },
});
const pieces = await piecesOf(stream);
const person = await generateObject({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  schema: personSchema,
});
const { added, tools } = adding();
const looped = streamText({ ...asking(rounds), tools, stopWhen: stepCountIs(5) });
const failed = await errorOf(looped);
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
