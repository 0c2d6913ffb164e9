"""Message threads: a client sends only the new messages, and the bridge puts the rest of the conversation before them.

Of an answer are stored the new messages of its request, the answer as the last message, and the id of the answer before
it (`parent`). A client whose thread is gone sends the whole conversation again by itself.
https://platform.claude.com/docs/en/build-with-claude/message-threads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError, ModelNotFoundError
from ...turns import JsonObject
from ..fields import read_object, refuse, required_string, shown

_INHERITED = ("system", "tools")
_KEPT = (*_INHERITED, "messages")
_MARK = "anthropic_messages"


def continued_id(body: JsonObject) -> str | None:
    """Give the id of the message that the request continues, or None."""
    thread = body.get("thread")
    if not isinstance(thread, Mapping) or thread.get("type") != "continue":
        return None
    previous = thread.get("previous_message_id")
    return previous if isinstance(previous, str) and previous else None


def with_past(body: JsonObject, stored: Mapping[str, JsonObject]) -> JsonObject:
    """Give the request with the whole conversation in it. If that is gone, raise the error on which clients send it
    whole.
    """
    thread = read_object(body.get("thread"), "thread")
    if thread is None or thread.get("type") == "create":
        return body
    if thread.get("type") != "continue":
        raise InvalidRequestError(
            f"{shown(thread.get('type'))} is not a known type of thread. Known are create and continue.",
            param="thread.type",
            code="thread_unsupported_request",
        )
    previous = required_string(thread.get("previous_message_id"), "thread.previous_message_id")
    past = _past(previous, stored)
    if past is None:
        raise ModelNotFoundError(
            f"The thread of message {shown(previous)} is not stored, or was deleted.",
            param="thread.previous_message_id",
            code="thread_not_found",
            hint="Send the whole conversation.",
        )
    messages = body.get("messages")
    if not isinstance(messages, list):
        refuse("`messages` must be an array with the new messages.", "messages")
    inherited: dict[str, Any] = {}
    for record in past:
        inherited |= {key: record[key] for key in _INHERITED if key in record and body.get(key) is None}
    earlier = [message for record in past for message in record["messages"]]
    return {**body, **inherited, "messages": [*earlier, *messages]}


def _past(previous: str, stored: Mapping[str, JsonObject]) -> list[JsonObject] | None:
    """Give the records up to the answer `previous`, oldest first; None if one is gone or belongs to another dialect."""
    found: list[JsonObject] = []
    at: Any = previous
    while at is not None:
        record = stored.get(at)
        if record is None or record.get("dialect") != _MARK or len(found) > len(stored):
            return None
        found.append(record)
        at = record["parent"]
    return found[::-1]


def kept_request(body: JsonObject) -> JsonObject | None:
    """Give what is stored of the request; None where the client keeps its conversation itself."""
    if not isinstance(body.get("thread"), Mapping):
        return None
    new = {key: body[key] for key in _KEPT if body.get(key) is not None}
    return {"dialect": _MARK, "parent": continued_id(body), **new}


def kept_answer(request: JsonObject, content: Sequence[Mapping[str, Any]]) -> JsonObject:
    """Make the record of an answer."""
    return {**request, "messages": [*request["messages"], {"role": "assistant", "content": list(content)}]}
