"""Which exchanges belong to one conversation: clients do not name conversations, so their messages are compared.

Pure. A `Turn` says the same whatever the dialect, so a conversation may change its dialect on the way. The system
prompt does not count: clients put the time of day into it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypedDict

from ..turns import Block, Document, Image, Message, Text, ToolResult, ToolUse, Turn


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
    questions: list[str] = []
    for message in turn.messages:
        _add(chain, message)
        if message.role == "user":
            questions.append(chain.hexdigest())
    if not questions:
        questions = [chain.hexdigest()]
    return {"thread": questions[0], "tip": questions[-1], "parent": questions[-2] if len(questions) > 1 else None}


def _add(chain: hashlib.blake2b, message: Message) -> None:
    texts = [part for block in message.content for part in _said(block)]
    chain.update(f"{message.role}\0{len(texts)}\0".encode())
    for text in texts:
        chain.update(text.encode("utf-8", "surrogatepass"))
        chain.update(b"\0")


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
