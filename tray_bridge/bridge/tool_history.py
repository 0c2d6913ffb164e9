"""Past tool calls and their results → the pairs that the Messages API requires.

There, one user message that answers every call must follow each assistant message with calls, and call ids must be
unique and plain. Other APIs allow more, so these rules apply:

- Results come in the order of their calls, in whatever order they were sent.
- A call without a result is answered by an error result that says so.
- A result without a call is left out and named in history, and refused in the newest message.
- Of several results for one call, the last counts.
- A result without an id answers the first call, of its name if it has one, that has no result yet. One whose call came
  without its id does so too: litellm keeps the ids of Ollama's results alone.
- Assistant messages that follow a call without any result between are one message with it.
- Arguments whose meaning is plain are read (`[]`, JSON within JSON, a Markdown fence); others that are no JSON object
  are kept, as they came, under the name `_raw` (as `claude` keeps the model's).
- An id that was used before, or has characters that the Messages API refuses, is replaced on both sides; so is one that
  Claude Code confuses with another (`_UpstreamIds`).
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from .. import turns
from ..turns import (
    Block,
    Document,
    Image,
    JsonObject,
    Message,
    RedactedThinking,
    Role,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from .fields import refuse, shown

# How PHP and Lua write an empty object, and what other languages write for nothing.
_NO_ARGUMENTS = frozenset({"[]", "null", "None", "nil", "undefined", '""', "''"})
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)
NO_RESULT = (Text("No result was given for this call."),)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the client sent it; older clients send no id."""

    id: str
    name: str
    input: JsonObject


@dataclass(frozen=True, slots=True)
class Result:
    """A result as the client sent it; `param` is the path of its id, `is_newest`: it is in the newest message."""

    id: str
    name: str
    content: tuple[Text | Image | Document, ...]
    is_error: bool
    param: str
    is_newest: bool = True


Piece: TypeAlias = Text | Image | Document | Thinking | RedactedThinking | Call | Result


@dataclass(frozen=True, slots=True)
class Said:
    """One message as it was sent: its calls and results are not paired yet."""

    role: Role
    pieces: Sequence[Piece]


@dataclass(slots=True)
class _Round:
    """An assistant's text and calls, the results of these calls, and the user's text after them."""

    spoken: list[Piece] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)

    def copy(self) -> _Round:
        return _Round(self.spoken.copy(), self.calls.copy(), self.results.copy(), self.asked.copy())


def read_arguments(value: object) -> JsonObject:
    """Read a past call's arguments as an object, whatever the client sent."""
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    if value == [] or (isinstance(value, str) and value.strip() in _NO_ARGUMENTS):
        return {}
    read = turns.read_arguments(value if isinstance(value, str) else json.dumps(value))
    return _read_loosely(value) if isinstance(value, str) and "_raw" in read else read


def _read_loosely(text: str) -> JsonObject:
    """An object that was written as JSON twice, in a Markdown fence, as Python shows it, or with raw line breaks."""
    bare = text.lstrip("\ufeff").strip()
    if fence := _FENCE.fullmatch(bare):
        bare = fence[1].strip()
    for read in (partial(json.loads, strict=False), ast.literal_eval):
        try:
            found = read(bare)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        if isinstance(found, str):
            found = turns.read_arguments(found)
        if not isinstance(found, dict) or turns.is_deeper(found, turns.MAX_DEPTH):
            continue
        if "_raw" not in found and _is_json(found):
            return found
    return {"_raw": text}


