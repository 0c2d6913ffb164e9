"""A turn as the lines that the CLI reads: past messages, the question, and the settings of one turn.

Pure. Owns how a `Turn` becomes Messages API blocks and stream-json lines. Must not know processes.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ..snapshots import ModelSnapshot
from ..turns import (
    NO_CONTENT,
    Block,
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)
from .offered_tools import tools_override

Wire = dict[str, Any]
MAX_OUTPUT_TOKENS = "CLAUDE_CODE_MAX_OUTPUT_TOKENS"
# Up to 4.5, thinking must be complete through a chain of calls, and a rebuilt conversation has lost it.
UP_TO_4_5 = re.compile(r"claude-(?:[23]|[a-z]+-4(?:-[0-5])?(?=$|@|-20|-v))")
_SAYS_NOTHING = Message("assistant", (NO_CONTENT,))


def merge_messages(messages: Sequence[Message]) -> list[Message]:
    """Join neighbouring user messages into one, each text a block of its own, and drop what is empty.

    The CLI would join them itself, but into one text with a line break between; also around an assistant message of its
    own without content, which it leaves out.
    """
    return [message for _, message in merged_from(messages, 0)]


def merged_from(messages: Sequence[Message], start: int) -> list[tuple[int, Message]]:
    """Give the messages from `start` on as `merge_messages` joins them, each with the index of its first one."""
    merged: list[tuple[int, Message]] = []
    kept = [(i, m) for i, m in enumerate(messages[start:], start) if m.content and m != _SAYS_NOTHING]
    for role, group in groupby(kept, key=lambda pair: pair[1].role):
        if role == "assistant":
            merged.extend(group)
        else:
            run = list(group)
            merged.append((run[0][0], Message(role, tuple(block for _, message in run for block in message.content))))
    return merged


def past_line(message: Message) -> Wire:
    """Make the line of a past message: the CLI takes it in without asking the model."""
    if message.role == "assistant":
        line = _line("assistant", message)
        if model := thinking_model(message):
            line["message"]["model"] = model
        return {**line, "parent_tool_use_id": None}
    return {**question_line(message), "shouldQuery": False}


def thinking_model(message: Message) -> str:
    """Give the model whose thinking is in the message. The CLI drops thinking without a model, or of another one."""
    blocks = (block for block in message.content if isinstance(block, (Thinking, RedactedThinking)))
    return next((block.model for block in blocks), "")


def question_line(message: Message) -> Wire:
    """Make the line of a question. Its mark keeps the CLI from reading an `@path` or running a `/command` in it.

    The conversation can be rewound to its `uuid`.
    """
    marks = {"parent_tool_use_id": None, "client_composed": True, "uuid": str(uuid.uuid4())}
    return {**_line("user", message), **marks}


def _line(role: str, message: Message) -> Wire:
    content = [block_to_wire(block) for block in message.content]
    return {"type": role, "session_id": "", "message": {"role": role, "content": content}}


def block_to_wire(block: Block) -> Wire:
    """Write one block in the Messages API's shape."""
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(media_type, data):
            source = {"type": "base64", "media_type": media_type, "data": data}
            return {"type": "image", "source": source}
        case Document(media_type, data, title, context, citations):
            kind = "text" if media_type == "text/plain" else "base64"
            document = {"type": "document", "source": {"type": kind, "media_type": media_type, "data": data}}
            more = {"title": title, "context": context, "citations": {"enabled": True} if citations else None}
            return document | {name: value for name, value in more.items() if value}
        case ToolUse(id=call_id, name=name, input=arguments):
            return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
        case ToolResult(call_id, content, is_error):
            result = {
                "type": "tool_result",
                "tool_use_id": call_id,
                "content": [block_to_wire(part) for part in content],
            }
            return {**result, "is_error": True} if is_error else result
        case Thinking(text, signature):
            return {"type": "thinking", "thinking": text, "signature": signature}
        case RedactedThinking(data):
            return {"type": "redacted_thinking", "data": data}


def turn_settings(turn: Turn, model: ModelSnapshot | None, *, override_tools: bool = False) -> Mapping[str, Any]:
    """Make the `apply_flag_settings` of this turn: effort, answer length, and how tools are chosen.

    `CLAUDE_CODE_EXTRA_BODY` replaces fields of the request's body (https://code.claude.com/docs/en/env-vars).
    """
    extra: dict[str, Any] = {}
    choice = turn.tool_choice
    is_older = model is None and bool(UP_TO_4_5.search(turn.model))
    is_forced = turn.demands_call and can_be_forced(turn, model)
    if turn.tools and (is_forced or choice.type == "none" or not choice.parallel):
        extra["tool_choice"] = {"type": choice.type if is_forced or choice.type == "none" else "auto"}
        if is_forced and choice.name is not None:
            extra["tool_choice"]["name"] = choice.name
        if not choice.parallel and choice.type != "none":
            extra["tool_choice"]["disable_parallel_tool_use"] = True
    if turn.max_tokens is not None:
        extra["max_tokens"] = turn.max_tokens  # the variable takes effect from the next question on, this at once
    if (tools := tools_override(turn, all_of_them=override_tools)) is not None:
        extra["tools"] = tools
    if turn.output_schema is not None and not turn.binds_schema:
        extra["output_config"] = {"format": {"type": "json_schema", "schema": turn.output_schema}}
    effort = turn.effort
    can_stop_thinking = model.can_stop_thinking if model is not None else is_older
    if is_forced or (can_stop_thinking and not turn.thinking) or (is_older and turn.tools):
        extra["thinking"] = {"type": "disabled"}
        if effort in ("xhigh", "max"):
            effort = "high"  # the most that the Messages API accepts without thinking
    elif not turn.thinking:
        effort = "low"
    if effort is not None and model is not None and model.efforts and effort not in model.efforts:
        effort = None
    return {
        "effortLevel": effort,
        "env": {
            MAX_OUTPUT_TOKENS: str(turn.max_tokens) if turn.max_tokens is not None else "",
            "CLAUDE_CODE_EXTRA_BODY": json.dumps(extra) if extra else "",
        },
    }


def can_be_forced(turn: Turn, model: ModelSnapshot | None) -> bool:
    """Return whether the Messages API accepts a forced `tool_choice` for this model: not if it always thinks.

    https://platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows
    """
    return model.can_stop_thinking if model is not None else bool(UP_TO_4_5.search(turn.model))


def demand_for_call(turn: Turn) -> Text:
    """Write the sentence that makes a model call a tool where it cannot be forced."""
    wanted = f"`{turn.tool_choice.name}`" if turn.tool_choice.name else "at least one of the tools offered"
    return Text(f"Answer with a call of {wanted}. An answer without it cannot be used.")
