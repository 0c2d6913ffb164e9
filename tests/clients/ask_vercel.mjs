// The Vercel AI SDK: an answer, a stream with reasoning, a typed answer, and errors. Its tools: vercel_tools.mjs.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateObject, generateText, streamText } from "ai";
import { directive, personSchema, piecesOf } from "./vercel_tasks.mjs";

const provider = createOpenAICompatible({
  name: "bridge",
  baseURL: process.argv[2],
  apiKey: "not-needed",
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const asking = (spec, model = "sonnet") => ({
  model: provider(model),
  prompt: directive(spec),
  maxRetries: 0,
});
const failure = async (request) => {
  try {
    await generateText(request);
  } catch (error) {
    const own = APICallError.isInstance(error);
    return { own, status: error.statusCode, retryable: error.isRetryable, message: error.message };
  }
};

const answer = await generateText({ ...asking({ text: "Good morning." }), system: "Answer shortly." });
const stream = streamText({
  ...asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }),
  providerOptions: { bridge: { reasoningEffort: "low" } },
});
const pieces = await piecesOf(stream);
const person = await generateObject({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  schema: personSchema,
});

console.log(
  JSON.stringify({
    answer: answer.text,
    finishReason: answer.finishReason,
    pieces,
    reasoning: await stream.reasoningText,
    hasTokens: (await stream.usage).outputTokens > 0,
    person: person.object,
    unknownModel: await failure(asking({}, "llama-99")),
    overloaded: await failure(asking({ error: { status: 529, type: "overloaded_error", message: "Too busy." } })),
  }),
);
