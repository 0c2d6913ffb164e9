"""A body of POST /v1/responses → the turn to ask, and what its answer repeats.

The body is untrusted: whatever it holds, the only error raised is `InvalidRequestError`, whose `param` is the path of
the field that is wrong.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from ...turns import JsonObject, Turn
from ..answer_limits import read_effort, read_format, read_max_tokens
from ..dialect import Asked, Reading
from ..fields import read_boolean, read_integer, read_list, read_object, read_string
from ..parameters import check_parameters
from .items import item_type, list_items, resolve_references
from .parameters import PARAMETERS
from .past import Pasts
from .request import ResponseOptions
from .stored import stored_items
from .tools import Offered, read_offered

_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"


def read_request(body: JsonObject, reading: Reading, pasts: Pasts) -> Asked:
    """Read the parsed JSON of a request; `reading.stored` holds the answers of `stored.stored_ids`, and `pasts` those
    that were read before.
    """
    ignored = check_parameters(body, PARAMETERS)
    requested = read_string(body.get("model"), "model") or "default"
    instructions = read_string(body.get("instructions"), "instructions")
    reasoning = read_object(body.get("reasoning"), "reasoning") or {}
    effort, thinking = read_effort(reasoning.get("effort"), "reasoning.effort")
    text = read_object(body.get("text"), "text") or {}
    output_schema = read_format(text.get("format"), "text.format")
    if text.get("verbosity") not in (None, "medium"):
        ignored.append("text.verbosity")
    include = [entry for entry in read_list(body.get("include"), "include") or () if isinstance(entry, str)]
    if _LOGPROBS in include:
        ignored.append(f"include.{_LOGPROBS}")
    max_tokens = read_integer(body.get("max_output_tokens"), "max_output_tokens", least=1)
    if max_tokens is None:
        max_tokens = read_max_tokens(body, "max_tokens")
    streamed = read_boolean(body.get("stream"), "stream") or False
    store = read_boolean(body.get("store"), "store") is not False
    offered = read_offered(body, ignored)
    previous = read_string(body.get("previous_response_id"), "previous_response_id") or None
    given = list_items(body.get("input"))
    if any(item_type(item) == "item_reference" for item in given):
        given = resolve_references(given, stored_items(reading.stored))
    conversation = pasts.read(
        previous, given, instructions, stored=reading.stored, fetched=reading.fetched, ignored=ignored
    )
    turn = Turn(
        model=reading.resolve_model(requested),
        messages=conversation.messages,
        system=conversation.system,
        tools=offered.tools,
        tool_choice=offered.choice,
        output_schema=output_schema,
        max_tokens=max_tokens,
        effort=effort,
        thinking=thinking,
    )
    options = ResponseOptions(
        echo=_echo(body, offered, text, reasoning, max_tokens, store),
        client_tools=offered.client_tools,
        given=tuple(_inlined(item, reading.fetched) for item in given) if store else (),
        previous=previous,
        store=store,
        encrypted=_ENCRYPTED in include,
    )
    return Asked(
        turn=turn,
        requested_model=requested,
        streamed=streamed,
        schema_param="text.format.schema",
        show_reasoning=reading.show_reasoning and thinking,
        ignored=tuple(dict.fromkeys(ignored)),
        options=options,
    )


def _inlined(item: JsonObject, fetched: Mapping[str, bytes]) -> JsonObject:
    """Give the item with the bytes of its files in place of their URLs, which may be gone later."""
    if not fetched:
        return item
    changed = dict(item)
    for field in ("content", "output"):
        if isinstance(parts := item.get(field), list):
            changed[field] = [_inlined_part(part, fetched) for part in parts]
        elif isinstance(parts, Mapping):
            changed[field] = _inlined_part(parts, fetched)
    return changed


def _inlined_part(part: Any, fetched: Mapping[str, bytes]) -> Any:
    if not isinstance(part, Mapping):
        return part
    image, file = part.get("image_url"), part.get("file_url")
    where = image.get("url") if isinstance(image, Mapping) else image
    if isinstance(where, str) and where in fetched:
        return {**part, "image_url": _data_url(fetched[where])}
    if isinstance(file, str) and file in fetched:
        rest = {key: value for key, value in part.items() if key != "file_url"}
        return {**rest, "file_data": _data_url(fetched[file])}
    return part


def _data_url(data: bytes) -> str:
    return f"data:application/octet-stream;base64,{b64encode(data).decode()}"


def _echo(
    body: JsonObject, offered: Offered, text: JsonObject, reasoning: JsonObject, max_tokens: int | None, store: bool
) -> JsonObject:
    """Make the fields of the answer that repeat the request. All are present: clients in strict languages need them."""
    return {
        "background": False,
        "frequency_penalty": _number(body, "frequency_penalty", 0),
        "instructions": body.get("instructions"),
        "max_output_tokens": max_tokens,
        "max_tool_calls": body.get("max_tool_calls"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": offered.choice.parallel,
        "presence_penalty": _number(body, "presence_penalty", 0),
        "previous_response_id": body.get("previous_response_id"),
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": _summary(reasoning)},
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": "default",
        "store": store,
        "temperature": _number(body, "temperature", 1),
        "text": {**text, "format": text.get("format") or {"type": "text"}},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": list(offered.echo),
        "top_logprobs": 0,
        "top_p": _number(body, "top_p", 1),
        "truncation": body.get("truncation") or "disabled",
        "user": body.get("user"),
    }


def _number(body: JsonObject, name: str, default: float) -> float:
    value = body.get(name)
    return default if value is None else value


def _summary(reasoning: JsonObject) -> object:
    return reasoning.get("summary") or reasoning.get("generate_summary")
