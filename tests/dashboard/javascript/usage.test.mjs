import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./load.mjs";

const { everyStep } = await page("usage");
const row = (name) => ({ name, input_tokens: 1, cache_read_tokens: 0, cache_creation_tokens: 0, output_tokens: 1 });
const names = (rows, by) => everyStep(rows.map(row), by).map(({ name, input_tokens: used }) => (used ? `${name}*` : name));

test("days without use have a place of their own, over the end of a month", () => {
  assert.deepEqual(names(["2026-02-27", "2026-03-02"], "day"), ["2026-02-27*", "2026-02-28", "2026-03-01", "2026-03-02*"]);
  assert.deepEqual(names(["2026-02-27"], "day"), ["2026-02-27*"]);
});

test("hours too, over midnight", () => {
  assert.deepEqual(names(["2026-02-27 22:00", "2026-02-28 01:00"], "hour"), ["2026-02-27 22:00*", "2026-02-27 23:00", "2026-02-28 00:00", "2026-02-28 01:00*"]);
});

test("only the newest are drawn, as many as can be told apart", () => {
  const all = names(["2020-01-01", "2026-03-02"], "day");
  assert.equal(all.length, 72);
  assert.equal(all[71], "2026-03-02*");
});
