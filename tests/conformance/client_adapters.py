"""How a client of each dialect asks, and what it understands of an answer: one small adapter for each dialect.

A new dialect adds its adapter here; `test_conformance` then runs it over the same list as all others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from tray_bridge.bridge.openai_completions.infill import OPENING_TOKENS

Ending = Literal["end", "limit", "stop", "calls", "refusal"]
Wire = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """What a client asks: the text, the tools that may be called, a limit of tokens, a stop string."""

    text: str
    stream: bool
    tools: Sequence[str] = ()
    limit: int | None = None
    stop: str | None = None
    think: bool = False


@dataclass
class Heard:
    """What a client has understood. `ending` is the dialect's own word; `error` is the message of an error."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    ending: str = ""
    error: str = ""
    output_tokens: int | None = None
    complete: bool = False


class Adapter:
    """A client of one dialect. `endings` are its words for how an answer ends; `cannot` names what it cannot say."""

    dialect: str
    path: str
    media_type = "text/event-stream"
    endings: ClassVar[Mapping[Ending, str]]
    cannot: frozenset[str] = frozenset()
    beyond_limit = 0  # tokens that an answer may have above its limit, for what the dialect itself adds to it

    def ask(self, asked: Question) -> Wire:
        raise NotImplementedError

    def whole(self, body: Wire) -> Heard:
        raise NotImplementedError

    def stream(self, text: str) -> Heard:
        raise NotImplementedError

    def error(self, body: Wire) -> str:
        """The message of an error's body; raises KeyError where the shape is not the dialect's."""
        return str(body["error"]["message"])


def sse(text: str) -> list[tuple[str, str]]:
    """Each frame's event name and data; comments are left out."""
    frames = []
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line and not line.startswith(":")]
        fields = {name: value for name, _, value in lines}
        if fields:
            frames.append((fields.get("event", ""), fields["data"]))
    return frames


def function(name: str) -> Wire:
    return {"name": name, "description": "A tool.", "parameters": {"type": "object", "properties": {}}}


class ChatCompletions(Adapter):
    dialect = "openai_chat"
    path = "/v1/chat/completions"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "stop",
        "limit": "length",
        "stop": "stop",
        "calls": "tool_calls",
        "refusal": "content_filter",
    }

    def ask(self, asked: Question) -> Wire:
        body: Wire = {"model": "sonnet", "messages": [{"role": "user", "content": asked.text}], "stream": asked.stream}
        body |= {"max_completion_tokens": asked.limit, "stop": asked.stop}
        if asked.stream:
            body["stream_options"] = {"include_usage": True}
        if asked.tools:
            body["tools"] = [{"type": "function", "function": function(name)} for name in asked.tools]
        return body

    def whole(self, body: Wire) -> Heard:
        (choice,) = body["choices"]
        message = choice["message"]
        calls = [call["function"] for call in message.get("tool_calls", ())]
        return Heard(
            message["content"] or "",
            message.get("reasoning_content", ""),
            [(call["name"], json.loads(call["arguments"])) for call in calls],
            choice["finish_reason"],
            output_tokens=body["usage"]["completion_tokens"],
            complete=True,
        )

    def stream(self, text: str) -> Heard:
        heard, calls = Heard(), []
        for _, data in sse(text):
            if data == "[DONE]":
                heard.complete = True
                continue
            chunk = json.loads(data)
            if "error" in chunk:
                heard.error = self.error(chunk)
                continue
            if chunk.get("usage"):
                heard.output_tokens = chunk["usage"]["completion_tokens"]
            for choice in chunk["choices"]:
                delta = choice["delta"]
                heard.text += delta.get("content") or ""
                heard.thinking += delta.get("reasoning_content", "")
                for call in delta.get("tool_calls", ()):
                    if "id" in call:
                        calls.append([call["function"]["name"], ""])
                    calls[call["index"]][1] += call["function"]["arguments"]
                heard.ending = choice["finish_reason"] or heard.ending
        heard.calls = [(name, json.loads(arguments)) for name, arguments in calls]
        return heard


class Completions(Adapter):
    dialect = "openai_completions"
    path = "/v1/completions"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "stop",
        "limit": "length",
        "stop": "stop",
        "refusal": "content_filter",
    }
    cannot = frozenset({"thinking", "one call", "parallel calls"})
    beyond_limit = OPENING_TOKENS

    def ask(self, asked: Question) -> Wire:
        return {
            "model": "sonnet",
            "prompt": asked.text,
            "stream": asked.stream,
            "max_tokens": asked.limit,
            "stop": asked.stop,
        }

    def whole(self, body: Wire) -> Heard:
        (choice,) = body["choices"]
        return Heard(
            choice["text"],
            ending=choice["finish_reason"],
            output_tokens=body["usage"]["completion_tokens"],
            complete=True,
        )

    def stream(self, text: str) -> Heard:
        heard = Heard()
        for _, data in sse(text):
            if data == "[DONE]":
                heard.complete = True
                continue
            chunk = json.loads(data)
            if "error" in chunk:
                heard.error = self.error(chunk)
                continue
            for choice in chunk["choices"]:
                heard.text += choice["text"]
                heard.ending = choice["finish_reason"] or heard.ending
        return heard