def _is_json(value: object) -> bool:
    """Whether it can be written as JSON as it is: Python's sets and tuples cannot."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (ValueError, TypeError):
        return False


def pair_results(said: Iterable[Said], ignored: list[str] | None = None) -> list[Message]:
    """Give the conversation with every call answered; raises if the newest result has no call.

    `ignored` gets a word if a past one has none.
    """
    pairing = Pairing()
    for message in said:
        pairing.add(message, [] if ignored is None else ignored)
    return pairing.end([] if ignored is None else ignored)


class Pairing:
    """`pair_results` for messages that come one by one. A copy goes on from where this one is."""

    def __init__(self) -> None:
        self._messages: list[Message] = []  # of rounds to which nothing can be added any more
        self._open = _Round()
        self._ids = _UpstreamIds()

    def add(self, message: Said, ignored: list[str]) -> None:
        """Take the next message."""
        last = self._open
        if message.role == "assistant":
            waiting = last.calls and not last.results and not last.asked
            if not waiting:
                self._messages += _join(last, self._ids, newest=False, ignored=ignored)
                last = self._open = _Round()
            last.spoken += message.pieces
            last.calls += [piece for piece in message.pieces if isinstance(piece, Call)]
            return
        last.results += [piece for piece in message.pieces if isinstance(piece, Result)]
        rest = tuple(piece for piece in message.pieces if not isinstance(piece, (Call, Result)))
        if rest:
            last.asked.append(Message("user", rest))

    def end(self, ignored: list[str]) -> list[Message]:
        """Give the conversation; nothing may be added afterwards."""
        return self._messages + _join(self._open, self._ids, newest=True, ignored=ignored)

    def copy(self) -> Pairing:
        """Give another one that has taken the same messages."""
        other = Pairing()
        other._messages, other._open, other._ids = self._messages.copy(), self._open.copy(), self._ids.copy()
        return other


def _join(one: _Round, ids: _UpstreamIds, *, newest: bool, ignored: list[str]) -> list[Message]:
    calls = one.calls
    given = _match(calls, one.results, ignored) if one.results else {}
    spoken: list[Block] = []
    results: list[Block] = []
    for piece in one.spoken:
        if isinstance(piece, Call):
            call_id = ids.replace(piece.id)
            spoken.append(ToolUse(call_id, piece.name, piece.input))
            result = given.get(len(results))
            content, is_error = (result.content, result.is_error) if result else (NO_RESULT, True)
            results.append(ToolResult(call_id, content, is_error))
        elif not isinstance(piece, Result):
            spoken.append(piece)
    messages = [Message("assistant", tuple(spoken))] if spoken else []
    if results and (one.results or one.asked or not newest):
        messages.append(Message("user", tuple(results)))
    return messages + one.asked


def _match(calls: Sequence[Call], results: Sequence[Result], ignored: list[str]) -> dict[int, Result]:
    """Assign the results to the calls, by the call's index."""
    by_id: dict[str, list[int]] = defaultdict(list)
    by_name: dict[str, list[int]] = defaultdict(list)
    without_id: dict[str, list[int]] = defaultdict(list)
    for index in reversed(range(len(calls))):
        by_id[calls[index].id].append(index)
        for name in {calls[index].name, ""}:
            by_name[name].append(index)
            if not calls[index].id:
                without_id[name].append(index)
    given: dict[int, Result] = {}
    for result in results:
        waiting = by_id.get(result.id) if result.id else by_name.get(result.name)
        if waiting is None:
            waiting = without_id.get(result.name)
        while waiting and len(waiting) > 1 and waiting[-1] in given:
            waiting.pop()
        if waiting:
            if (earlier := given.get(waiting[-1])) is not None and earlier.content != result.content:
                ignored.append("tool_result.repeated")  # the last one counts
            given[waiting[-1]] = result
        elif not result.is_newest:
            ignored.append("tool_result.without_call")
        else:
            known = ", ".join(shown(call.id) for call in calls[:20]) or "none"
            sought = f"id {shown(result.id)}" if result.id else f"name {shown(result.name)}"
            refuse(f"No call with the {sought} waits for a result. Calls that wait: {known}.", result.param)
    return given


class _UpstreamIds:
    """Give each call of a conversation an id that the Messages API accepts: the client's own where possible.

    Claude Code takes an id with a number at its end (`call_0_2` after `call_0`) for the same call, and drops its
    result: such an id is replaced too. The new id depends only on earlier ids, so it stays the same in later requests.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._stems: set[str] = set()
        self._uses: Counter[str] = Counter()

    def copy(self) -> _UpstreamIds:
        other = _UpstreamIds()
        other._taken, other._stems, other._uses = self._taken.copy(), self._stems.copy(), self._uses.copy()
        return other

    def replace(self, id_: str) -> str:
        base = re.sub(r"[^a-zA-Z0-9_-]", "_", id_) or "call"
        name = base
        while self._is_taken(name):
            self._uses[base] += 1
            name = f"{base}-{self._uses[base] + 1}"
        self._taken.add(name)
        self._stems.update(_stems(name))
        return name

    def _is_taken(self, name: str) -> bool:
        return name in self._taken or name in self._stems or not self._taken.isdisjoint(_stems(name))


def _stems(name: str) -> list[str]:
    """Give the id without the numbers at its end: `a_1` and `a` for `a_1_2`."""
    stems = []
    while (match := re.search(r"_[0-9]+\Z", name)) and match.start():
        name = name[: match.start()]
        stems.append(name)
    return stems
