"""An exchange → the JSON document that the log keeps of it.

Owns what is written and in which order, and what is never written: keys, and images and files inline. Pure except for
the `store_blob` that is passed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeAlias

from ..turns import (
    Document,
    Image,
    Message,
    RedactedThinking,
    Restarted,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolCallDelta,
    ToolCallStarted,
    ToolResult,
    ToolUse,
    Turn,
    TurnEnded,
    TurnStarted,
)
from .conversation import Conversation, conversation_of
from .exchange import Exchange

_encode = json.JSONEncoder(ensure_ascii=False).encode
_quote = json.encoder.encode_basestring

StoreBlob: TypeAlias = Callable[[str, str], str]
"""Takes base64 data and its media type, gives the blob's name; raises ValueError if it is no base64."""

BLOB_PREFIX = "blob:"
_BLOCKS: dict[type, str] = {
    Text: "text",
    Image: "image",
    Document: "document",
    ToolUse: "tool_use",
    ToolResult: "tool_result",
    Thinking: "thinking",
    RedactedThinking: "redacted_thinking",
}
_SHORT = 100  # characters, that are written as soon as found
_MEMO = "log"  # of a message: its `_TextMessage`
_REMEMBERED = 1_000  # characters: a longer text takes more memory than it saves time
_AS_THEY_ARE = {str, int, float, bool, type(None)}
_SECRETS = {"authorization", "proxy-authorization", "x-api-key", "api-key", "api_key", "apikey"}
_PROMPTS = {"messages", "tools", "functions", "input", "instructions", "prompt", "system", "suffix"}
_IMAGE_LIST = "images"  # Ollama's: bare base64
BLOB_FIELDS = {"url", "image_url", "file_data", "data"}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200};base64,", re.ASCII | re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{12,}={0,2}\s*")


class _TextMessage(dict[str, Any]):
    """A message that is one text, as most are: written at a fraction of the time, as any other is.

    `written` is its text in the file at `margin`, if that is known. The messages of a chain are written in each turn.
    """

    __slots__ = ("margin", "written")

    def __init__(self, role: str, text: str) -> None:
        super().__init__(role=role, content=[{"type": "text", "text": text}])
        self.margin = self.written = ""


