"""Which exchanges belong to one conversation: clients do not name conversations, so their messages are compared.

Pure. A `Turn` says the same whatever the dialect, so a conversation may change its dialect on the way. The system
prompt does not count: clients put the time of day into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypedDict

from ..turns import Block, Document, Image, Message, Text, ToolResult, ToolUse, Turn

_MEMO = "thread"  # of a message: what `_written` gave
_REMEMBERED = 1_000  # bytes: a longer message takes more memory than it saves time


class Conversation(TypedDict):
    """Where an exchange stands: `thread` is that of its first question, `tip` of all its messages up to its question,
    `parent` the tip of the question before it.
    """

    thread: str
    tip: str
    parent: str | None


def conversation_of(turn: Turn) -> Conversation:
    """Give a turn's place in its conversation. Takes about a millisecond for each megabyte of messages."""
    chain = hashlib.blake2b(digest_size=12)
    asked = [at for at, message in enumerate(turn.messages) if message.role == "user"] or [len(turn.messages) - 1]
    digests, begin = [], 0
    for end in (asked[0], asked[-2:][0], asked[-1]):
        messages = turn.messages[begin : end + 1]
        chain.update(b"".join([message.memo.get(_MEMO) or _written(message) for message in messages]))
        digests.append(chain.hexdigest())
        begin = max(begin, end + 1)
    thread, parent, tip = digests
    return {"thread": thread, "tip": tip, "parent": parent if len(asked) > 1 else None}


class Branch(TypedDict):
    """Where an exchange is drawn: `lane` counts from 0; it is the `number`th of `of` that go on from the same point.

    `before` is the id of the exchange that it goes on from; of one that begins anew, that of the one before it.
    """

    lane: int
    number: int
    of: int
    before: str | None


def branches(exchanges: Iterable[tuple[str, str | None, str | None]]) -> dict[str, Branch]:
    """Give the branches of a thread whose exchanges are `(id, tip, parent)`, oldest first.

    The first that goes on from a point stays in the lane of that point; each further one opens a lane.
    """
    places: dict[str, Branch] = {}
    newest: dict[str | None, str] = {}
    siblings: dict[str | None, list[str]] = {}
    last: str | None = None
    lanes = 1
    for exchange_id, tip, parent in exchanges:
        ids = siblings.setdefault(parent, [])
        ids.append(exchange_id)
        before = newest.get(parent)
        lane = places[before]["lane"] if before else 0
        if len(ids) > 1:
            lane, lanes = lanes, lanes + 1
        places[exchange_id] = {"lane": lane, "number": len(ids), "of": 1, "before": before or last}
        newest[tip] = last = exchange_id
    for ids in siblings.values():
        for exchange_id in ids:
            places[exchange_id]["of"] = len(ids)
    return places


def _written(message: Message) -> bytes:
    texts = [part for block in message.content for part in _said(block)]
    written = "\0".join((message.role, str(len(texts)), *texts, "")).encode("utf-8", "surrogatepass")
    if len(written) <= _REMEMBERED:
        message.memo[_MEMO] = written
    return written


def _said(block: Block) -> list[str]:
    if isinstance(block, Text):
        return [block.text.strip()]
    if isinstance(block, (Image, Document)):
        return [block.data]
    if isinstance(block, ToolUse):
        return [block.id, block.name, _flat(block.input)]
    if isinstance(block, ToolResult):
        return [block.tool_use_id, *(part for inner in block.content for part in _said(inner))]
    return []  # Thinking is not counted: many clients leave it out when they send an answer again.


def _flat(value: object) -> str:
    """Give a JSON value as a text that does not depend on the order of its names."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_flat(value[name])}" for name in sorted(value)) + "}"
    return "[" + ",".join(map(_flat, value)) + "]" if isinstance(value, (list, tuple)) else repr(value)
