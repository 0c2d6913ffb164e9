"""Message threads: a client sends only what is new, and the bridge puts the rest of the conversation before it.

What is kept of an answer is the request that it answered, the answer as its last message; the store forgets it after a
few minutes, as Anthropic's does. A client whose thread is gone sends the whole conversation again by itself.
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


def continued_id(body: JsonObject) -> str | None:
    """The id of the message that the request goes on from; None where it goes on from none."""
    thread = body.get("thread")
    if not isinstance(thread, Mapping) or thread.get("type") != "continue":
        return None
    previous = thread.get("previous_message_id")
    return previous if isinstance(previous, str) and previous else None


def with_past(body: JsonObject, stored: Mapping[str, JsonObject]) -> JsonObject:
    """The request with the whole conversation in it. Raises what makes a client send it whole where it is gone."""
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
    past = stored.get(previous)
    if past is None:
        raise ModelNotFoundError(
            f"The thread of message {shown(previous)} is not kept, or no longer.",
            param="thread.previous_message_id",
            code="thread_not_found",
            hint="Send the whole conversation.",
        )
    messages = body.get("messages")
    if not isinstance(messages, list):
        refuse("`messages` must be an array with the new messages.", "messages")
    inherited = {key: past[key] for key in _INHERITED if body.get(key) is None and key in past}
    return {**body, **inherited, "messages": [*past["messages"], *messages]}


def kept_request(body: JsonObject) -> JsonObject | None:
    """What a later request may go on from; None where the client keeps its conversation itself."""
    if not isinstance(body.get("thread"), Mapping):
        return None
    return {key: body[key] for key in _KEPT if body.get(key) is not None}


def kept_answer(request: JsonObject, content: Sequence[Mapping[str, Any]]) -> JsonObject:
    """The conversation after its answer."""
    return {**request, "messages": [*request["messages"], {"role": "assistant", "content": list(content)}]}
