"""A program that speaks the CLI's line protocol, and gets it wrong where it is told to.

Run as the CLI: `wrong_claude.py FOLDER …`. FOLDER/fault names what goes wrong from the start on (nothing if it is
empty), FOLDER/starts gets a line with the time of each start. A question `say WORDS` is answered with them; `fault
NAME` has that fault in the middle of the answer, after one word; `babble SEED LINES` gets so many lines of nonsense
that resembles an answer.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEGABYTE = 2**20
VERSION = "2.1.332"


def write(message: object) -> None:
    put(json.dumps(message))


def put(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def put_bytes(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def silence() -> None:
    time.sleep(3600)


def exit_at_once() -> None:
    sys.stderr.write("something is missing\n")
    sys.stderr.flush()
    os._exit(1)


def complain_without_end() -> None:
    sys.stderr.write("x" * 20 * MEGABYTE)
    exit_at_once()


def stream_event(**event: Any) -> None:
    write({"type": "stream_event", "event": event, "session_id": "", "parent_tool_use_id": None})


FAULTS: dict[str, Callable[[], None]] = {
    "silence": silence,
    "exit": exit_at_once,
    "complaint": complain_without_end,
    "not JSON": lambda: put('{"type": "stream_event", "event'),
    "not UTF-8": lambda: put_bytes(b'{"type": "\xff\xfe\xc3"}\n'),
    "20 MB line": lambda: put('{"type": "x", "text": "' + "x" * 20 * MEGABYTE + '"}'),
    "20 MB without an end": lambda: put_bytes(b'{"type": "' + b"x" * 20 * MEGABYTE),
    "too deep": lambda: put('{"type": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "odd answer": lambda: write({"type": "control_response", "response": ["?"]}),
    "no event": lambda: write({"type": "stream_event"}),
    "odd event": lambda: write({"type": "stream_event", "event": 7}),
    "odd block": lambda: stream_event(type="content_block_start", index=0, content_block=None),
    "odd usage": lambda: stream_event(type="message_delta", delta={"stop_reason": []}, usage="much"),
    "odd limit": lambda: write({"type": "rate_limit_event", "rate_limit_info": {"utilization": "all"}}),
    "odd error": lambda: write({"type": "result", "is_error": True, "result": [], "api_error_status": "?"}),
}
GREETINGS: dict[str, Any] = {
    "old": {"claude_code_version": "2.0.5"},
    "odd": {"claude_code_version": VERSION, "models": 5, "account": ["?"]},
    "none": {},
}


def main() -> None:
    folder = Path(sys.argv[1])
    with (folder / "starts").open("a") as starts:
        starts.write(f"{time.monotonic()}\n")
    fault = (folder / "fault").read_text() if (folder / "fault").exists() else ""
    if fault in FAULTS:
        FAULTS[fault]()
        silence()
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "control_request":
            answer(message, fault)
            if fault == "exit after greeting" and message["request"]["subtype"] == "initialize":
                time.sleep(0.1)
                os._exit(1)
        elif message["type"] == "user":
            reply(message)


def answer(message: dict[str, Any], fault: str) -> None:
    """A control request is granted, whatever it is; `initialize` gets a greeting."""
    response: dict[str, Any] = {}
    if message["request"]["subtype"] == "initialize":
        models = [
            {"value": "sonnet", "resolvedModel": "claude-sonnet"},
            {"value": "haiku", "resolvedModel": "claude-haiku"},
        ]
        good = {"claude_code_version": VERSION, "account": {"apiKeySource": "x"}, "models": models}
        response = GREETINGS.get(fault, good)
        if servers := message["request"].get("sdkMcpServers"):
            ask_for_tools(servers[0], fault)
    body = {"subtype": "success", "request_id": message["request_id"], "response": response}
    write({"type": "control_response", "response": body})


def ask_for_tools(server: str, fault: str) -> None:
    if fault == "exit before tools":
        return  # and after the greeting, which makes the tools worth waiting for
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    request = {"subtype": "mcp_message", "server_name": server, "message": rpc}
    write({"type": "control_request", "request_id": "1", "request": request})
    if fault == "deaf":
        silence()  # it asks, and reads no answer


SCRAPS: list[Any] = [None, True, 0, -1, 1e308, float("nan"), float("inf"), "", "x", "\ud800", [], {}, [{}], {"x": []}]
WORDS = {
    "type": [
        "stream_event",
        "result",
        "assistant",
        "system",
        "control_request",
        "control_response",
        "rate_limit_event",
    ],
    "subtype": ["init", "api_retry", "success", "error", "mcp_message", "can_use_tool", "hook_callback"],
    "event": ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"],
    "block": ["text", "thinking", "tool_use", "text_delta", "input_json_delta", "server_tool_use"],
    "reason": ["end_turn", "max_tokens", "tool_use", "refusal", "stop_sequence", "pause_turn"],
}


def nonsense(chance: random.Random) -> Any:
    """One line's message: the right keys, and values that are right more often than not."""

    def value(*right: Any) -> Any:
        return chance.choice(right) if right and chance.random() < 0.85 else chance.choice(SCRAPS)

    block = {
        "type": value(*WORDS["block"]),
        "text": value("a", "b"),
        "id": value("t1"),
        "name": value("look"),
        "input": value({}),
    }
    usage = value({"input_tokens": value(1), "output_tokens": value(2), "output_tokens_details": value({})})
    event = {
        "type": value(*WORDS["event"], "message_stop"),
        "index": value(0, 1),
        "message": value({"model": value("claude-sonnet"), "usage": usage, "content": value([])}),
        "content_block": value(block),
        "delta": value({**block, "partial_json": value("{}"), "stop_reason": value(*WORDS["reason"], None)}),
        "usage": usage,
    }
    request = {
        "subtype": value(*WORDS["subtype"]),
        "server_name": value("client"),
        "message": value({"method": "tools/list"}),
    }
    return {
        "type": chance.choice([*WORDS["type"], *["stream_event"] * 12]) if chance.random() < 0.97 else value(),
        "subtype": value(*WORDS["subtype"]),
        "event": value(event),
        "request_id": value("1", "tray-bridge-1"),
        "request": value(request),
        "response": value({"subtype": value("success", "error"), "request_id": value("1"), "response": value({})}),
        "error": value(None, "rate_limit", "authentication_failed"),
        "is_error": value(False, True),
        "result": value("done", "API Error: 529"),
        "api_error_status": value(None, 529, 400),
        "retry_delay_ms": value(100, 10_000),
        "rate_limit_info": value({"status": value("rejected"), "utilization": value(0.5), "resetsAt": value(1)}),
        "tools": value([], ["StructuredOutput"]),
    }


