"""A request to /chat/completions → `Asked`: the turn to ask, and how the client wants its answer.

The body is untrusted: whatever it holds, the only error raised is `InvalidRequestError`, whose `param` is the path of
the field that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...turns import Effort, JsonObject, Turn
from ..answer_limits import read_effort, read_format, read_max_tokens, read_stop, schema_path
from ..dialect import Asked, Reading
from ..fields import kind_of, read_boolean, read_integer, read_object, read_string, refuse
from ..messages import read_messages
from ..parameters import check_parameters
from ..tools import is_legacy, read_tools
from .loose_input import message_list
from .parameters import PARAMETERS

CHOICES = 4


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """`include_usage`: the stream ends with a usage chunk. `legacy_functions`: calls are written as `function_call`."""

    include_usage: bool = False
    legacy_functions: bool = False


def read_chat(body: object, reading: Reading) -> Asked:
    """Read the parsed JSON of a request."""
    if not isinstance(body, Mapping):
        refuse(f"The body must be a JSON object, not {kind_of(body)}.", "body")
    ignored = check_parameters(body, PARAMETERS)
    requested = read_string(body.get("model"), "model") or "default"
    reasoning = read_object(body.get("reasoning"), "reasoning") or {}
    effort, thinking = _read_effort(body, reasoning)
    tools, choice = read_tools(body, ignored)
    output_schema, schema_param = _read_output_schema(body)
    max_tokens = read_max_tokens(body, "max_completion_tokens", "max_tokens", "max_output_tokens")
    stop = _read_stop(body)
    streamed = read_boolean(body.get("stream"), "stream") or False
    include_usage = _read_include_usage(body)
    n = read_integer(body.get("n"), "n", least=1, most=CHOICES) or 1
    hidden = read_boolean(body.get("include_reasoning"), "include_reasoning") is False
    hidden = hidden or read_boolean(reasoning.get("exclude"), "reasoning.exclude") is True
    hidden = hidden or not thinking  # a model that always thinks does not show it
    conversation = read_messages(message_list(body), reading.fetched, ignored)
    turn = Turn(
        model=reading.resolve_model(requested),
        messages=conversation.messages,
        system=conversation.system,
        tools=tools,
        tool_choice=choice,
        output_schema=output_schema,
        max_tokens=max_tokens,
        stop=stop,
        effort=effort,
        thinking=thinking,
    )
    return Asked(
        turn=turn,
        requested_model=requested,
        streamed=streamed,
        n=n,
        show_reasoning=reading.show_reasoning and not hidden,
        ignored=tuple(dict.fromkeys(ignored)),
        schema_param=schema_param if output_schema is not None else None,
        options=ChatOptions(include_usage, is_legacy(body)),
    )


def _read_effort(body: Mapping[str, Any], reasoning: JsonObject) -> tuple[Effort | None, bool]:
    """Give the effort, and whether the model thinks; LibreChat sends a `reasoning` object."""
    if body.get("reasoning_effort") is not None:
        effort, thinking = read_effort(body["reasoning_effort"], "reasoning_effort")
    else:
        effort, thinking = read_effort(reasoning.get("effort"), "reasoning.effort")
    given = body.get("thinking")
    if given is False or (given is not True and (read_object(given, "thinking") or {}).get("type") == "disabled"):
        thinking = False
    if read_boolean(reasoning.get("enabled"), "reasoning.enabled") is False:
        thinking = False
    return effort, thinking


def _read_output_schema(body: Mapping[str, Any]) -> tuple[JsonObject | None, str]:
    """Give the schema and the path of its field."""
    form, param = body.get("response_format"), "response_format"
    if form is None:
        form, param = (read_object(body.get("text"), "text") or {}).get("format"), "text.format"
    return read_format(form, param), schema_path(form, param)


def _read_stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    name = "stop" if body.get("stop") is not None else "stop_sequences"
    return read_stop(body.get(name), name)


def _read_include_usage(body: Mapping[str, Any]) -> bool:
    options = read_object(body.get("stream_options"), "stream_options") or {}
    return read_boolean(options.get("include_usage"), "stream_options.include_usage") or False
