"""A long past conversation as a file that the CLI resumes when it starts.

Replaying a past costs a round trip for each message of the user; a file costs the start of a process, whatever its
length (`python -m tests.bench rebuild` compares them). Only its owner may read the file, which is deleted as soon as
the CLI has read it.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..machine.private_files import replace_file
from ..turns import Message, Text
from .prompt import block_to_wire, merge_messages, thinking_model

logger = logging.getLogger(__name__)

LEAST_ROUND_TRIPS = 80  # user messages; with fewer, a process that runs already is the sooner
STALE_SECONDS = 120.0  # an older file was left behind by an app that was killed


def resumable_past(messages: Sequence[Message]) -> Sequence[Message]:
    """Give as much of a conversation as a file may hold, merged; empty if a file is not worth it.

    It ends with a text of the assistant: the CLI takes calls without results, or a last user message, for a turn that
    was cut off, and adds to it.
    """
    if len(messages) <= LEAST_ROUND_TRIPS:
        return ()
    merged = merge_messages(messages)[:-1]
    while merged and not (merged[-1].role == "assistant" and all(isinstance(b, Text) for b in merged[-1].content)):
        merged.pop()
    round_trips = sum(message.role == "user" for message in merged)
    return merged if round_trips >= LEAST_ROUND_TRIPS else ()


def write_transcript(folder: Path, messages: Sequence[Message]) -> Path:
    """Write the file, and delete those that were left behind. Raises OSError."""
    remove_stale(folder)
    path = folder / f"{uuid.uuid4()}.jsonl"
    replace_file(path, "".join(json.dumps(line) + "\n" for line in _lines(messages)).encode())
    return path


def try_to_write(folder: Path, messages: Sequence[Message]) -> Path | None:
    """Write the file; give None if that is not possible."""
    try:
        return write_transcript(folder, messages)
    except OSError as error:
        logger.warning("A past conversation could not be written to %s: %s", folder, error)
        return None


def remove_stale(folder: Path) -> None:
    """Delete files that were left behind."""
    for path in folder.glob("*"):
        with suppress(OSError):  # another program was faster
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()


def _lines(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Make lines as the CLI writes them, with the fields that link each to the one before."""
    session, parent, lines = str(uuid.uuid4()), None, []
    for message in messages:
        own = str(uuid.uuid4())
        body: dict[str, Any] = {"role": message.role, "content": [block_to_wire(block) for block in message.content]}
        if message.role == "assistant":
            body |= {"id": f"msg_{own}", "type": "message", "stop_reason": "end_turn"}
            body["model"] = thinking_model(message) or "claude"
        lines.append(
            {
                "type": message.role,
                "uuid": own,
                "parentUuid": parent,
                "sessionId": session,
                "isSidechain": False,
                "timestamp": "2026-01-01T00:00:00.000Z",
                "message": body,
            }
        )
        parent = own
    return lines
