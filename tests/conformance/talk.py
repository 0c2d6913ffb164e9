"""One conversation, written in any dialect: the next turn may come through another one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import httpx

from tests.conformance.client_adapters import CLIENTS, Adapter, Heard, Wire, function
from tests.e2e.upstream import turns
from tests.running_bridge import RunningBridge
from tests.tool_loop import sessions

SYSTEM = "You go through every dialect."
TOOL = "look_up"
BY_NAME = {client.dialect: client for client in CLIENTS if "one call" not in client.cannot}


class Talk:
    """A conversation, as no dialect writes it. A turn is what was said, a call with its id, or a call's result."""

    def __init__(self, bridge: RunningBridge) -> None:
        self.bridge = bridge
        self.said: list[tuple[str, Any]] = []

    def ask(self, dialect: str, text: str, *, stream: bool = False) -> Heard:
        self.said.append(("user", text))
        return self.send(dialect, stream=stream)

    def result(self, dialect: str, text: str) -> Heard:
        self.said.append(("result", text))
        return self.send(dialect)

    def send(self, dialect: str, *, stream: bool = False) -> Heard:
        client = BY_NAME[dialect]
        body = {"model": "sonnet", "stream": stream, **WRITERS[dialect](self.said)}
        answer = httpx.post(f"{self.bridge.url}{client.path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        heard = client.stream(answer.text) if stream else client.whole(answer.json())
        if heard.calls:
            self.said.append(("call", (call_id(client, answer.json()), *heard.calls[0])))
        else:
            self.said.append(("assistant", heard.text))
        return heard


def call_id(client: Adapter, body: Wire) -> str:
    """The id of the one call, as the dialect gives it."""
    if client.dialect == "openai_chat":
        found = body["choices"][0]["message"]["tool_calls"][0]["id"]
    elif client.dialect == "openai_responses":
        found = next(item["call_id"] for item in body["output"] if item["type"] == "function_call")
    elif client.dialect == "anthropic_messages":
        found = next(block["id"] for block in body["content"] if block["type"] == "tool_use")
    else:
        found = body["message"]["tool_calls"][0]["id"]
    return str(found)


def chat(said: list[tuple[str, Any]], *, for_ollama: bool = False) -> Wire:
    messages: list[Wire] = [{"role": "system", "content": SYSTEM}]
    asked = ""
    for kind, what in said:
        if kind == "call":
            asked, name, arguments = what
            given = {"name": name, "arguments": arguments if for_ollama else json.dumps(arguments)}
            call = {"function": given} if for_ollama else {"id": asked, "type": "function", "function": given}
            messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        elif kind == "result":
            messages.append({"role": "tool", "content": what, **({} if for_ollama else {"tool_call_id": asked})})
        else:
            messages.append({"role": kind, "content": what})
    return {"messages": messages, "tools": [{"type": "function", "function": function(TOOL)}]}


def ollama(said: list[tuple[str, Any]]) -> Wire:
    return chat(said, for_ollama=True)


def responses(said: list[tuple[str, Any]]) -> Wire:
    items: list[Wire] = []
    asked = ""
    for kind, what in said:
        if kind == "call":
            asked, name, arguments = what
            item: Wire = {"type": "function_call", "call_id": asked, "name": name, "arguments": json.dumps(arguments)}
        elif kind == "result":
            item = {"type": "function_call_output", "call_id": asked, "output": what}
        else:
            item = {"role": kind, "content": what}
        items.append(item)
    return {"instructions": SYSTEM, "input": items, "tools": [{"type": "function", **function(TOOL)}]}


def messages(said: list[tuple[str, Any]]) -> Wire:
    found: list[Wire] = []
    asked = ""
    for kind, what in said:
        if kind == "call":
            asked, name, arguments = what
            block: Wire = {"type": "tool_use", "id": asked, "name": name, "input": arguments}
            found.append({"role": "assistant", "content": [block]})
        elif kind == "result":
            block = {"type": "tool_result", "tool_use_id": asked, "content": what}
            found.append({"role": "user", "content": [block]})
        else:
            found.append({"role": kind, "content": what})
    offered = function(TOOL)
    tool = {"name": TOOL, "description": offered["description"], "input_schema": offered["parameters"]}
    return {"system": SYSTEM, "messages": found, "tools": [tool]}


WRITERS: Mapping[str, Any] = {
    "openai_chat": chat,
    "openai_responses": responses,
    "anthropic_messages": messages,
    "ollama": ollama,
}


def check_kept(bridge: RunningBridge, requests: int) -> None:
    """One request a turn, all of one process, each with what went before it unchanged at its head."""
    asked = bridge.standin.requests
    assert len(asked) == requests
    assert len(set(sessions(bridge))) == 1
    for before, after in pairwise([turns(received.body) for received in asked]):
        assert after[: len(before)] == before
