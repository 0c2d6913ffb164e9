"""The estimate of a prompt's tokens, against counts of the tokenizer that Anthropic published for earlier models."""

from __future__ import annotations

import base64

import pytest

from tray_bridge.bridge.estimate_tokens import estimate_text, estimate_turn
from tray_bridge.turns import (
    Block,
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
    Turn,
)

COUNTED: dict[str, tuple[str, int]] = {
    "text": (
        "The bridge reads the request, finds a worker that already holds the conversation, and asks"
        " it the newest question. Where none does, a spare one is taken; if all are busy, the reque"
        "st waits in a queue for at most a minute. Nothing is sent twice, and whatever ends a reque"
        "st is written down in the session log.",
        67,
    ),
    "python": (
        "def resolve(name: str, offered: Sequence[Model]) -> str:\n"
        "    for form in _forms(name):\n"
        "        found = _exact(form, offered) or _by_family(form, offered)\n"
        "        if found is not None:\n"
        "            return found.value\n"
        '    raise ModelNotFoundError(f"There is no model {name!r}.", param="model")\n',
        79,
    ),
    "json": (
        '{"id": "chatcmpl-81", "object": "chat.completion", "created": 1700000000, "model": "sonnet'
        '", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish'
        '_reason": "stop"}], "usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens":'
        " 19}}",
        87,
    ),
    "nested json": (
        '{\n  "severity": 1,\n  "tags": [\n    "profanity",\n    "australian"\n  ],\n  "additionalProperties": {\n'
        '    "type": ["string", "array", {"$ref": "#"}],\n    "items": {"properties": {"first_name": {"type": "string",'
        ' "maxLength": 64}}}\n  }\n}\n',
        75,
    ),
    "json on one line": (
        '{"a":1,"b":[1,2,3],"c":{"d":null,"e":true},"id":"9f86d081884c7d659a2feaa0c55ad015","at":"2026-11-28T09:15:04Z"'
        ',"usage":{"input_tokens":1024,"output_tokens":77}}',
        76,
    ),
    "a table": (
        "| Name | Type | Default | Description |\n| --- | --- | --- | --- |\n| `port` | integer | `8000` | Port to"
        " listen on |\n| `host` | string | `127.0.0.1` | Address to listen on |\n| `pool_size` | integer | `3` "
        "| Processes kept ready |\n",
        79,
    ),
    "javascript": (
        "export const useBridge = async ({ baseUrl, apiKey = '' }) => {\n  const response = await fetch(`${baseUrl}"
        "/models`, { headers: { Authorization: `Bearer ${apiKey}` } });\n  if (!response.ok) throw new Error("
        "`HTTP ${response.status}`);\n  return (await response.json()).data.map((model) => model.id);\n};\n",
        84,
    ),
    "chinese": (
        "桥接程序读取请求，找到已经保存该对话的进程，并向它提出最新的问题。如果没有这样的进程，就启动一个新的"
        "进程；如果所有进程都在忙，请求最多等待一分钟。任何内容都不会发送两次。",
        64,
    ),
    "chinese in json": (
        '{"role": "user", "content": "请把这份报告翻译成英文，并且总结三个要点。"}'
        ', {"role": "assistant", "content": "好的，报告的三个要点如下：第一，'
        '销售额增长了百分之十二；第二，客户满意度提高；第三，成本下降。"}',
        91,
    ),
    "chinese after marks": (
        "“今天的天气怎么样？”他问。“很好，”她回答，“我们去公园走走吧。”然后他们就出门了；路上（大约十分钟）"
        "遇到了一位老朋友。",
        68,
    ),
    "traditional chinese": (
        "橋接程式讀取請求，找到已經保存該對話的處理程序，並向它提出最新的問題。如果沒有這樣的處理程序，就啟動一個"
        "新的；任何內容都不會傳送兩次。",
        80,
    ),
    "long names": (
        "const DraftValidatorV202012 = new JsonSchemaValidator202012(sha512WithRSAEncryptionOptions"
        ");\nDraftValidatorV202012.validate(x509CertificateChain, sha256WithRSAEncryptionOptions);\n",
        43,
    ),
    "base64": (
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUN5RENDQWJDZ0F3SUJBZ0lCQURBTkJna3Foa2lHOXcwQkFRc0"
        "ZBREFWTVJNd0VRWURWUVFERXdwcmRXSmwKY201bGRHVnpNQjRYRFRFNE1EVXlPREl5TXpReU9Gb1hEVEk0TURVeU5U"
        "SXlNelF5T0Zvd0ZURVRNQkVHQTFVRQpBeE1LYTNWaVpYSnVaWFJs",
        155,
    ),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_an_estimate_errs_upwards_by_a_quarter_at_most(kind: str) -> None:
    text, counted = COUNTED[kind]
    assert counted <= estimate_text(text * 4) / 4 <= counted * 1.25


def test_all_that_a_turn_sends_counts() -> None:
    plain = Turn("m", (Message("user", (Text("Hello there"),)),))
    count = estimate_turn(plain)
    assert count > 0
    pdf = Document("application/pdf", "JVBERi0xIC9UeXBlIC9QYWdl")
    for more in (
        Turn("m", plain.messages, system=("Be brief.",)),
        Turn("m", plain.messages, tools=(Tool("f", "Do it.", {"type": "object"}),)),
        Turn("m", plain.messages, output_schema={"type": "object"}),
        Turn("m", (Message("user", (Text("Hello there"), Image("image/png", "broken"))),)),
        Turn("m", (Message("user", (Text("Hello there"), pdf)),)),
    ):
        assert estimate_turn(more) > count


ONE = "one two three four five six seven eight nine ten"  # 10 tokens of the published tokenizer, 12 with what is added
PAGES = base64.b64encode(b"/Type /Page /Type/Page /Type /Pages").decode()
GIF = base64.b64encode(b"GIF89a" + (75).to_bytes(2, "little") + (20).to_bytes(2, "little") + b"\0" * 8).decode()
LARGE_GIF = base64.b64encode(b"GIF89a" + b"\xff\xff\xff\xff" + b"\0" * 8).decode()


@pytest.mark.parametrize(
    ("block", "tokens"),
    [
        (Text(ONE), 12),
        (Thinking(ONE, "signature"), 12),
        (RedactedThinking("x" * 40), 10),
        (Document("text/plain", ONE), 12),
        (Document("application/pdf", PAGES), 4000),
        (Document("application/pdf", base64.b64encode(b"no page").decode()), 2000),
        (Document("application/pdf", "x"), 2000),
        (Image("image/gif", GIF), 3),
        (Image("image/gif", LARGE_GIF), 1600),
        (Image("image/gif", "R0lG"), 1600),
        (ToolUse("id", "one", {}), 12 + 2),
        (ToolResult("id", (Text(ONE), Text(ONE))), 12 + 24),
    ],
)
def test_each_kind_of_block_has_its_count(block: Block, tokens: int) -> None:
    assert estimate_turn(Turn("m", (Message("user", (block,)),))) == 4 + tokens


def test_tools_and_a_schema_have_their_count() -> None:
    asked = Turn("m", (Message("user", (Text(ONE),)),))
    tool = Tool("one", "two", {})
    assert estimate_turn(Turn("m", asked.messages, tools=(tool, tool))) == 16 + 320 + 2 * (12 + 3)
    assert estimate_turn(Turn("m", asked.messages, output_schema={})) == 16 + 1
    assert estimate_turn(Turn("m", ())) == 1


def test_the_chinese_of_a_schema_counts_as_chinese() -> None:
    def turn(words: str) -> Turn:
        return Turn("m", (), tools=(Tool("one", "two", {"description": words}),))

    assert estimate_turn(turn("数据" * 100)) - estimate_turn(turn("")) < 150  # as \\u6570 they would be many more
