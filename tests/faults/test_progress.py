"""What counts as life and where a delta belongs (faults C7, C8), at a stand-in that sends exact events."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.running_bridge import RunningBridge, directive, running_bridge
from tests.tool_loop import function
from tray_bridge.standin import StandIn

Wire = dict[str, Any]
PING: Wire = {"type": "ping"}
LIMIT = 6
ALIVE = [event for _ in range(14) for event in (PING, {"pause": 1.0})]  # longer than the limit that holds


def start() -> Wire:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5", "content": []}
    usage = {"input_tokens": 3, "output_tokens": 1}
    return {
        "type": "message_start",
        "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage},
    }


def opened(index: int, **block: Any) -> Wire:
    return {"type": "content_block_start", "index": index, "content_block": block}


def text(index: int) -> Wire:
    return opened(index, type="text", text="")


def call(index: int, name: str = "read", call_id: str = "") -> Wire:
    return opened(index, type="tool_use", id=call_id or f"toolu_{index}", name=name, input={})


def piece(index: int, text: str) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def part(index: int, json: str) -> Wire:
    delta = {"type": "input_json_delta", "partial_json": json}
    return {"type": "content_block_delta", "index": index, "delta": delta}


def closed(index: int) -> Wire:
    return {"type": "content_block_stop", "index": index}


def end(reason: str = "end_turn") -> list[Wire]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}, {"type": "message_stop"}]


THINKING = opened(0, type="thinking", thinking="", signature="")
SIGNED: Wire = {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}}
QUIET = {
    "before the message and in a call": [
        *ALIVE,
        start(),
        call(0),
        *ALIVE,
        part(0, '{"path":"A"}'),
        closed(0),
        *end("tool_use"),
    ],
    "after its start and in hidden thinking": [
        start(),
        *ALIVE,
        THINKING,
        *ALIVE,
        SIGNED,
        closed(0),
        text(1),
        piece(1, "Hello"),
        closed(1),
        *end(),
    ],
}


@pytest.fixture(scope="module")
def waited_for(running_standin: StandIn) -> dict[str, Future[Any]]:
    """What came of each quiet answer, all asked for at once: none takes less than 28 seconds."""
    with running_bridge(running_standin, pool_size=len(QUIET), claude_timeout=LIMIT) as bridge:
        bridge.wait_until_warm(len(QUIET))
        with ThreadPoolExecutor(len(QUIET)) as pool:
            return {where: pool.submit(asked, bridge, directive(events=events)) for where, events in QUIET.items()}


def asked(bridge: RunningBridge, question: str) -> Any:
    create: Any = bridge.client.chat.completions.create
    answer = create(model="sonnet", messages=[{"role": "user", "content": question}], tools=[function("read")])
    return answer.choices[0].message


@pytest.mark.parametrize("where", QUIET)
def test_c7_pings_are_life(waited_for: dict[str, Future[Any]], where: str) -> None:
    message = waited_for[where].result()
    assert message.content == "Hello" or [c.function.arguments for c in message.tool_calls] == ['{"path":"A"}']


def test_c7_tools_ask_for_arguments_piece_by_piece(bridge: RunningBridge) -> None:
    asked(bridge, directive(text="ok"))
    (tool,) = bridge.standin.requests[-1].body["tools"]
    assert tool["eager_input_streaming"] is True


TWO_CALLS = [
    start(),
    call(0),
    call(1),
    part(0, '{"path":'),
    part(1, '{"path":'),
    part(0, '"A"}'),
    part(1, '"B"}'),
    closed(0),
    closed(1),
    *end("tool_use"),
]
TEXT_BESIDE = [
    start(),
    text(0),
    piece(0, "Look "),
    call(1),
    part(1, '{"path":'),
    piece(0, "there."),
    closed(0),
    part(1, '"A"}'),
    closed(1),
    *end("tool_use"),
]
INTERLEAVED = {"two calls": (TWO_CALLS, "", ["A", "B"]), "text beside a call": (TEXT_BESIDE, "Look there.", ["A"])}


@pytest.mark.full  # `test_blocks` has the same of more kinds
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", INTERLEAVED)
def test_c8_pieces_belong_to_their_block(bridge: RunningBridge, kind: str, streamed: bool) -> None:
    events, words, paths = INTERLEAVED[kind]
    request: Any = {
        "model": "sonnet",
        "messages": [{"role": "user", "content": directive(events=events)}],
        "tools": [function("read")],
    }
    said = ""
    arguments: dict[int, str] = {}
    if streamed:
        for chunk in bridge.client.chat.completions.create(**request, stream=True):
            delta = chunk.choices[0].delta
            said += delta.content or ""
            for each in delta.tool_calls or ():
                arguments[each.index] = arguments.get(each.index, "") + (each.function.arguments or "")
    else:
        message = bridge.client.chat.completions.create(**request).choices[0].message
        said = message.content or ""
        arguments = {at: each.function.arguments for at, each in enumerate(message.tool_calls or ())}
    assert said == words
    assert [arguments[at] for at in sorted(arguments)] == [f'{{"path":"{path}"}}' for path in paths]
