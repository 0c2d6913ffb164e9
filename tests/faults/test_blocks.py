"""Blocks by their index, in any order and from any gateway (faults C8, C17, C18), whole and streamed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.faults.test_progress import call, closed, end, opened, part, piece, start, text
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import function
from tray_bridge.claude.wire_values import read_usage

Wire = dict[str, Any]
A, B = '{"path":"A"}', '{"path":"B"}'


def thought(index: int, words: str) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "thinking_delta", "thinking": words}}


def whole_call(index: int, call_id: str = "toolu_1") -> Wire:
    """A call whose arguments stand in its start, as some gateways send them."""
    return opened(index, type="tool_use", id=call_id, name="read", input={"path": "A"})


FALLBACK = {"from": {"model": "claude-opus-4-8"}, "to": {"model": "claude-sonnet-5"}}
THINKING = opened(0, type="thinking", thinking="", signature="")
# What upstream sends, the text of the answer, and the arguments of its calls.
ANSWERS: dict[str, tuple[list[Wire], str, list[str]]] = {
    "the second call is complete first": (
        [call(0), call(1), part(1, B), closed(1), part(0, A), closed(0), *end("tool_use")],
        "",
        [A, B],
    ),
    "text and two calls": (
        [
            text(0),
            call(1),
            call(2),
            piece(0, "a"),
            part(2, B),
            part(1, '{"path":'),
            piece(0, "b"),
            closed(2),
            part(1, '"A"}'),
            closed(0),
            closed(1),
            *end("tool_use"),
        ],
        "ab",
        [A, B],
    ),
    "two texts": (
        [text(0), text(1), piece(0, "a"), piece(1, "b"), piece(0, "A"), piece(1, "B"), closed(1), closed(0), *end()],
        "aAbB",
        [],
    ),
    "thinking beside text": (
        [THINKING, text(1), thought(0, "hm"), piece(1, "Hel"), closed(0), piece(1, "lo"), closed(1), *end()],
        "Hello",
        [],
    ),
    "indexes with gaps": (
        [text(3), piece(3, "a"), closed(3), call(7), part(7, A), closed(7), *end("tool_use")],
        "a",
        [A],
    ),
    "blocks that are never closed": ([text(0), piece(0, "a"), call(1), part(1, A), *end("tool_use")], "a", [A]),
    "one index twice": ([text(0), piece(0, "Hel"), closed(0), text(0), piece(0, "lo"), closed(0), *end()], "Hello", []),
    "an unknown block": (
        [
            opened(0, type="server_tool_use", id="s", name="web_search", input={}),
            closed(0),
            text(1),
            piece(1, "a"),
            closed(1),
            *end(),
        ],
        "a",
        [],
    ),
    "arguments in the start (C17)": ([whole_call(0), closed(0), *end("tool_use")], "", [A]),
    "arguments in the start and in pieces": ([whole_call(0), part(0, B), closed(0), *end("tool_use")], "", [B]),
    "a call without arguments": ([call(0), closed(0), *end("tool_use")], "", ["{}"]),
    "one id twice (C17)": (
        [
            call(0, call_id="toolu_x"),
            part(0, A),
            closed(0),
            call(1, call_id="toolu_x"),
            part(1, B),
            closed(1),
            *end("tool_use"),
        ],
        "",
        [A, B],
    ),
    "another model in the middle (C18)": (
        [
            text(0),
            piece(0, "Hel"),
            closed(0),
            opened(1, type="fallback", **FALLBACK),
            closed(1),
            text(2),
            piece(2, "lo"),
            closed(2),
            *end(),
        ],
        "Hello",
        [],
    ),
    "a call that is announced but does not come": ([text(0), piece(0, "a"), closed(0), *end("tool_use")], "a", []),
    "no reason to stop": ([text(0), piece(0, "a"), closed(0), *end("")], "a", []),
}


def asked(bridge: RunningBridge, events: list[Wire]) -> Wire:
    return {
        "model": "sonnet",
        "messages": [{"role": "user", "content": directive(events=[start(), *events])}],
        "tools": [function("read")],
    }


def plain(arguments: str) -> str:
    return arguments.replace(" ", "") or "{}"


# A whole answer is made of the same events as a stream: the usual run tries what needs more than to join them.
PUT_TOGETHER = {
    "the second call is complete first",
    "text and two calls",
    "arguments in the start (C17)",
    "one id twice (C17)",
}
WHOLE = [pytest.param(kind, marks=[pytest.mark.full] * (kind not in PUT_TOGETHER)) for kind in ANSWERS]


@pytest.mark.parametrize("kind", WHOLE)
def test_c8_a_whole_answer_has_each_piece_in_its_place(bridge: RunningBridge, kind: str) -> None:
    events, words, arguments = ANSWERS[kind]
    completion: Any = bridge.client.chat.completions.create(**asked(bridge, events))
    message = completion.choices[0].message
    assert (message.content or "") == words
    assert [plain(each.function.arguments) for each in message.tool_calls or ()] == arguments
    assert len({each.id for each in message.tool_calls or ()}) == len(arguments)
    assert completion.choices[0].finish_reason == ("tool_calls" if arguments else "stop")


@pytest.mark.parametrize("kind", ANSWERS)
def test_c8_a_stream_has_each_piece_in_its_place(bridge: RunningBridge, kind: str) -> None:
    events, words, arguments = ANSWERS[kind]
    said, got = "", dict[int, str]()
    chunks: Any = bridge.client.chat.completions.create(**asked(bridge, events), stream=True)
    for chunk in chunks:
        for choice in chunk.choices:
            said += choice.delta.content or ""
            for each in choice.delta.tool_calls or ():
                got[each.index] = got.get(each.index, "") + (each.function.arguments or "")
    assert said == words
    assert [plain(got[at]) for at in sorted(got)] == arguments


OTHERS: dict[str, tuple[str, Wire, Any]] = {
    "responses": (
        "/v1/responses",
        {"tools": [{"type": "function", "name": "read", "parameters": {"type": "object"}}]},
        lambda body: [plain(item["arguments"]) for item in body["output"] if item["type"] == "function_call"],
    ),
    "messages": (
        "/v1/messages",
        {"max_tokens": 500, "tools": [{"name": "read", "input_schema": {"type": "object"}}]},
        lambda body: [f'{{"path":"{block["input"]["path"]}"}}' for block in body["content"] if "input" in block],
    ),
    "ollama": (
        "/api/chat",
        {"stream": False, "tools": [function("read")]},
        lambda body: [
            f'{{"path":"{each["function"]["arguments"]["path"]}"}}' for each in body["message"]["tool_calls"]
        ],
    ),
}


IN_EACH_DIALECT = ["text and two calls"]
IN_ONE = ["arguments in the start (C17)", "one id twice (C17)"]  # the usual run tries them in Chat Completions alone


@pytest.mark.parametrize("kind", [*IN_EACH_DIALECT, *(pytest.param(kind, marks=pytest.mark.full) for kind in IN_ONE)])
@pytest.mark.parametrize("dialect", OTHERS)
def test_c8_other_dialects_have_the_same_calls(bridge: RunningBridge, dialect: str, kind: str) -> None:
    events, _, arguments = ANSWERS[kind]
    path, options, calls_in = OTHERS[dialect]
    question = asked(bridge, events)["messages"]
    body = {"model": "sonnet", "input" if dialect == "responses" else "messages": question, **options}
    response = httpx.post(bridge.url + path, json=body, timeout=60, verify=False)
    assert response.status_code == 200, response.text
    assert calls_in(response.json()) == arguments


def test_c17_the_model_sees_the_arguments_that_the_client_got(bridge: RunningBridge) -> None:
    request = asked(bridge, [whole_call(0), closed(0), *end("tool_use")])
    completion: Any = bridge.client.chat.completions.create(**request)
    message = completion.choices[0].message
    results = [{"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "inside A"}]
    messages = [*request["messages"], message.model_dump(exclude_none=True), *results]
    bridge.client.chat.completions.create(**{**request, "messages": messages})
    blocks = [block for each in bridge.standin.requests[-1].body["messages"] for block in each["content"]]
    assert {"path": "A"} in [block["input"] for block in blocks if block["type"] == "tool_use"]


def test_c18_the_model_of_an_answer_is_the_one_that_began_it(bridge: RunningBridge) -> None:
    events, _, _ = ANSWERS["another model in the middle (C18)"]
    completion: Any = bridge.client.chat.completions.create(**asked(bridge, events))
    assert completion.model in ("sonnet", "claude-sonnet-5")


@pytest.mark.parametrize("count", [None, "5", 5.0])
def test_c20_counts_of_tokens_in_other_types_end_no_answer(count: object) -> None:
    assert read_usage({"input_tokens": count, "output_tokens": 2}).input_tokens == (5 if count else 0)
    with pytest.raises(TypeError):
        read_usage({"input_tokens": "five"})