class Record:
    """The document of one exchange while it grows. For the writer's thread alone."""

    def __init__(self, exchange: Exchange, store_blob: StoreBlob) -> None:
        self._exchange = exchange
        self._store_blob = store_blob
        self._blobs: set[str] = set()
        self._seen = 0
        self._state: tuple[object, ...] = ()
        self._answered_by: str | None = None
        self._answer: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._ending: dict[str, Any] = {}
        self._conversation: Conversation | None = None
        # A request may be large and the file is rewritten every second: these two are made once.
        self._plain: dict[str, Any] = {}
        self._rendered: dict[str, str] = {}

    def document(self, process: Mapping[str, Any]) -> dict[str, Any]:
        """Give the exchange so far, in plain JSON values; `process` identifies the program that writes it."""
        exchange = self._exchange
        ended = exchange.ended  # first: what ends while this runs has not brought its last events here
        self._state = self._state_now()
        self._take_events()
        head = {
            "id": exchange.id,
            "received": exchange.received.isoformat(timespec="milliseconds"),
            "endpoint": exchange.endpoint,
            "dialect": exchange.dialect,
            "client": exchange.client,
            "key_name": exchange.key_name,
            "model": _text_or_none(exchange.request.get("model")),
            "answered_by": self._answered_by,
            "streamed": exchange.streamed,
            "outcome": exchange.outcome if ended else None,
            "status": exchange.status,
            "session": exchange.kind,
            "timings": dict(exchange.timings),
            "stop_reason": None,
            **self._ending,
            "usage": self._usage(),
            "process": process,
        }
        error = exchange.error
        if exchange.mode != "full":
            return head | {"error": error and {"title": error.title}, "blobs": []}
        texts = {
            "error": error and {"title": error.title, "message": error.message, "hint": error.hint},
            "answer": "".join(self._answer),
            "reasoning": "".join(self._reasoning),
            "tool_calls": [call | {"arguments": "".join(call["arguments"])} for call in self._calls.values()],
            "request": self._plain_once("request", exchange.request),
            "turn": self._plain_once("turn", exchange.turn),
            "conversation": exchange.turn and self._conversation_of(exchange.turn),
            "response": exchange.response and self._to_plain(exchange.response),
        }
        return head | texts | {"blobs": sorted(self._blobs)}

    def render(self, document: Mapping[str, Any]) -> bytes:
        """`document` as a pretty-printed file."""
        quoted: dict[str, str] = {}
        members = [f'  "{name}": {self._member(name, value, quoted)}' for name, value in document.items()]
        # A lone surrogate, which JSON allows and UTF-8 does not, becomes its JSON escape.
        return ("{\n" + ",\n".join(members) + "\n}\n").encode("utf-8", "backslashreplace")

    def _member(self, name: str, value: object, quoted: dict[str, str]) -> str:
        if name in self._rendered:
            return self._rendered[name]
        text = _pretty(value, "  ", quoted)
        if name in self._plain:
            self._rendered[name] = text
        return text

    @property
    def has_news(self) -> bool:
        """Return whether something came since the last `document`."""
        return self._state_now() != self._state

    def _state_now(self) -> tuple[object, ...]:
        return len(self._exchange.events), self._exchange.turn is None, self._exchange.kind

    def _take_events(self) -> None:
        events = self._exchange.events
        while self._seen < len(events):
            event = events[self._seen]
            self._seen += 1
            if isinstance(event, TextDelta):
                self._answer.append(event.text)
            elif isinstance(event, ThinkingDelta):
                self._reasoning.append(event.text)
            elif isinstance(event, ToolCallStarted):
                self._calls[event.index] = {"id": event.id, "name": event.name, "arguments": []}
            elif isinstance(event, ToolCallDelta):
                self._calls[event.index]["arguments"].append(event.partial_json)
            elif isinstance(event, TurnStarted):
                self._answered_by = event.model
            elif isinstance(event, TurnEnded):
                self._ending = {"stop_reason": event.stop_reason, "usage": asdict(event.usage)}
            elif isinstance(event, Restarted):
                self._answer, self._reasoning, self._calls = [], [], {}

    def _usage(self) -> dict[str, int] | None:
        """Give what all choices have used."""
        own = self._ending.get("usage")
        every = [*([own] if own else []), *map(asdict, self._exchange.further_usage)]
        return {name: sum(usage[name] for usage in every) for name in every[0]} if every else None

    def _conversation_of(self, turn: Turn) -> Conversation:
        if self._conversation is None:
            self._conversation = conversation_of(turn)
        return self._conversation

    def _plain_once(self, name: str, value: object) -> Any:
        if value is not None and name not in self._plain:
            self._plain[name] = self._to_plain(value)
        return self._plain.get(name)

    def _to_plain(self, value: Any, *, prompt: bool = False) -> Any:
        """`value` in JSON's types, blobs stored apart; keys are taken out, but a `prompt` stays as it is."""
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if kind is tuple and value and type(value[0]) is Message:
            return [message.memo.get(_MEMO) or self._to_plain(message) for message in value]
        if kind is Message and len(value.content) == 1 and isinstance(only := value.content[0], Text):
            message = _TextMessage(value.role, only.text)
            if len(only.text) <= _REMEMBERED:
                value.memo[_MEMO] = message
            return message
        if names := _fields_of(kind):  # type: ignore[arg-type]
            tag = {"type": _BLOCKS[kind]} if kind in _BLOCKS else {}
            return tag | self._to_plain({name: getattr(value, name) for name in names}, prompt=True)
        if isinstance(value, (list, tuple)):
            return [self._to_plain(item, prompt=prompt) for item in value]
        if not isinstance(value, Mapping):
            return value
        plain: dict[str, Any] = {}
        for name, item in value.items():
            if name == _IMAGE_LIST and isinstance(item, (list, tuple)):
                plain[name] = [self._without_blob("data", one, {}) if isinstance(one, str) else one for one in item]
            elif not isinstance(item, str):
                plain[name] = self._to_plain(item, prompt=prompt or name in _PROMPTS)
            elif name.lower() in _SECRETS and not prompt:
                plain[name] = "[redacted]"
            else:
                plain[name] = self._without_blob(name, item, value)
        return plain

    def _without_blob(self, name: str, text: str, siblings: Mapping[str, Any]) -> str:
        """`text`, or `blob:<name>` if it is a data URL or bare base64 in a place where files stand."""
        if name not in BLOB_FIELDS:
            return text
        media_type = str(siblings.get("media_type") or siblings.get("format") or "")
        if url := _DATA_URL.match(text):
            media_type, data = url[1] or "", text[url.end() :]
        elif media_type.startswith("text/") or not _BASE64.fullmatch(text) or name not in ("data", "file_data"):
            return text
        else:
            data = text
        try:
            blob = self._store_blob(data, media_type)
        except ValueError:
            return text
        self._blobs.add(blob)
        return BLOB_PREFIX + blob


def _pretty(value: Any, margin: str, quoted: dict[str, str]) -> str:
    """`value` as `json.dumps` writes it with `indent=2`, at a margin. That one is slow: it is not C code.

    `quoted` keeps texts as they are written: most of a request's texts are those of its turn, too.
    """
    kind = type(value)
    if kind is str:
        if len(value) < _SHORT:
            return _quote(value)
        text = quoted.get(value)
        if text is None:
            text = quoted[value] = _quote(value)
        return text
    if value is None:
        return "null"
    if kind is int:
        return repr(value)
    inner = margin + "  "
    if kind is _TextMessage:
        text = _pretty(value["content"][0]["text"], margin, quoted)
        deep = inner + "    "
        whole = (
            f'{{\n{inner}"role": "{value["role"]}",\n{inner}"content": [\n{inner}  {{\n{deep}"type": "text",\n'
            f'{deep}"text": {text}\n{inner}  }}\n{inner}]\n{margin}}}'
        )
        if len(text) <= _REMEMBERED:
            value.margin, value.written = margin, whole
        return whole
    if kind is dict and value:
        members = [f"{inner}{_quote(name)}: {_pretty(item, inner, quoted)}" for name, item in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if kind is list and value:
        items = [
            item.written if type(item) is _TextMessage and item.margin == inner else _pretty(item, inner, quoted)
            for item in value
        ]
        return f"[\n{inner}" + f",\n{inner}".join(items) + f"\n{margin}]"
    return _encode(value)


@lru_cache(maxsize=64)
def _fields_of(kind: type) -> tuple[str, ...] | None:
    """The names of a dataclass's fields; None for another type."""
    return tuple(field.name for field in fields(kind) if field.init) if is_dataclass(kind) else None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None
