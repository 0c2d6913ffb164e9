// What each provider of the Vercel AI SDK is asked here, and how its answers are read.
import { tool } from "ai";
import { z } from "zod";

export const directive = (spec) => `standin: ${JSON.stringify(spec)}`;
export const personSchema = z.object({ name: z.string(), age: z.number() });
export const call = (a, b) => [{ name: "add", input: { a, b } }];
export const rounds = { tools: call(1, 2), then: [{ tools: call(3, 4) }, { text: "It is 7." }] };
export const fails = {
  chunks: ["One", " two"],
  error_event_after: 1,
  error: { status: 529, type: "overloaded_error", message: "Too busy." },
};

/** The pieces of a stream's text. */
export async function piecesOf(stream) {
  const pieces = [];
  for await (const piece of stream.textStream) pieces.push(piece);
  return pieces;
}

/** The last error of a stream, empty for none. */
export async function errorOf(stream, write = String) {
  let told = "";
  for await (const part of stream.fullStream) if (part.type === "error") told = write(part.error);
  return told;
}

/** A tool that adds two numbers, and what it was called with so far. */
export function adding() {
  const added = [];
  const add = tool({
    description: "Add two numbers.",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => {
      added.push([a, b]);
      return { sum: a + b };
    },
  });
  return { added, tools: { add } };
}
