// Anthropic's own library for Node: whole, streamed, thinking sent back, a typed answer, a thread of tool calls, errors.
import Anthropic from "@anthropic-ai/sdk";

const baseURL = process.argv[2].replace(/\/v1$/, "");
const client = new Anthropic({ baseURL, apiKey: "not-needed", maxRetries: 0 });
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const asking = (spec, more = {}) => ({
  model: "sonnet",
  max_tokens: 100,
  messages: [{ role: "user", content: directive(spec) }],
  ...more,
});
const failure = async (request) => {
  try {
    await client.messages.create(request);
  } catch (error) {
    return { class: error.constructor.name, status: error.status, message: error.message, requestID: error.requestID };
  }
};

const answer = await client.messages.create(asking({ text: "Good morning." }, { system: "Answer shortly." }));
const question = asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }, { thinking: { type: "adaptive" } });
const pieces = [];
const thoughts = [];
const stream = client.messages.stream(question).on("text", (text) => pieces.push(text));
stream.on("thinking", (text) => thoughts.push(text));
const streamed = await stream.finalMessage();
const again = await client.messages.create({
  ...question,
  messages: [
    ...question.messages,
    { role: "assistant", content: streamed.content },
    { role: "user", content: directive({ text: "Four." }) },
  ],
});
const asked = [];
const runner = client.beta.messages.toolRunner({
  ...asking({ tools: [{ name: "weather", input: { city: "Oslo" } }], then: [{ text: "It rains." }] }),
  tools: [
    {
      name: "weather",
      description: "Tell the weather.",
      input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      parse: (input) => input,
      run: ({ city }) => {
        asked.push(city);
        return `Rain in ${city}.`;
      },
    },
  ],
});
const told = await runner;
const models = [];
for await (const model of client.models.list({ limit: 2 })) models.push(model.id);

console.log(
  JSON.stringify({
    answer: answer.content[0].text,
    stopReason: answer.stop_reason,
    requestID: answer._request_id,
    pieces,
    thoughts: thoughts.join(""),
    blocks: streamed.content.map((block) => block.type),
    afterThinking: again.content[0].text ?? again.content.at(-1).text,
    asked,
    told: told.content[0].text,
    counted: (await client.messages.countTokens({ model: "sonnet", messages: question.messages })).input_tokens,
    models,
    unknownModel: await failure({ ...asking({}), model: "llama-99" }),
    overloaded: await failure(asking({ error: { status: 529, type: "overloaded_error", message: "Too busy." } })),
  }),
);
