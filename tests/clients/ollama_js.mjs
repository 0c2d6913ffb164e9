// Ollama's own library for JavaScript: chat, generation, thinking, tools, a picture, a format, models, errors.
import { Ollama } from "ollama";

const client = new Ollama({ host: process.argv[2].replace(/\/v1$/, "") });
const picture = process.argv[3].split(",")[1];
const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
const user = (spec, more = {}) => ({ role: "user", content: directive(spec), ...more });
const ask = (messages, more = {}) => client.chat({ model: "sonnet", messages, ...more });
const failure = async (work) => {
  try {
    await work();
  } catch (error) {
    return { class: error.name, status: error.status_code, message: error.message };
  }
};
const tools = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } },
];

const answer = await ask([user({ text: "Good morning." })]);
const pieces = [];
const thoughts = [];
const ends = [];
const question = user({ thinking: "Count first.", chunks: ["One", " two", " three."] });
for await (const part of await ask([question], { stream: true, think: true })) {
  if (part.message.content) pieces.push(part.message.content);
  if (part.message.thinking) thoughts.push(part.message.thinking);
  if (part.done) ends.push(part.done_reason);
}
const asked = user({ tools: [{ name: "weather", input: { city: "Oslo" } }], then: [{ text: "It rains." }] });
const calling = await ask([asked], { tools });
const told = await ask([asked, calling.message, { role: "tool", tool_name: "weather", content: "Rain." }], { tools });
const generated = await client.generate({ model: "sonnet", prompt: directive({ text: "Once." }) });
const typed = await ask([user({ structured: { age: 36 } })], {
  format: { type: "object", properties: { age: { type: "integer" } }, required: ["age"] },
});
const seen = await ask([user({ text: "Red." }, { images: [picture] })]);
const shown = await client.show({ model: "sonnet" });
const pulled = await client.pull({ model: "sonnet" });

console.log(
  JSON.stringify({
    answer: answer.message.content,
    pieces,
    thinking: thoughts.join(""),
    ends,
    call: calling.message.tool_calls.map((call) => call.function),
    told: told.message.content,
    generated: generated.response,
    typed: JSON.parse(typed.message.content),
    seen: seen.message.content,
    models: (await client.list()).models.map((model) => model.name),
    running: (await client.ps()).models,
    capabilities: shown.capabilities,
    pulled: pulled.status,
    version: (await client.version()).version,
    unknownModel: await failure(() => client.chat({ model: "llama-99", messages: [user({})] })),
    overloaded: await failure(() => ask([user({ error: { status: 529, type: "overloaded_error", message: "Too busy." } })])),
    embedding: await failure(() => client.embed({ model: "sonnet", input: "Hi" })),
  }),
);
