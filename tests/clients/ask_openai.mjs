// openai-node: an answer, a stream, a typed answer, a loop over tools, a text that goes on, a gap, and errors.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "not-needed", maxRetries: 0 });
const { completions } = client.chat;
const asking = (spec, model = "sonnet") => ({
  model,
  messages: [{ role: "user", content: `standin: ${JSON.stringify(spec)}` }],
});
const failure = async (request) => {
  try {
    await completions.create(request);
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
};

const answer = await completions.create(asking({ text: "Good morning." }));
const pieces = [];
const stream = completions.stream(asking({ chunks: ["One", " two", " three."] }));
stream.on("content", (delta) => pieces.push(delta));
const streamed = await stream.finalChatCompletion();
const typed = await completions.parse({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  response_format: zodResponseFormat(z.object({ name: z.string(), age: z.number() }), "person"),
});

const completed = await client.completions.create({
  model: "haiku",
  prompt: `standin: ${JSON.stringify({ text: "<fill> upon a time</fill>" })}`,
});
const middle = [];
const gap = await client.completions.create({
  model: "haiku",
  prompt: `standin: ${JSON.stringify({ chunks: ["<fill>x +", " 1", "</fill>"] })}\ndef f(x):\n    return `,
  suffix: "\n",
  stream: true,
});
for await (const chunk of gap) if (chunk.choices[0].text) middle.push(chunk.choices[0].text);

const lookedUp = [];
const weather = {
  name: "weather",
  description: "The weather in a city.",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  parse: JSON.parse,
  function: ({ city }) => {
    lookedUp.push(city);
    return `Rain in ${city}.`;
  },
};
const calls = (city) => [{ name: "weather", input: { city } }];
const runner = completions.runTools({
  ...asking({ tools: calls("Oslo"), then: [{ tools: calls("Rome") }, { text: "Rain in both." }] }),
  tools: [{ type: "function", function: weather }],
  stream: true,
});

console.log(
  JSON.stringify({
    answer: answer.choices[0].message.content,
    pieces,
    streamed: streamed.choices[0].message.content,
    person: typed.choices[0].message.parsed,
    afterTools: await runner.finalContent(),
    lookedUp,
    completed: completed.choices[0].text,
    middle,
    unknownModel: await failure(asking({}, "llama-99")),
    overloaded: await failure(asking({ error: { status: 529, type: "overloaded_error", message: "Too busy." } })),
  }),
);