class Responses(Adapter):
    dialect = "openai_responses"
    path = "/v1/responses"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "completed",
        "limit": "max_output_tokens",
        "calls": "completed",
        "refusal": "content_filter",
    }
    cannot = frozenset({"stop string"})

    def ask(self, asked: Question) -> Wire:
        body: Wire = {"model": "sonnet", "input": asked.text, "stream": asked.stream, "max_output_tokens": asked.limit}
        if asked.think:
            body["reasoning"] = {"summary": "auto"}
        if asked.tools:
            body["tools"] = [{"type": "function", **function(name)} for name in asked.tools]
        return body

    def whole(self, body: Wire) -> Heard:
        heard = Heard(complete=True, output_tokens=body["usage"]["output_tokens"])
        heard.ending = (body["incomplete_details"] or {}).get("reason") or body["status"]
        for item in body["output"]:
            if item["type"] == "message":
                heard.text += "".join(part.get("text", "") for part in item["content"])
            elif item["type"] == "reasoning":
                heard.thinking += "".join(part["text"] for part in item["summary"])
            elif item["type"] == "function_call":
                heard.calls.append((item["name"], json.loads(item["arguments"])))
        return heard

    def stream(self, text: str) -> Heard:
        heard, said, numbers = Heard(), "", []
        for name, data in sse(text):
            event = json.loads(data)
            assert event["type"] == name
            numbers.append(event["sequence_number"])
            if name == "response.output_text.delta":
                said += event["delta"]
            elif name == "response.failed":
                heard.error = event["response"]["error"]["message"]
            elif name in ("response.completed", "response.incomplete"):
                heard = self.whole(event["response"])
        assert numbers == list(range(len(numbers)))
        if heard.complete:
            assert heard.text.startswith(said)
        heard.text = heard.text or said
        return heard


class Messages(Adapter):
    dialect = "anthropic_messages"
    path = "/v1/messages"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "end_turn",
        "limit": "max_tokens",
        "stop": "stop_sequence",
        "calls": "tool_use",
        "refusal": "refusal",
    }

    def ask(self, asked: Question) -> Wire:
        body: Wire = {"model": "sonnet", "max_tokens": asked.limit or 1000, "stream": asked.stream}
        body["messages"] = [{"role": "user", "content": asked.text}]
        if asked.stop:
            body["stop_sequences"] = [asked.stop]
        if asked.think:
            body["thinking"] = {"type": "adaptive", "display": "summarized"}
        if asked.tools:
            body["tools"] = [{"name": name, "input_schema": function(name)["parameters"]} for name in asked.tools]
        return body

    def whole(self, body: Wire) -> Heard:
        blocks = body["content"]
        return Heard(
            "".join(block["text"] for block in blocks if block["type"] == "text"),
            "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
            [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"],
            body["stop_reason"],
            output_tokens=body["usage"]["output_tokens"],
            complete=True,
        )

    def stream(self, text: str) -> Heard:
        heard, calls = Heard(), []
        for name, data in sse(text):
            event = json.loads(data)
            assert event["type"] == name
            if name == "error":
                heard.error = self.error(event)
            elif name == "content_block_start" and event["content_block"]["type"] == "tool_use":
                calls.append([event["content_block"]["name"], ""])
            elif name == "content_block_delta":
                delta = event["delta"]
                heard.text += delta.get("text", "")
                heard.thinking += delta.get("thinking", "")
                if "partial_json" in delta:
                    calls[-1][1] += delta["partial_json"]
            elif name == "message_delta":
                heard.ending = event["delta"]["stop_reason"]
                heard.output_tokens = event["usage"]["output_tokens"]
            elif name == "message_stop":
                heard.complete = True
        heard.calls = [(name, json.loads(arguments or "{}")) for name, arguments in calls]
        return heard


class Ollama(Adapter):
    dialect = "ollama"
    path = "/api/chat"
    media_type = "application/x-ndjson"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "stop",
        "limit": "length",
        "stop": "stop",
        "calls": "stop",
        "refusal": "stop",
    }

    def ask(self, asked: Question) -> Wire:
        body: Wire = {"model": "sonnet", "messages": [{"role": "user", "content": asked.text}]}
        if not asked.stream:
            body["stream"] = False  # Ollama's default is to stream
        options = {"num_predict": asked.limit, "stop": [asked.stop] if asked.stop else None}
        body["options"] = {name: value for name, value in options.items() if value is not None}
        if asked.tools:
            body["tools"] = [{"type": "function", "function": function(name)} for name in asked.tools]
        return body

    def whole(self, body: Wire) -> Heard:
        return self._join([body])

    def stream(self, text: str) -> Heard:
        return self._join([json.loads(line) for line in text.splitlines()])

    def error(self, body: Wire) -> str:
        message = body["error"]
        if not isinstance(message, str):
            raise KeyError("error")
        return message

    def _join(self, lines: Sequence[Wire]) -> Heard:
        heard = Heard()
        for line in lines:
            if "error" in line:
                heard.error = self.error(line)
                continue
            message = line["message"]
            heard.text += message["content"]
            heard.thinking += message.get("thinking", "")
            for call in message.get("tool_calls", ()):
                heard.calls.append((call["function"]["name"], call["function"]["arguments"]))
            if line["done"]:
                heard.ending, heard.complete = line["done_reason"], True
                heard.output_tokens = line["eval_count"]
        return heard


CLIENTS: tuple[Adapter, ...] = (ChatCompletions(), Completions(), Responses(), Messages(), Ollama())
