"""A request to /chat/completions → `ChatRequest`: the turn to ask, and how the client wants its answer.

The body is JSON that somebody sent: whatever it holds, the only error raised is `InvalidRequestError`, whose
`param` is the path of the field that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...turns import Effort, JsonObject, Turn
from ..content import find_image_urls
from ..fields import kind_of, read_boolean, read_integer, read_list, read_object, read_string, refuse, shown
from ..messages import read_messages
from ..output_schema import plain_schema
from ..tools import is_legacy, object_schema, read_tools
from .loose_input import message_list
from .parameters import check_parameters

__all__ = ["ChatRequest", "find_image_urls", "read_chat_request"]

CHOICES = 4
# OpenAI takes 4; Continue sends its whole list to hosts that it does not know (core/llm/llms/OpenAI.ts).
STOPS = 64
STOP_LENGTH = 1_000

_NOTHING_FETCHED: Mapping[str, bytes] = MappingProxyType({})
_EFFORTS: Mapping[str, Effort | None] = {
    "none": None,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request. `ignored` names what was accepted but cannot be honoured, in words that fit a header.

    `legacy_functions`: the answer's calls go out as `function_call`. `show_reasoning`: False where the client
    asked for none to be shown.
    """

    turn: Turn
    requested_model: str
    streamed: bool = False
    include_usage: bool = False
    n: int = 1
    legacy_functions: bool = False
    show_reasoning: bool = True
    ignored: tuple[str, ...] = ()


def read_chat_request(
    body: object, *, resolve_model: Callable[[str], str], fetched: Mapping[str, bytes] = _NOTHING_FETCHED
) -> ChatRequest:
    """Read the parsed JSON of a request.

    `resolve_model` turns the requested name ("default" where there is none) into a Claude model, and may
    raise `ModelNotFoundError`; `fetched` holds the bytes of every URL that `find_image_urls` found.
    """
    if not isinstance(body, Mapping):
        refuse(f"The body must be a JSON object, not {kind_of(body)}.", "body")
    ignored = check_parameters(body)
    requested = read_string(body.get("model"), "model") or "default"
    reasoning = read_object(body.get("reasoning"), "reasoning") or {}
    effort, thinking = _read_effort(body, reasoning)
    tools, choice = read_tools(body, ignored)
    output_schema = _read_output_schema(body)
    max_tokens = _read_max_tokens(body)
    stop = _read_stop(body)
    streamed = read_boolean(body.get("stream"), "stream") or False
    include_usage = _read_include_usage(body)
    n = read_integer(body.get("n"), "n", least=1, most=CHOICES) or 1
    hidden = read_boolean(body.get("include_reasoning"), "include_reasoning") is False
    hidden = hidden or read_boolean(reasoning.get("exclude"), "reasoning.exclude") is True
    hidden = hidden or not thinking  # a model that cannot stop thinking does it silently
    conversation = read_messages(message_list(body), fetched, ignored)
    turn = Turn(
        model=resolve_model(requested),
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
    return ChatRequest(
        turn=turn,
        requested_model=requested,
        streamed=streamed,
        include_usage=include_usage,
        n=n,
        legacy_functions=is_legacy(body),
        show_reasoning=not hidden,
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _read_effort(body: Mapping[str, Any], reasoning: JsonObject) -> tuple[Effort | None, bool]:
    """How hard to think, and whether at all; LibreChat sends a `reasoning` object."""
    param = "reasoning_effort" if body.get("reasoning_effort") is not None else "reasoning.effort"
    value = body.get("reasoning_effort")
    name = read_string(reasoning.get("effort") if value is None else value, param)
    if name is not None and name not in _EFFORTS:
        refuse(f"{shown(name)} is not a known effort. Known are {', '.join(_EFFORTS)}.", param)
    thinking = read_object(body.get("thinking"), "thinking") or {}
    off = name == "none" or thinking.get("type") == "disabled"
    off = off or read_boolean(reasoning.get("enabled"), "reasoning.enabled") is False
    return (_EFFORTS[name] if name else None), not off


def _read_output_schema(body: Mapping[str, Any]) -> JsonObject | None:
    param, value = "response_format", body.get("response_format")
    if value is None:
        param, value = "text.format", (read_object(body.get("text"), "text") or {}).get("format")
    form = read_object(value, param)
    if form is None or form.get("type") == "text":
        return None
    if form.get("type") == "json_object":
        return {"type": "object"}
    if form.get("type") != "json_schema":
        quoted = shown(form.get("type"))
        refuse(f"{quoted} is not a known format. Known are text, json_object and json_schema.", f"{param}.type")
    nested = read_object(form.get("json_schema"), f"{param}.json_schema")
    holder, path = (form, param) if nested is None else (nested, f"{param}.json_schema")
    if holder.get("schema") is None:
        refuse(f"`{path}.schema` is missing.", f"{path}.schema")
    return plain_schema(object_schema(holder["schema"], f"{path}.schema"))


def _read_max_tokens(body: Mapping[str, Any]) -> int | None:
    """The limit on the answer's tokens; some clients send -1 for none."""
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        value = body.get(name)
        if value is not None and value != -1:
            return read_integer(value, name, least=1)
    return None


def _read_stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The stop strings; an empty one would never be reached, and is left out."""
    name = "stop" if body.get("stop") is not None else "stop_sequences"
    value = body.get(name)
    given = [value] if isinstance(value, str) else read_list(value, name) or ()
    if len(given) > STOPS:
        refuse(f"`{name}` has {len(given)} entries; at most {STOPS} are taken.", name)
    stops = []
    for index, entry in enumerate(given):
        text = read_string(entry, f"{name}[{index}]")
        if text and len(text) > STOP_LENGTH:
            refuse(f"A stop string may have at most {STOP_LENGTH} characters.", f"{name}[{index}]")
        if text:
            stops.append(text)
    return tuple(dict.fromkeys(stops))


def _read_include_usage(body: Mapping[str, Any]) -> bool:
    options = read_object(body.get("stream_options"), "stream_options") or {}
    return read_boolean(options.get("include_usage"), "stream_options.include_usage") or False
