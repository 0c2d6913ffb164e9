// @ai-sdk/openai's default model: text, a stream with reasoning, an object, a picture, tools over two steps, a failure.
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText } from "ai";
import { adding, directive, errorOf, fails, personSchema, piecesOf, rounds } from "./vercel_tasks.mjs";

const openai = createOpenAI({ baseURL: process.argv[2], apiKey: "not-needed" });
const picture = process.argv[3];
const asking = (spec) => ({ model: openai("sonnet"), prompt: directive(spec), maxRetries: 0 });

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const stream = streamText(asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }));
const pieces = await piecesOf(stream);
const person = await generateObject({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  schema: personSchema,
});
const look = { role: "user", content: [{ type: "text", text: directive({ text: "Red." }) }, { type: "image", image: picture }] };
const seen = await generateText({ model: openai("sonnet"), messages: [look], maxRetries: 0 });

const { added, tools } = adding();
const looped = streamText({ ...asking({ thinking: "Sum.", ...rounds }), tools, stopWhen: stepCountIs(5) });
const failed = await errorOf(looped);
const broken = streamText({ ...asking(fails), onError: () => {} });
const told = await errorOf(broken, JSON.stringify);

console.log(
  JSON.stringify({
    answer: answer.text,
    finishReason: answer.finishReason,
    pieces,
    reasoning: await stream.reasoningText,
    hasTokens: (await stream.usage).outputTokens > 0,
    person: person.object,
    seen: seen.text,
    added,
    failed,
    afterTools: await looped.text,
    reasons: (await looped.steps).map((step) => step.finishReason),
    told,
  }),
);