def babble(seed: str, lines: str) -> None:
    """Ends the process, or is followed by a right answer."""
    chance = random.Random(seed)
    for _ in range(int(lines)):
        if chance.random() < 0.01:
            put(json.dumps(nonsense(chance))[: chance.randrange(100)])
        else:
            write(nonsense(chance))
    if chance.random() < 0.5:
        os._exit(chance.randrange(3))


def reply(message: dict[str, Any]) -> None:
    content = message["message"]["content"]
    text = content if isinstance(content, str) else "".join(block.get("text", "") for block in content)
    verb, _, rest = text.partition(" ")
    words = rest if verb == "say" else "Well"
    if verb == "babble":
        babble(*rest.split())
    opened = {"id": "m", "type": "message", "role": "assistant", "model": "claude-sonnet", "content": [], "usage": {}}
    stream_event(type="message_start", message=opened)
    stream_event(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
    stream_event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": words})
    if verb == "fault":
        time.sleep(0.3)  # what is printed at once may be read as one piece, and lost as one
        FAULTS[rest]()
        time.sleep(0.3)  # what follows is right again, and must not heal what went before
    stream_event(type="content_block_stop", index=0)
    stream_event(type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1})
    stream_event(type="message_stop")
    write({"type": "result", "subtype": "success", "is_error": False, "result": words, "usage": {}})


if __name__ == "__main__":
    main()
