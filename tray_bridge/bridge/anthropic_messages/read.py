"""A Messages request → the turn to ask, and how its client wants the answer.

The body is untrusted: whatever it holds, the only error raised is `InvalidRequestError`, whose `param` is the path of
the field that is wrong. https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from ...errors import ModelNotFoundError
from ...turns import JsonObject, Turn
from ..answer_limits import read_effort, read_stop
from ..dialect import Asked, Reading
from ..fields import read_boolean, read_integer, read_object, read_string, refuse, shown
from ..messages import read_messages
from ..output_schema import answer_schema
from ..parameters import check_parameters
from ..tools import read_tools
from .conversation import message_list
from .options import Options
from .parameters import PARAMETERS
from .signature import unseal
from .threads import kept_request, with_past
from .tool_specs import custom_tools

COUNT_PATH = "/messages/count_tokens"
_THINKING = ("enabled", "adaptive", "between_tools", "disabled")


def read_request(body: JsonObject, reading: Reading) -> Asked:
    """Read the parsed JSON of a request."""
    _refuse_own_worker(reading)
    thread = kept_request(body)
    body = with_past(body, reading.stored)
    ignored = check_parameters(body, PARAMETERS)
    counts = reading.path.endswith(COUNT_PATH)
    requested = read_string(body.get("model"), "model") or "default"
    shows, thinking, omitted = _read_thinking(body)
    config = read_object(body.get("output_config"), "output_config") or {}
    effort, thinks = read_effort(config.get("effort"), "output_config.effort")
    output_schema = _read_schema(body, config)
    max_tokens = read_integer(body.get("max_tokens"), "max_tokens", least=1)
    stop = read_stop(body.get("stop_sequences"), "stop_sequences")
    streamed = read_boolean(body.get("stream"), "stream") or False
    offering, paths = custom_tools(body, ignored)
    tools, choice = read_tools(offering, ignored, paths)
    conversation = read_messages(message_list(body, ignored), reading.fetched, ignored, recall=unseal)
    turn = Turn(
        model=_resolve(requested, reading),
        messages=conversation.messages,
        system=conversation.system,
        tools=tools,
        tool_choice=choice,
        output_schema=output_schema,
        max_tokens=max_tokens,
        stop=stop,
        effort=effort,
        thinking=thinking and thinks,
    )
    return Asked(
        turn=turn,
        requested_model=requested,
        streamed=streamed and not counts,
        n=0 if counts else 1,
        show_reasoning=shows and reading.show_reasoning,
        ignored=tuple(dict.fromkeys(ignored)),
        schema_param="output_config.format.schema" if config.get("format") else "output_format.schema",
        options=Options(omit_thinking=omitted, thread=thread),
        counts=counts,
    )


def _refuse_own_worker(reading: Reading) -> None:
    """Refuse a request of our own Claude Code, which names itself: it would ask itself without end."""
    if reading.headers.get("x-client-app", "").startswith("tray-bridge/"):
        refuse(
            "Tray Bridge's own Claude Code sends its requests to Tray Bridge, so none would ever be answered.",
            "x-client-app",
            hint="Remove ANTHROPIC_BASE_URL, or the gateway that leads here, from the environment of Tray Bridge.",
        )


def _resolve(requested: str, reading: Reading) -> str:
    """Find the Claude model; the error for an unknown one begins as the Messages API's does."""
    try:
        return reading.resolve_model(requested)
    except ModelNotFoundError as error:
        name = requested if len(requested) <= 80 else f"{requested[:79]}…"
        raise ModelNotFoundError(
            f"model: {name}. {error.message}", param="model", code=error.code, hint=error.hint
        ) from error


def _read_thinking(body: JsonObject) -> tuple[bool, bool, bool]:
    """Give whether thinking is shown, whether the model thinks, and whether thinking is written without its text.

    A client that does not mention thinking reads the first block as the answer, so it is shown none.
    """
    given = read_object(body.get("thinking"), "thinking")
    if given is None:
        return False, True, False
    kind = read_string(given.get("type"), "thinking.type")
    if kind not in _THINKING:
        refuse(f"{shown(kind)} is not known. Known are {', '.join(_THINKING)}.", "thinking.type")
    display = read_string(given.get("display"), "thinking.display")
    if display not in (None, "summarized", "omitted"):
        refuse(f"{shown(display)} is not known. Known are summarized and omitted.", "thinking.display")
    return kind != "disabled", kind != "disabled", display == "omitted"


def _read_schema(body: JsonObject, config: JsonObject) -> JsonObject | None:
    param = "output_config.format" if config.get("format") is not None else "output_format"
    form = read_object(config.get("format") or body.get("output_format"), param)
    if form is None:
        return None
    if form.get("type") != "json_schema":
        refuse(f"{shown(form.get('type'))} is not a known format. Known is json_schema.", f"{param}.type")
    if form.get("schema") is None:
        refuse(f"`{param}.schema` is missing.", f"{param}.schema")
    return answer_schema(form["schema"], f"{param}.schema")
