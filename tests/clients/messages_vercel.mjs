// @ai-sdk/anthropic: text, a stream with reasoning, an object, a picture, tools over two steps, a failure.
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateObject, generateText, stepCountIs, streamText } from "ai";
import { adding, directive, errorOf, fails, personSchema, piecesOf, rounds } from "./vercel_tasks.mjs";

const anthropic = createAnthropic({ baseURL: process.argv[2], apiKey: "not-needed" });
const picture = process.argv[3];
const asking = (spec, model = "sonnet") => ({ model: anthropic(model), prompt: directive(spec), maxRetries: 0 });
const thinking = { anthropic: { thinking: { type: "enabled", budgetTokens: 2000 } } };

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const stream = streamText({
  ...asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }),
  providerOptions: thinking,
});
const pieces = await piecesOf(stream);
// With a name that it does not know it demands a tool named `json`, with one that it knows it sends a format.
const byTool = await generateObject({ ...asking({ tools: [{ name: "json", input: { name: "Ada", age: 36 } }] }), schema: personSchema });
const byFormat = await generateObject({ ...asking({ structured: { name: "Ada", age: 36 } }, "claude-sonnet-4-5"), schema: personSchema });
const look = { role: "user", content: [{ type: "text", text: directive({ text: "Red." }) }, { type: "image", image: picture }] };
const seen = await generateText({ model: anthropic("sonnet"), messages: [look], maxRetries: 0 });
const { added, tools } = adding();
const looped = streamText({ ...asking({ thinking: "Sum.", ...rounds }), tools, stopWhen: stepCountIs(5), providerOptions: thinking });
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
