// openai-node's Responses: an answer, its stream helper, a typed answer, tools over two rounds by replay, and errors.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "not-needed", maxRetries: 0 });
const asking = (spec, model = "sonnet") => ({ model, input: `standin: ${JSON.stringify(spec)}` });
const failure = async (request) => {
  try {
    await client.responses.create(request);
  } catch (error) {
    return { class: error.constructor.name, status: error.status, code: error.code, message: error.message };
  }
};

const answer = await client.responses.create(asking({ text: "Good morning." }));
const pieces = [];
const stream = client.responses.stream(asking({ thinking: "Count first.", chunks: ["One", " two", " three."] }));
stream.on("response.output_text.delta", (event) => pieces.push(event.delta));
const streamed = await stream.finalResponse();
const typed = await client.responses.parse({
  ...asking({ structured: { name: "Ada", age: 36 } }),
  text: { format: zodTextFormat(z.object({ name: z.string(), age: z.number() }), "person") },
});

const tools = [{ type: "function", name: "weather", strict: true, parameters: { type: "object", properties: {} } }];
const call = (city) => [{ name: "weather", input: { city } }];
const request = asking({ tools: call("Oslo"), then: [{ tools: call("Rome") }, { text: "Rain in both." }] });
const conversation = [{ role: "user", content: request.input }];
const lookedUp = [];
let told = "";
while (!told) {
  const round = client.responses.stream({ model: "sonnet", input: conversation, tools });
  const { output, output_text } = await round.finalResponse();
  conversation.push(...output);
  for (const item of output.filter((each) => each.type === "function_call")) {
    lookedUp.push(JSON.parse(item.arguments).city);
    conversation.push({ type: "function_call_output", call_id: item.call_id, output: "Rain." });
  }
  told = output_text;
}

console.log(
  JSON.stringify({
    answer: answer.output_text,
    pieces,
    streamed: streamed.output_text,
    reasoning: streamed.output[0].summary[0].text,
    person: typed.output_parsed,
    afterTools: told,
    lookedUp,
    kept: (await client.responses.retrieve(answer.id)).output_text,
    unknownModel: await failure(asking({}, "llama-99")),
    overloaded: await failure(asking({ error: { status: 529, type: "overloaded_error", message: "Too busy." } })),
  }),
);
