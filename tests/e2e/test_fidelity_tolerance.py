"""What real clients send is taken as they mean it: the rows of what some 25 of them were seen to send, and worse."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.upstream import Wire, answer, chunks_of, deltas, finish_reasons, newest, post, system_prompt, turns
from tests.running_bridge import RunningBridge, directive

Make = Callable[..., RunningBridge]

GIF = base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode()
OK = directive(text="ok")
ASK: Wire = {"role": "user", "content": OK}
PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": '{"path": "a"}'}}
ANTHROPIC_CALL = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}}


def text(words: str) -> Wire:
    return {"type": "text", "text": words}


def function(name: str, **more: object) -> Wire:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": PARAMETERS, **more}}


# What is sent, and the turns before the question that must arrive (None: the question alone).
BODIES: dict[str, tuple[Wire, list[tuple[str, list[Wire]]]]] = {
    "openai: extra headers apart, only the caller's fields": ({"messages": [ASK]}, []),
    "langchain: no content beside calls": (
        {
            "messages": [
                {"role": "user", "content": "Read."},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "A"},
                {"role": "assistant", "content": "It says A.", "refusal": None},
                ASK,
            ],
            "tools": [function("Read")],
            "parallel_tool_calls": False,
        },
        [
            ("user", [text("Read.")]),
            ("assistant", [{**ANTHROPIC_CALL, "id": "call_1"}]),
            ("user", [{"type": "tool_result", "tool_use_id": "call_1", "content": [text("A")]}]),
            ("assistant", [text("It says A.")]),
        ],
    ),
    "librechat: reasoning as an object": (
        {"messages": [ASK], "reasoning": {"effort": "low", "summary": "auto"}, "verbosity": "medium"},
        [],
    ),
    "llamaindex: always a temperature": ({"messages": [ASK], "temperature": 0.1, "max_tokens": None}, []),
    "pydantic-ai: strict tools": (
        {"messages": [ASK], "tools": [function("final_result", strict=True)], "tool_choice": "auto"},
        [],
    ),
    "opencode, Chatbox: numbers as floats": (
        {"messages": [ASK], "max_tokens": 32000.0, "n": 1.0, "temperature": 1, "top_p": 0.95, "top_logprobs": 0.0},
        [],
    ),
    "aider: few-shot turns, one role after itself": (
        {
            "messages": [
                {"role": "system", "content": "Act as an expert."},
                {"role": "user", "content": "Change x."},
                {"role": "assistant", "content": "Ok."},
                {"role": "user", "content": "I switched to a new code base."},
                {"role": "assistant", "content": "Ok."},
                {"role": "system", "content": "Remember the format."},
                ASK,
            ],
            "temperature": 0,
        },
        [
            ("user", [text("Change x.")]),
            ("assistant", [text("Ok.")]),
            ("user", [text("I switched to a new code base.")]),
            ("assistant", [text("Ok.")]),
        ],
    ),
    "Continue: tools named as the CLI's own, many stops, blanks for nothing": (
        {
            "messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": " "}, ASK],
            "tools": [function(name) for name in ("Read", "List", "Bash", "Fetch", "Skills")],
            "stop": ["\n\n\n", "", *(f"<stop {n}>" for n in range(12))],
        },
        [],
    ),
    "Cline: developer role and effort": (
        {
            "messages": [{"role": "developer", "content": "You are Cline."}, {"role": "user", "content": [text(OK)]}],
            "reasoning_effort": "high",
            "stream_options": None,
        },
        [],
    ),
    "Zed: results and pictures in arrays": (
        {
            "messages": [
                {"role": "user", "content": [text("Read.")], "name": "me"},
                {"role": "assistant", "content": [], "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": [text("A"), text("B")]},
                {"role": "user", "content": [text(OK)]},
            ],
            "max_completion_tokens": 4096,
            "parallel_tool_calls": False,
            "temperature": 1.0,
            "tools": [function("Read")],
        },
        [
            ("user", [text("Read.")]),
            ("assistant", [{**ANTHROPIC_CALL, "id": "call_1"}]),
            ("user", [{"type": "tool_result", "tool_use_id": "call_1", "content": [text("A"), text("B")]}]),
        ],
    ),
    "Cursor: Anthropic's blocks and bare tools": (
        {
            "messages": [
                {"role": "user", "content": [text("Read.")]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}, ANTHROPIC_CALL]},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "A", "is_error": True}],
                },
                {"role": "assistant", "content": [text("An error.")]},
                ASK,
            ],
            "system": [{**text("Be brief."), "cache_control": {"type": "ephemeral"}}],
            "tools": [{"name": "Read", "description": "d", "input_schema": PARAMETERS}],
            "tool_choice": {"type": "auto"},
            "stop_sequences": ["<end>"],
        },
        [
            ("user", [text("Read.")]),
            ("assistant", [ANTHROPIC_CALL]),
            ("user", [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("A")], "is_error": True}]),
            ("assistant", [text("An error.")]),
        ],
    ),
    "Cursor: a body of the Responses API": (
        {
            "input": [
                {"role": "developer", "content": "Be brief."},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Read."}]},
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {"type": "function_call", "call_id": "call_1", "name": "Read", "arguments": '{"path": "a"}'},
                {"type": "function_call_output", "call_id": "call_1", "output": "A"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It says A."}]},
                {"role": "user", "content": [{"type": "input_text", "text": OK}]},
            ],
            "instructions": "Help.",
            "tools": [
                {"type": "function", "name": "Read", "description": "d", "parameters": PARAMETERS},
                {"type": "custom", "name": "patch", "format": {"type": "grammar"}},
                {"type": "web_search"},
            ],
            "text": {"format": {"type": "text"}, "verbosity": "low"},
            "include": ["reasoning.encrypted_content"],
            "max_output_tokens": 1000,
            "store": False,
            "truncation": "auto",
        },
        [
            ("user", [text("Read.")]),
            ("assistant", [{**ANTHROPIC_CALL, "id": "call_1"}]),
            ("user", [{"type": "tool_result", "tool_use_id": "call_1", "content": [text("A")]}]),
            ("assistant", [text("It says A.")]),
        ],
    ),
    "a bare string of input": ({"input": OK}, []),
    "Open WebUI: a task call with odd fields": (
        {"messages": [ASK], "metadata": {"task": "title"}, "chat_id": "c", "keep_alive": "5m", "options": {}},
        [],
    ),
    "unknown roles and parts in the past": (
        {
            "messages": [
                {"role": "observer", "content": "Somebody came in."},
                {"role": "assistant", "content": [{"type": "hologram", "x": 1}, text("Hello.")]},
                {"role": "user", "content": [{"type": "canvas", "y": 2}, text("Well?"), None]},
                {"role": "assistant", "content": "", "audio": {"id": "a"}, "annotations": []},
                {"role": "assistant", "content": None, "refusal": "I would rather not."},
                ASK,
            ]
        },
        [
            ("user", [text("Somebody came in.")]),
            ("assistant", [text("Hello.")]),
            ("user", [text("Well?")]),
            ("assistant", [text("I would rather not.")]),
        ],
    ),
    "the older functions": (
        {
            "messages": [
                {"role": "user", "content": "Read."},
                {"role": "assistant", "content": None, "function_call": {"name": "Read", "arguments": '{"path": "a"}'}},
                {"role": "function", "name": "Read", "content": "A"},
                {"role": "assistant", "content": "It says A."},
                ASK,
            ],
            "functions": [{"name": "Read", "description": "d", "parameters": PARAMETERS}],
            "function_call": "auto",
        },
        [
            ("user", [text("Read.")]),
            ("assistant", [{**ANTHROPIC_CALL, "id": "call"}]),
            ("user", [{"type": "tool_result", "tool_use_id": "call", "content": [text("A")]}]),
            ("assistant", [text("It says A.")]),
        ],
    ),
    "pictures in each dialect": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": f"data:image/gif;base64,{GIF}"},
                        {"type": "input_image", "image_url": f"data:image/gif;base64,{GIF}", "detail": "high"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": GIF}},
                    ],
                },
                {"role": "assistant", "content": "Three."},
                ASK,
            ]
        },
        [
            ("user", [{"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": GIF}}] * 3),
            ("assistant", [text("Three.")]),
        ],
    ),
}


@pytest.mark.parametrize("client", BODIES)
def test_what_real_clients_send_is_taken_as_they_mean_it(bridge: RunningBridge, client: str) -> None:
    body, past = BODIES[client]
    assert answer(bridge, body)["content"] == "ok"
    *found, (role, question) = turns(newest(bridge))
    asked = [*found, (role, question[:-1])] if question[:-1] else found
    assert question[-1] == text(OK)
    if client.startswith("Continue"):  # an answer of blanks is none: what the user said before it is asked with it
        past = [("user", [text("Hello.")])]
    assert asked == past


def test_system_prompts_of_every_dialect_arrive(bridge: RunningBridge) -> None:
    answer(bridge, BODIES["Cursor: a body of the Responses API"][0])
    assert system_prompt(newest(bridge)) == "Help.\n\nBe brief."
    answer(bridge, BODIES["Cursor: Anthropic's blocks and bare tools"][0])
    assert system_prompt(newest(bridge)) == "Be brief."
    (tool,) = newest(bridge)["tools"]
    assert (tool["name"], tool["input_schema"]) == ("Read", PARAMETERS)


REFUSED: dict[str, tuple[Wire, str, str]] = {
    "an unknown role": ({"role": "observer", "content": "x"}, "messages[0].role", "assistant"),
    "an unknown part": (
        {"role": "user", "content": [{"type": "hologram"}]},
        "messages[0].content[0].type",
        "image_url",
    ),
    "no role": ({"content": "x"}, "messages[0].role", "role"),
    "a number as content": ({"role": "user", "content": 7}, "messages[0].content", "string"),
    "an answer without a question": ({"role": "assistant", "content": "x"}, "messages[0].role", "user message"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_can_mean_is_a_400_that_says_what_is_known(bridge: RunningBridge, case: str) -> None:
    message, param, word = REFUSED[case]
    response = post(bridge, {"messages": [message]})
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param)
    assert word in error["message"]


def test_a_streams_frames_suit_the_strictest_reader(bridge: RunningBridge) -> None:
    """Zed wants choices with an index in every chunk; the AI SDK parses every data line; Continue hates early usage."""
    spec = {"thinking": "Hm.", "chunks": ["One\u2028", " two"], "tools": [{"name": "Read", "input": {"path": "a"}}]}
    body = {
        "messages": [{"role": "user", "content": directive(**spec)}],
        "tools": [function("Read")],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    response = post(bridge, body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-request-id"] and int(response.headers["openai-processing-ms"]) >= 0
    frames = response.content.split(b"\n\n")
    assert frames[-2:] == [b"data: [DONE]", b""]
    assert all(frame.startswith(b"data: ") and b"\n" not in frame for frame in frames[:-1])
    *chunks, usage = chunks_of(response)
    assert usage["choices"] == [] and all(isinstance(usage["usage"][key], int) for key in ("total_tokens",))
    assert all([choice["index"] for choice in chunk["choices"]] == [0] for chunk in chunks)
    assert not any(chunk.get("usage") for chunk in chunks)
    assert len({(chunk["id"], chunk["created"], chunk["object"]) for chunk in [*chunks, usage]}) == 1
    roles = [chunk["choices"][0]["delta"]["role"] for chunk in chunks if "role" in chunk["choices"][0]["delta"]]
    assert roles == ["assistant"] and "role" in chunks[0]["choices"][0]["delta"]
    assert deltas(chunks, "content") == "One\u2028 two"
    calls: list[Any] = [call for c in chunks for call in c["choices"][0]["delta"].get("tool_calls", ())]
    assert all(call["index"] == 0 for call in calls)
    assert [call["id"] for call in calls if "id" in call] == [calls[0]["id"]]
    assert finish_reasons(chunks) == ["tool_calls"]
    assert chunks[-1]["choices"][0]["delta"] == {}


def test_a_silence_is_filled_with_comments_that_clients_pass_over(bridge_with: Make) -> None:
    bridge = bridge_with(keepalive_seconds=0.2)
    content = directive(chunks=["One", " two"], rate=1)
    response = post(bridge, {"messages": [{"role": "user", "content": content}], "stream": True})
    frames = response.text.split("\n\n")
    assert ": keep-alive" in frames
    assert all(frame.startswith("data: ") or frame in (": keep-alive", "") for frame in frames)
    assert frames[0].startswith("data: "), "headers and first chunk come together, so an error can still be a status"
    stream = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": content}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "One two"
