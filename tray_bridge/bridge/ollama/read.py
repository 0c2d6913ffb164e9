"""A request to `/api/chat` or `/api/generate` → the turn to ask, and how its client wants the answer.

The body is untrusted: whatever it holds, the only error raised is `InvalidRequestError`, whose `param` is the path of
the field that is wrong. https://docs.ollama.com/api
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ModelNotFoundError
from ...turns import NO_CONTENT, Effort, JsonObject, Message, Turn
from ..answer_limits import read_effort, read_stop
from ..dialect import Asked, Reading
from ..fields import kind_of, read_boolean, read_integer, read_list, read_object, read_string, refuse, shown
from ..messages import read_messages, role_of
from ..output_schema import answer_schema
from ..parameters import check_parameters
from ..tools import read_tools, safe_name
from .parameters import PARAMETERS

GENERATE = "/api/generate"
MESSAGES = 10_000
_HONOURED_OPTIONS = ("num_predict", "stop")
Sent = list[tuple[str, JsonObject]]


@dataclass(frozen=True, slots=True)
class Options:
    """`generates`: write the answer as `response`, not as a message. `load`: a request without a question loads the
    model.
    """

    generates: bool = False
    load: str = ""


def read_request(body: JsonObject, reading: Reading) -> Asked:
    """Read the parsed JSON of a request."""
    ignored = check_parameters(body, PARAMETERS)
    requested = read_string(body.get("model"), "model") or refuse("model is required", "model")
    generates = reading.path.endswith(GENERATE)
    model = _resolve(requested, reading)
    streamed = read_boolean(body.get("stream"), "stream") is not False
    effort, thinking, shows = _read_think(body)
    options = read_object(body.get("options"), "options") or {}
    max_tokens, stop = _read_options(options, ignored)
    output_schema = _read_format(body)
    tools, choice = read_tools(body, ignored)
    sent = _prompt(body) if generates else _messages(body)
    if not sent:
        load = "unload" if body.get("keep_alive") in (0, "0", "0s", "0m") else "load"
        turn = Turn(model, (Message("user", (NO_CONTENT,)),))
        return Asked(turn, requested, streamed, n=0, options=Options(generates, load))
    conversation = read_messages(sent, reading.fetched, ignored)
    turn = Turn(
        model=model,
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
        show_reasoning=shows and reading.show_reasoning,
        ignored=tuple(dict.fromkeys(ignored)),
        schema_param="format",
        options=Options(generates),
    )


def _resolve(requested: str, reading: Reading) -> str:
    """Find the Claude model; the error for an unknown one has the words that clients look for."""
    try:
        return reading.resolve_model(requested)
    except ModelNotFoundError as error:
        name = requested if len(requested) <= 80 else f"{requested[:79]}…"
        raise ModelNotFoundError(
            f"model '{name}' not found. {error.message}", param="model", code=error.code, hint=error.hint
        ) from error


def _read_think(body: JsonObject) -> tuple[Effort | None, bool, bool]:
    """Give the effort, whether the model thinks, and whether its thinking is shown."""
    value = body.get("think")
    if value is None or isinstance(value, bool):
        return None, value is not False, value is not False
    effort, thinking = read_effort(value, "think")
    return effort, thinking, thinking


def _read_options(options: JsonObject, ignored: list[str]) -> tuple[int | None, tuple[str, ...]]:
    limit = read_integer(options.get("num_predict"), "options.num_predict", least=-2)
    stop = read_stop(options.get("stop"), "options.stop")
    given = (key for key, value in options.items() if value is not None and key not in _HONOURED_OPTIONS)
    ignored += [f"options.{safe_name(key)}" for key in given]
    return (limit if limit is not None and limit > 0 else None), stop


def _read_format(body: JsonObject) -> JsonObject | None:
    value = body.get("format")
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.lower() == "json":
        return {"type": "object"}
    if not isinstance(value, Mapping):
        quoted = shown(value) if isinstance(value, str) else kind_of(value)
        refuse(f'{quoted} is not a known format. Known are "json" and a JSON Schema.', "format")
    return answer_schema(value, "format")


def _prompt(body: JsonObject) -> Sent:
    """Make the messages of a generation; empty where nothing is asked."""
    prompt = read_string(body.get("prompt"), "prompt") or ""
    system = read_string(body.get("system"), "system") or ""
    images = body.get("images")
    if not prompt and not images:
        return []
    return [("", {"role": "system", "content": system}), ("", {"role": "user", "content": prompt, "images": images})]


def _messages(body: JsonObject) -> Sent:
    given = read_list(body.get("messages"), "messages") or ()
    if len(given) > MESSAGES:
        refuse(f"`messages` has {len(given)} entries; at most {MESSAGES} are read.", "messages")
    last = len(given) - 1
    return [(at := f"messages[{index}]", _message(each, at, newest=index == last)) for index, each in enumerate(given)]


def _message(message: object, param: str, *, newest: bool) -> JsonObject:
    """Give one message in the shape of Chat Completions, which `bridge.messages` reads: only the newest strictly."""
    if not isinstance(message, Mapping):
        refuse(f"`{param}` must be an object, not {kind_of(message)}.", param)
    role = (read_string(message.get("role"), f"{param}.role") or "").lower()
    found: dict[str, Any] = {"role": role, "content": message.get("content"), "images": message.get("images")}
    if role == "tool":
        name = message.get("tool_name") or message.get("name")
        return {**found, "tool_call_id": message.get("tool_call_id"), "name": name}
    if newest:
        read_string(found["content"], f"{param}.content")
    if role_of(role) == "assistant" and message.get("tool_calls") is not None:
        found["tool_calls"] = message["tool_calls"]
    return found
