"""The messages of a request → system prompt and turns of the conversation.

These rules correct what clients send and the Messages API would refuse:

- Blank text (nothing but white space) is left out. A user message with nothing else becomes `(no content)`, as the CLI
  writes it; an assistant message with nothing else is left out.
- A conversation that begins with the assistant gets a user message `(no content)` before it.
- A request with system messages alone asks the last of them as the user's message.
- Past messages may have any role and any type of part: an unknown role is read as the user's, an unknown part is left
  out. In the newest message both are refused.
- A system message may hold text only. Pictures and files in an assistant message are left out.
- Reasoning that comes back is left out, unless the dialect's `recall` knows it as Claude's own; an assistant's
  `refusal` without content counts as its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import InvalidRequestError
from ..turns import NO_CONTENT, JsonObject, Message, RedactedThinking, Text, Thinking
from .content import PARTS, Readable, is_text, part_type, read_beside, read_part, read_text, refuse_part, split_parts
from .fields import kind_of, read_list, refuse, required_string, shown
from .many_pictures import fit_many
from .result_content import result_parts
from .tool_history import Call, Piece, Result, Said, pair_results, read_arguments
from .tools import safe_name

_SYSTEM = {"system", "developer"}
_TOOL = {"tool", "function"}
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
# The names of the user and the assistant in other libraries.
_OTHER_NAMES = {"human": "user", **dict.fromkeys(("ai", "bot", "chatbot", "model"), "assistant")}
_THINKING = {"thinking", "redacted_thinking", "reasoning"}
Recall: TypeAlias = Callable[[JsonObject], Thinking | RedactedThinking | None]


@dataclass(frozen=True, slots=True)
class Conversation:
    """`system` has one entry for each text part of each system message, in order."""

    system: tuple[str, ...]
    messages: tuple[Message, ...]


def read_messages(
    given: Sequence[tuple[str, JsonObject]],
    fetched: Mapping[str, bytes],
    ignored: list[str],
    *,
    recall: Recall = lambda _part: None,
) -> Conversation:
    """Read the conversation in `given`, pairs of path and message; its last message is the user's.

    The path is empty for a message whose fields are the request's own.
    `recall` gives Claude's own thinking for a part that holds it.
    """
    roles = [role_of(message.get("role")) for _, message in given]
    newest = _newest(roles)
    system: list[tuple[str, ...]] = []
    said: list[Said] = []
    for index, (param, message) in enumerate(given):
        reader = MessageReader(fetched, ignored, newest=index >= newest, recall=recall)
        role = roles[index]
        if role in {"assistant", *_SYSTEM, *_TOOL} and message.get("images"):
            ignored.append(f"{role}.images")
        if role in _SYSTEM:
            system.append(reader.system(message, param))
        elif role == "assistant":
            said.append(Said("assistant", reader.assistant(message, param)))
        elif role in _TOOL:
            said.append(Said("user", (reader.result(message, param),)))
        else:
            if index >= newest:
                required_string(message.get("role"), f"{param}.role")
            if role != "user" and index >= newest:
                refuse(f"{shown(message['role'])} is not a known role. Known are {', '.join(_ROLES)}.", f"{param}.role")
            said.append(Said("user", reader.user(message, param)))
    return join_conversation(system, fit_many(pair_results(said, ignored), ignored), given[-1][0], asked=bool(said))


def role_of(value: object) -> str:
    """Give a message's role, in any case and in the words of other libraries; empty if there is none."""
    role = value.strip().lower() if isinstance(value, str) else ""
    return _OTHER_NAMES.get(role, role)


def join_conversation(
    system: Sequence[tuple[str, ...]], messages: list[Message], last: str, *, asked: bool
) -> Conversation:
    """Make the conversation of these system messages and turns; `last` is the path of the newest message.

    `asked`: the request has other messages than the system's.
    """
    if not messages and not asked:
        system = [texts for texts in system if texts]
        messages = [Message("user", tuple(map(Text, system.pop())))] if system else []
    _check_end(messages, last)
    if messages[0].role == "assistant":
        messages.insert(0, Message("user", (NO_CONTENT,)))
    return Conversation(tuple(text for texts in system for text in texts), tuple(messages))


