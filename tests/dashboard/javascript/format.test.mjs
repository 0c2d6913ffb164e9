import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./load.mjs";

const { age, bytes, count, duration, money, plural, seconds, visible } = await page("format");

test("a duration has the two units that say most", () => {
  const said = [[0.0004, "0 ms"], [0.0994, "99 ms"], [0.0995, "0.10 s"], [0.84, "0.84 s"], [1, "1.0 s"], [9.94, "9.9 s"], [12.4, "12 s"],
    [59.6, "1 min"], [200, "3 min 20 s"], [3600, "1 h"], [7500, "2 h 5 min"], [273600, "3 d 4 h"], [-1, "0 ms"]];
  for (const [given, expected] of said) assert.equal(duration(given), expected, String(given));
});

test("a duration that is not known is a dash", () => {
  for (const given of [null, undefined, NaN]) assert.equal(duration(given), "–");
});

test("a running clock shows whole seconds", () => {
  assert.deepEqual([seconds(-2), seconds(0.9), seconds(59.9), seconds(61)], ["0 s", "0 s", "59 s", "1 min 1 s"]);
});

test("an age changes unit at a minute, an hour and a day", () => {
  assert.deepEqual([0, 59.9, 60, 3599, 3600, 86399, 86400].map(age), ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d"]);
});

test("numbers are grouped, and shortened from ten million on", () => {
  assert.deepEqual([1234567, 9999999, 12345678].map(count), ["1,234,567", "9,999,999", "12.3m"]);
});

test("one is singular, everything else plural", () => {
  assert.deepEqual([plural(1, "key"), plural(0, "key"), plural(2, "reply", "replies")], ["1 key", "0 keys", "2 replies"]);
});

test("small sums of money keep four digits", () => {
  assert.deepEqual([0, 0.0012, 0.01, 1234.5].map(money), ["$0.00", "$0.0012", "$0.01", "$1,234.50"]);
});

test("sizes change unit at 1024", () => {
  assert.deepEqual([1023, 1024, 1048575, 1572864].map(bytes), ["1023 bytes", "1 KB", "1024 KB", "1.5 MB"]);
});

test("control characters and changes of direction become visible, line ends and tabs stay", () => {
  assert.equal(visible("a\tb\r\nc"), "a\tb\nc");
  assert.equal(visible("\u0000\u001b\u007f"), "␀␛␡");
  for (const sign of ["\u202a", "\u202e", "\u2066", "\u2069", "\ufff9"]) assert.match(visible(sign), /^⟨U\+[0-9A-F]{4}⟩$/);
  assert.equal(visible("日本 é 👩‍💻"), "日本 é 👩‍💻");
});
