import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { page } from "./load.mjs";

const { asCurl, asJavaScript, asPowerShell, asPython, asPythonHttp, asPythonMessages, hasLoneSurrogate } = await page("code");

const BODY = { model: "sonnet", messages: [{ role: "user", content: "It's \"quoted\" \\ $HOME `id`\nJSON\n\u00e9" }], stream: true, odd: null };

test("the body in a curl command reaches curl as it is", () => {
  const command = asCurl("http://localhost:1/v1/chat/completions", BODY);
  const shown = execFileSync("sh", ["-c", `curl() { cat; }\n${command}`], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(shown), BODY);
});

test("the body in a PowerShell command stands between the marks of a literal here-string", () => {
  const command = asPowerShell("http://localhost:1/v1/chat/completions", BODY);
  const [, shown] = /^\$body = @'\n([^]*)\n'@\n/.exec(command);
  assert.deepEqual(JSON.parse(shown), BODY);
  assert.doesNotMatch(shown, /^'@/m);
  assert.doesNotMatch(command, /Authorization/);
  assert.match(asPowerShell("u", BODY, true), /-Headers @\{ Authorization = "Bearer YOUR-KEY" \}/);
});

test("a curl command has a key only where one is needed", () => {
  assert.doesNotMatch(asCurl("u", BODY), /Authorization/);
  assert.match(asCurl("u", BODY, true), /-H "Authorization: Bearer YOUR-KEY"/);
});

test("what the SDK for Python does not know goes in extra_body", () => {
  const code = asPython("http://localhost:1/v1", { ...BODY, top_k: 3 });
  assert.match(code, /\n {4}stream=True,\n/);
  assert.match(code, /extra_body=\{\n {8}"odd": None,\n {8}"top_k": 3,\n {4}\},/);
  assert.match(code, /for chunk in answer:/);
  assert.doesNotMatch(asPython("u", { model: "m" }), /extra_body|for chunk/);
});

test("the SDK of Messages adds the /v1 by itself", () => {
  assert.match(asPythonMessages("http://localhost:1/v1", { model: "m" }), /base_url="http:\/\/localhost:1"/);
});

test("code without an SDK sends the key that it is given", () => {
  assert.match(asPythonHttp("u", {}, "k"), /"Authorization": "Bearer k"/);
  assert.doesNotMatch(asPythonHttp("u", {}, ""), /Authorization/);
});

test("names in JavaScript bear no quotation marks, texts do", () => {
  const code = asJavaScript("u", { model: "a", messages: [] });
  assert.match(code, /\n {2}model: "a",/);
});

test("a text that is no Unicode is sent as the escapes that it came in", () => {
  const body = { prompt: "lone \ud800" };
  assert.ok(hasLoneSurrogate(body));
  assert.ok(!hasLoneSurrogate({ prompt: "pair \u{1f600}" }));
  assert.match(asPythonHttp("u", body, ""), /"lone \\ud800"[^]*content=json\.dumps\(body\)/);
});
