"""A dialect in one file: the proof that one folder is all it takes. Its client sends one line and reads JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from tests.conformance.client_adapters import Adapter, Ending, Heard, Question, Wire
from tray_bridge.bridge.dialect import Asked, Dialect, Failure, Frame, Framing, Reading, Stamp, Writer
from tray_bridge.bridge.fields import read_string
from tray_bridge.bridge.frames import json_frame
from tray_bridge.errors import InvalidRequestError
from tray_bridge.snapshots import ModelSnapshot
from tray_bridge.turns import (
    Event,
    JsonObject,
    Message,
    Text,
    TextDelta,
    ThinkingDelta,
    Tool,
    ToolCallDelta,
    ToolCallStarted,
    Turn,
    TurnEnded,
)

PATH = "/tiny"


class TinyWriter:
    def write(self, event: Event) -> Sequence[Frame]:
        return [json_frame(line) for line in lines_of(event)]


def lines_of(event: Event) -> list[Wire]:
    match event:
        case TextDelta(text):
            return [{"text": text}]
        case ThinkingDelta(text):
            return [{"thought": text}]
        case ToolCallStarted(index, _, name):
            return [{"call": index, "name": name}]
        case ToolCallDelta(index, piece):
            return [{"call": index, "arguments": piece}]
        case TurnEnded(reason, usage):
            return [{"end": reason, "tokens": usage.output_tokens}]
        case _:
            return []


class Tiny(Dialect):
    name = "tiny"
    title = "Tiny"
    paths = (PATH,)
    id_prefix = "tiny_"
    framing: Framing = "ndjson"
    streams_by_default = True
    operation: JsonObject = MappingProxyType({})

    def read(self, body: JsonObject, reading: Reading) -> Asked:
        say = read_string(body.get("say"), "say")
        if not say:
            raise InvalidRequestError("`say` is missing.", param="say")
        turn = Turn(
            reading.resolve_model("default"),
            (Message("user", (Text(say),)),),
            tools=tuple(Tool(name, "", {"type": "object"}) for name in body.get("tools", ())),
            max_tokens=body.get("limit"),
            stop=tuple(body.get("stop", ())),
        )
        return Asked(turn, "default", streamed=body.get("stream", True))

    def writer(self, asked: Asked, stamp: Stamp, index: int) -> Writer:
        return TinyWriter()

    def whole(self, asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> JsonObject:
        return {"lines": [line for events in answers for event in events for line in lines_of(event)]}

    def error(self, failure: Failure) -> JsonObject:
        return {"wrong": failure.message}

    def error_frames(self, failure: Failure, writers: Sequence[Writer]) -> Sequence[Frame]:
        return (json_frame(self.error(failure)),)

    def models(self, offered: Sequence[ModelSnapshot]) -> JsonObject | None:
        return None


class TinyClient(Adapter):
    dialect = "tiny"
    path = PATH
    media_type = "application/x-ndjson"
    endings: ClassVar[Mapping[Ending, str]] = {
        "end": "end_turn",
        "limit": "max_tokens",
        "stop": "stop_sequence",
        "calls": "tool_use",
        "refusal": "refusal",
    }

    def ask(self, asked: Question) -> Wire:
        return {
            "say": asked.text,
            "stream": asked.stream,
            "tools": asked.tools,
            "limit": asked.limit,
            "stop": [asked.stop] if asked.stop else [],
        }

    def whole(self, body: Wire) -> Heard:
        return self._join(body["lines"])

    def stream(self, text: str) -> Heard:
        return self._join([json.loads(line) for line in text.splitlines()])

    def error(self, body: Wire) -> str:
        return str(body["wrong"])

    def _join(self, lines: Sequence[Wire]) -> Heard:
        heard, calls = Heard(), []
        for line in lines:
            heard.text += line.get("text", "")
            heard.thinking += line.get("thought", "")
            heard.error = line.get("wrong", heard.error)
            if "name" in line:
                calls.append([line["name"], ""])
            elif "call" in line:
                calls[line["call"]][1] += line["arguments"]
            if "end" in line:
                heard.ending, heard.output_tokens, heard.complete = line["end"], line["tokens"], True
        heard.calls = [(name, json.loads(arguments)) for name, arguments in calls]
        return heard