def _newest(roles: Sequence[str]) -> int:
    """Give the index at which the newest message begins: the last that is not the system's, or its run of results."""
    at = len(roles) - 1
    while at > 0 and roles[at] in _SYSTEM:
        at -= 1
    while at > 0 and roles[at] in _TOOL and roles[at - 1] in _TOOL | _SYSTEM:
        at -= 1
    return at


def _check_end(messages: Sequence[Message], param: str) -> None:
    if not messages:
        refuse("There is nothing to ask: every message is empty.", param)
    if messages[-1].role == "assistant":
        refuse(
            "The last message is the assistant's, which Claude cannot continue.",
            f"{param}.role",
            hint="End with a user message, or with the results of the assistant's tool calls.",
        )


class MessageReader:
    """Read messages; unknown parts are refused in the newest one and left out of others."""

    def __init__(
        self,
        fetched: Mapping[str, bytes],
        ignored: list[str],
        *,
        newest: bool,
        recall: Recall = lambda _part: None,
    ) -> None:
        self._recall = recall
        self._fetched = fetched
        self._ignored = ignored
        self._newest = newest

    def system(self, message: JsonObject, param: str) -> tuple[str, ...]:
        """Read a system message: its texts."""
        texts = []
        for at, part in split_parts(message.get("content"), f"{param}.content"):
            if not is_text(part):
                refuse(f"A {role_of(message['role'])} message may hold text only, not {shown(part_type(part))}.", at)
            texts.append(read_text(part, at).text)
        return tuple(text for text in texts if text.strip())

    def user(self, message: JsonObject, param: str) -> Sequence[Piece]:
        """Read a user message."""
        pieces: list[Piece] = [*self._beside(message, param)]
        for at, part in self._parts(message, param):
            if part_type(part) == "tool_result":
                is_error = part.get("is_error") is True
                pieces.append(self._result(part.get("tool_use_id"), f"{at}.tool_use_id", part, at, is_error))
            else:
                pieces += self.blocks([(at, part)])
        if self._newest and "content" not in message and not pieces:
            refuse(f"`{param}.content` is missing.", f"{param}.content")
        return pieces or (NO_CONTENT,)

    def result(self, message: JsonObject, param: str) -> Result:
        """Read a message with the result of a call."""
        is_error = message.get("is_error") is True
        return self._result(message.get("tool_call_id"), f"{param}.tool_call_id", message, param, is_error)

    def assistant(self, message: JsonObject, param: str) -> Sequence[Piece]:
        """Read an assistant message: its texts and calls."""
        pieces: list[Piece] = []
        for at, part in self._parts(message, param):
            kind = part_type(part)
            if kind == "tool_use":
                pieces.append(read_call(part.get("id"), part.get("name"), part.get("input"), f"{at}.name"))
            elif is_text(part):
                pieces += self.blocks([(at, part)])
            elif kind in _THINKING:
                if (thought := self._recall(part)) is not None:
                    pieces.append(thought)
            else:  # the Messages API refuses pictures and files of the assistant
                self._ignored.append(f"assistant.{safe_name(kind)}")
        if isinstance(audio := message.get("audio"), Mapping):
            words = audio.get("transcript")
            if not pieces and isinstance(words, str) and words.strip():
                pieces.append(Text(words))
            elif not pieces:
                self._ignored.append("assistant.audio")
        refusal = message.get("refusal")
        if not pieces and isinstance(refusal, str) and refusal.strip():
            pieces.append(Text(refusal))
        known = {piece.id for piece in pieces if isinstance(piece, Call)}
        calls = self._calls(message, param)
        pieces += (call for call in calls if not call.id or call.id not in known)
        return [] if all(isinstance(piece, (Thinking, RedactedThinking)) for piece in pieces) else pieces

    def _result(self, id_: object, id_param: str, holder: JsonObject, param: str, is_error: bool) -> Result:
        content = result_parts(holder.get("content"))
        blocks = self.blocks(split_parts(content, f"{param}.content"))
        name = holder.get("name")
        return Result(
            id_ if isinstance(id_, str) else "",
            plain_name(name) if isinstance(name, str) else "",
            tuple(blocks),
            is_error,
            id_param,
            is_newest=self._newest,
        )

    def _parts(self, message: JsonObject, param: str) -> list[tuple[str, JsonObject]]:
        """The parts of a message's content; in the past a number counts as its text, and Gemini's `parts` are read."""
        content = message.get("content")
        if not self._newest and content is None and isinstance(message.get("parts"), list):
            content = message["parts"]
        return split_parts(content if self._newest else _with_scalars_as_text(content), f"{param}.content")

    def _beside(self, message: JsonObject, param: str) -> list[Readable]:
        """The `images` beside the content, as Ollama's clients send them; Claude sees them before the text."""
        at = f"{param}.images".lstrip(".")
        given = message.get("images") or ()
        if isinstance(given, str):
            given = [given]
        if not self._newest and not isinstance(given, (list, tuple)):
            self._ignored.append("images.unreadable")
            return []
        values = read_list(given or None, at) or ()
        if len(values) > PARTS:
            refuse(f"`{at}` has {len(values)} pictures; at most {PARTS} are read.", at)
        blocks: list[Readable] = []
        for index, value in enumerate(values):
            if isinstance(value, Mapping) and part_type(value):
                blocks += self.blocks([(f"{at}[{index}]", value)])
                continue
            with self._unreadable_left_out("images"):
                blocks.append(read_beside(value, f"{at}[{index}]", self._ignored))
        return blocks

    def _calls(self, message: JsonObject, param: str) -> list[Call]:
        """The calls of an assistant message, in today's form and in the older `function_call`; it is past itself."""
        given = message.get("tool_calls") or ()
        if isinstance(given, Mapping):  # a list that PHP or Lua wrote with its indexes
            given = list(given.values())
        if not isinstance(given, (list, tuple)):
            refuse(f"`{param}.tool_calls` must be an array, not {kind_of(given)}.", f"{param}.tool_calls")
        calls = [_read_call(value) for value in given]
        if (legacy := message.get("function_call")) is not None:
            calls.append(_read_call({"function": legacy, "id": None}))
        if None in calls:
            self._ignored.append("tool_calls.unreadable")
        return [call for call in calls if call is not None]

    def blocks(self, parts: Sequence[tuple[str, JsonObject]]) -> list[Readable]:
        """Read these parts as blocks, without blank text."""
        blocks: list[Readable] = []
        for at, part in parts:
            name = f"content.{safe_name(part_type(part))}"
            with self._unreadable_left_out(name):
                block = read_part(part, at, self._fetched, self._ignored)
                if block is None:
                    if self._newest:
                        refuse_part(part, at)
                    self._ignored.append(name)
                elif not isinstance(block, Text) or block.text.strip():
                    blocks.append(block)
        return blocks

    @contextmanager
    def _unreadable_left_out(self, name: str) -> Iterator[None]:
        """Only the newest message is refused for what cannot be read; in a past one, it is named and left out."""
        try:
            yield
        except InvalidRequestError:
            if self._newest:
                raise
            self._ignored.append(f"{name}.unreadable")


def _with_scalars_as_text(content: object) -> object:
    if isinstance(content, list):
        return [_with_scalars_as_text(each) if isinstance(each, (int, float)) else each for each in content]
    return json.dumps(content) if isinstance(content, (int, float)) else content


def _read_call(value: object) -> Call | None:
    """A past call, also in the flat form; None for one without a name."""
    call: JsonObject = value if isinstance(value, Mapping) else {}
    field = "custom" if isinstance(call.get("custom"), Mapping) else "function"
    nested = call.get(field)
    function: JsonObject = nested if isinstance(nested, Mapping) else call
    name = function.get("name")
    if not isinstance(name, str) or not name:
        return None
    arguments = function.get("input" if field == "custom" else "arguments")
    return Call(id_ if isinstance(id_ := call.get("id"), str) else "", plain_name(name), read_arguments(arguments))


def read_call(id_: object, name: object, arguments: object, name_param: str) -> Call:
    """Read a past call; only its name is required."""
    plain = plain_name(required_string(name, name_param))
    return Call(id_ if isinstance(id_, str) else "", plain, read_arguments(arguments))


def plain_name(name: str) -> str:
    """Give a past call's name with the characters that the Messages API refuses as `_`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:128]
