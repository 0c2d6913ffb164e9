"""What a worker holds: the lines of a conversation, the ids with which it can be rewound, and the calls that wait.

Pure: no process, no clock. Decides how a turn follows from what is there (`Conversation.plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from ..turns import Block, Message, ToolResult, ToolUse, Turn
from .conversation_key import Binding, ConversationKeys
from .tool_server import is_deliverable

GIVEN = "toolu_"  # the beginning of the ids that Claude gives to its calls
How: TypeAlias = Literal["results", "continue", "rewind", "new"]


class Line(NamedTuple):
    """A user line that was written. `key` is that of the conversation before it; None if no cut is possible there."""

    uuid: str
    key: bytes | None


class Plan(NamedTuple):
    """How a turn follows from a conversation.

    *results*: deliver the results of the waiting calls; *continue*: write the new messages; *rewind*: cut before line
    `cut`, then write; *new*: nothing is shared. Write the messages from `start` on.
    """

    how: How
    start: int = 0
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A turn with what `plan` needs. Its messages from `start` on are newer than the last answer.

    `calls` are those of the assistant, in order: the index of the message, and the call's id.
    """

    turn: Turn
    binding: Binding
    keys: ConversationKeys
    start: int
    calls: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, turn: Turn) -> Wanted:
        """Make it from a turn."""
        keys = ConversationKeys(turn)
        calls = tuple(
            (at, block.id)
            for at, message in enumerate(turn.messages if keys.have_calls else ())
            if message.role == "assistant"
            for block in message.content
            if isinstance(block, ToolUse)
        )
        return cls(turn, Binding.of(turn), keys, first_new(turn.messages), calls)

    def call_ids(self, end: int | None = None) -> tuple[str, ...]:
        """Give the ids of the calls in the messages before index `end`, in order."""
        return tuple(id_ for at, id_ in self.calls if end is None or at < end)


@dataclass(slots=True)
class Conversation:
    """The conversation of one worker. `key` is that of all of it; None while a turn runs, or if it is unknown."""

    lines: list[Line] = field(default_factory=list)
    key: bytes | None = None
    call_ids: tuple[str, ...] = ()  # of all its calls, as the CLI knows them
    is_suspended: bool = False
    calls: tuple[str, ...] = ()  # that wait, in their order
    is_limited: bool = False  # the suspended turn has a limit on its tokens, which cannot be taken back
    can_be_cut: bool = True  # False if something precedes its first line
    turn_line: int = 0  # index of the first line of the present turn, or of the last one
    turn_key: bytes | None = None  # the key before that line

    def plan(self, wanted: Wanted) -> Plan:
        """Decide how the turn follows."""
        start = wanted.start
        if start and self.key == wanted.keys[start] and self._has_calls(wanted.call_ids(start)):
            if not self.is_suspended:
                return Plan("continue", start)
            if self._brings_results(wanted):
                return Plan("results", start)
        if not self.can_be_cut:
            return Plan("new")
        for cut in range(len(self.lines) - 1, 0, -1):
            key = self.lines[cut].key
            place = 0 if key is None else wanted.keys.place_of(key)
            if 0 < place <= start and self._has_calls(wanted.call_ids(place)):
                return Plan("rewind", place, cut)
        return Plan("new")

    def answered(self, wanted: Wanted, shared: int, calls: Sequence[str]) -> None:
        """Record that the turn was written from message `shared` on, and that its answer made these `calls`."""
        known = len(wanted.call_ids(shared))
        self.call_ids = (*self.call_ids[:known], *wanted.call_ids()[known:], *calls)
        self.calls = tuple(calls)

    def _has_calls(self, ids: Sequence[str]) -> bool:
        """Return whether calls with these ids may be ours: an id that is not Claude's was changed by the client."""
        return len(ids) <= len(self.call_ids) and all(
            id_ == own or not id_.startswith(GIVEN) for id_, own in zip(ids, self.call_ids, strict=False)
        )

    def _brings_results(self, wanted: Wanted) -> bool:
        results = new_blocks(wanted)
        return (
            len(results) == len(self.calls)
            and all(isinstance(block, ToolResult) and is_deliverable(block) for block in results)
            and (wanted.turn.max_tokens is not None or not self.is_limited)
        )

    def begin_turn(self) -> None:
        """Begin a turn: lines that are written from now on belong to it."""
        self.turn_line, self.turn_key, self.key = len(self.lines), self.key, None

    def was_cut(self, cut: int) -> None:
        """Drop line `cut` and all after it; a turn may be cancelled before its first line was written."""
        if not cut:
            self.key = None
        elif cut < len(self.lines):
            self.key = self.lines[cut].key
        else:
            self.key = self.turn_key
        self.lines = self.lines[:cut]
        self.is_suspended, self.calls, self.turn_line = False, (), cut


def new_blocks(wanted: Wanted) -> tuple[Block, ...]:
    """Give the blocks of the messages after the last answer."""
    return tuple(block for message in wanted.turn.messages[wanted.start :] for block in message.content)


def first_new(messages: Sequence[Message]) -> int:
    """Give the index of the first message after the last answer: 0 in a new conversation."""
    return next((i for i in range(len(messages), 0, -1) if messages[i - 1].role == "assistant"), 0)
