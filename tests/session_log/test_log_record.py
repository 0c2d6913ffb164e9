from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.session_log.log_fixtures import PNG, begin
from tray_bridge.session_log import Exchange, LogReader, SessionLog
from tray_bridge.turns import (
    Document,
    Image,
    Message,
    Restarted,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    ToolUse,
    Turn,
    TurnEnded,
    TurnStarted,
)

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Logs one exchange and reads it back."""

    def write(*events: Any, turn: Turn | None = None, **request: Any) -> dict[str, Any]:
        log = SessionLog(tmp_path)
        log.open()
        exchange: Exchange = begin(log, **request)
        if turn:
            exchange.set_turn(turn)
        for event in events:
            exchange.record(event)
        exchange.end("completed", status=200)
        log.close()
        document = LogReader(tmp_path).get("one")
        assert document is not None
        return document

    return write


def test_answer_reasoning_and_tool_calls_are_put_together(write: Write) -> None:
    document = write(
        TurnStarted("claude-sonnet-5"),
        ThinkingDelta("Let me "),
        ThinkingDelta("see."),
        TextDelta("I "),
        TextDelta("look."),
        ToolCallStarted(0, "call_1", "weather"),
        ToolCallStarted(1, "call_2", "time"),
        ToolCallDelta(0, '{"city":'),
        ToolCallDelta(1, "{}"),
        ToolCallDelta(0, '"Oslo"}'),
        TurnEnded("tool_use"),
    )
    assert document["answered_by"] == "claude-sonnet-5"
    assert (document["reasoning"], document["answer"]) == ("Let me see.", "I look.")
    assert document["tool_calls"] == [
        {"id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"id": "call_2", "name": "time", "arguments": "{}"},
    ]


def test_an_answer_that_begins_again_is_kept_once(write: Write) -> None:
    events = (TextDelta("Wro"), ToolCallStarted(0, "x", "y"), Restarted(), TextDelta("Right"), TurnEnded("end_turn"))
    document = write(*events)
    assert (document["answer"], document["tool_calls"]) == ("Right", [])


def test_images_and_files_are_stored_once_and_by_hash(write: Write, tmp_path: Path) -> None:
    pdf = base64.b64encode(b"%PDF-1.7 " + b"a" * 2000).decode()
    parts = [
        {"type": "text", "text": f"data:image/png;base64,{PNG}"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{pdf}"}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": pdf}},
    ]
    result = ToolResult("call_1", (Image("image/png", PNG),))
    blocks = (result, Image("image/png", PNG), Document("application/pdf", pdf), Document("text/plain", "abcdefghijkl"))
    turn = Turn("claude", (Message("user", blocks),))
    document = write(turn=turn, messages=[{"role": "user", "content": parts}])

    png, pdf_name, wav = (
        hashlib.sha256(base64.b64decode(data)).hexdigest() + suffix
        for data, suffix in ((PNG, ".png"), (pdf, ".pdf"), (pdf, ".wav"))
    )
    text, image, link, file, audio = document["request"]["messages"][0]["content"]
    assert text["text"].endswith(PNG)  # a prompt stays as it is
    assert image["image_url"]["url"] == f"blob:{png}"
    assert link["image_url"]["url"] == "https://example.org/a.png"
    assert file["file"]["file_data"] == f"blob:{pdf_name}"
    assert audio["input_audio"]["data"] == f"blob:{wav}"
    in_turn = document["turn"]["messages"][0]["content"]
    assert [block["type"] for block in in_turn] == ["tool_result", "image", "document", "document"]
    assert in_turn[0]["content"][0]["data"] == in_turn[1]["data"] == f"blob:{png}"
    assert (in_turn[2]["data"], in_turn[3]["data"]) == (f"blob:{pdf_name}", "abcdefghijkl")
    assert document["blobs"] == sorted([png, pdf_name, wav])
    assert sorted(path.name for path in (tmp_path / "blobs").iterdir()) == document["blobs"]
    assert LogReader(tmp_path).blob(png) == base64.b64decode(PNG)


def test_data_that_is_no_base64_stays_inline(write: Write) -> None:
    url = "data:image/png;base64,not base64!"
    document = write(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
    assert document["request"]["messages"][0]["content"][0]["image_url"]["url"] == url


def test_keys_are_taken_out_and_prompts_are_not(write: Write) -> None:
    document = write(
        question="my api_key is sk-1234",
        api_key="sk-1",
        extra_headers={"Authorization": "Bearer tb-2", "x-api-key": "tb-3", "accept": "json"},
        turn=Turn("claude", (Message("assistant", (ToolUse("t", "login", {"api_key": "from a prompt"}),)),)),
    )
    request = document["request"]
    assert request["api_key"] == "[redacted]"
    assert request["extra_headers"] == {"Authorization": "[redacted]", "x-api-key": "[redacted]", "accept": "json"}
    assert request["messages"][0]["content"] == "my api_key is sk-1234"
    assert document["turn"]["messages"][0]["content"][0]["input"] == {"api_key": "from a prompt"}


@pytest.mark.parametrize("text", ["\ud83d alone", "\x00\x1b[31m", "‮ right to left", "line\u2028break", "</script>"])
def test_hostile_texts_are_read_back_as_they_were(write: Write, text: str) -> None:
    document = write(TextDelta(text), question=text, turn=Turn("claude", (Message("user", (Text(text),)),)))
    assert document["answer"] == document["turn"]["messages"][0]["content"][0]["text"] == text


def test_a_request_that_was_not_understood_is_logged_as_sent(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    request = json.loads('{"model": 7, "messages": "nonsense", "n": null, "temperature": 1e300}')
    exchange = log.begin(
        exchange_id="odd", endpoint="/v1/chat/completions", client="", key_name=None, streamed=False, request=request
    )
    exchange.end("error", status=400)
    log.close()
    document = LogReader(tmp_path).get("odd")
    assert document is not None
    assert (document["request"], document["turn"], document["model"]) == (request, None, None)


@pytest.mark.parametrize("text", ["Hello", "x" * 5_000])
def test_messages_that_were_logged_before_are_logged_the_same(write: Write, text: str) -> None:
    question, answer = Message("user", (Text(text),)), Message("assistant", (Text("\ud83d"),))
    first = write(turn=Turn("sonnet", (question, answer, question)))
    again = write(turn=Turn("sonnet", (question, answer, Message("user", (Text("And?"),)))))
    fresh = write(turn=Turn("sonnet", (*map(replace, (question, answer)), Message("user", (Text("And?"),)))))
    assert [m["content"][0]["text"] for m in first["turn"]["messages"]] == [text, "\ud83d", text]
    assert (again["turn"], again["conversation"]) == (fresh["turn"], fresh["conversation"])
    assert set(again["turn"]["messages"][0]) == {"role", "content"}


def test_a_conversation_is_written_in_the_layout_that_json_has_by_itself(write: Write, tmp_path: Path) -> None:
    texts = ("One.", 'Two: "é"\n\\', "long " * 50, "")
    messages = [Message("user" if at % 2 == 0 else "assistant", (Text(text),)) for at, text in enumerate(texts)]
    messages.append(Message("user", (Text("a"), Text("b"))))
    document = write(turn=Turn("sonnet", tuple(messages)), messages=[])
    (file,) = tmp_path.glob("*/*.json")
    assert file.read_text("utf-8") == json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    assert document["turn"]["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": texts[1]}]}
