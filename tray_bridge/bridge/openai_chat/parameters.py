"""Every request parameter and what becomes of it: one table, which the README repeats and a test compares.

Honoured ones are read in `read_request` and `tools`; this module checks the others. A parameter that is not
in the table is passed over in silence, as OpenAI's own clients send extras.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..fields import read_boolean, read_list, read_number, read_object, read_string, refuse

Treatment: TypeAlias = Literal["honoured", "accepted", "ignored", "refused"]
Kind: TypeAlias = Literal["any", "array", "boolean", "number", "object", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`accepted` means that it changes nothing in the answer; `ignored` that it would, but there is no such
    knob.

    An ignored parameter is named in `x-bridge-ignored` and a refused one answered with 400, unless it has one
    of its `neutral` values, which ask for nothing.
    """

    name: str
    treatment: Treatment
    note: str
    kind: Kind = "any"
    neutral: tuple[object, ...] = ()


def _no_knob(name: str, *neutral: object, kind: Kind = "number") -> Parameter:
    return Parameter(name, "ignored", "Claude Code offers no such setting.", kind, neutral)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("model", "honoured", "A family, full id, old name or alias; missing means the default."),
    Parameter("messages", "honoured", "Real turns, in order; system and developer ones are the system prompt."),
    Parameter("input", "honoured", "`messages` as in the Responses API, read where that is missing."),
    Parameter("instructions", "honoured", "A system prompt before all others."),
    Parameter("system", "honoured", "A system prompt before all others, as in the Messages API."),
    Parameter("stream", "honoured", "One event per delta."),
    Parameter("stream_options", "honoured", "`include_usage` adds the usage chunk."),
    Parameter("n", "honoured", "1 to 4; each choice is an answer of its own, and usage is their sum."),
    Parameter("max_completion_tokens", "honoured", "A hard limit upstream; -1 means none."),
    Parameter("max_tokens", "honoured", "The same, where `max_completion_tokens` is missing."),
    Parameter("max_output_tokens", "honoured", "The same, where both others are missing."),
    Parameter("stop", "honoured", "A string or an array of strings; cuts exactly."),
    Parameter("stop_sequences", "honoured", "The same, where `stop` is missing."),
    Parameter("reasoning_effort", "honoured", "`none`: no thinking, or little and unseen; `minimal` counts as `low`."),
    Parameter("reasoning", "honoured", "`effort` as above; `enabled: false` is off; `exclude: true` hides."),
    Parameter("include_reasoning", "honoured", "`false` leaves `reasoning_content` out."),
    Parameter("thinking", "honoured", "`disabled` switches thinking off; a budget is passed over."),
    Parameter("response_format", "honoured", "`text`, `json_object` or `json_schema`, natively."),
    Parameter("text", "honoured", "`format` as `response_format`."),
    Parameter("tools", "honoured", "Functions become real tools; other kinds of tool are ignored."),
    Parameter("tool_choice", "honoured", "`auto`, `none`, `required`, or a function by name."),
    Parameter("parallel_tool_calls", "honoured", "`false` allows one call an answer."),
    Parameter("functions", "honoured", "The older form of `tools`, answered in its own form."),
    Parameter("function_call", "honoured", "The older form of `tool_choice`."),
    _no_knob("temperature", 1),
    _no_knob("top_p", 1),
    _no_knob("top_k"),
    _no_knob("min_p", 0),
    _no_knob("presence_penalty", 0),
    _no_knob("frequency_penalty", 0),
    _no_knob("repetition_penalty", 1),
    _no_knob("logit_bias", {}, kind="object"),
    _no_knob("verbosity", "medium", kind="string"),
    _no_knob("web_search_options", kind="object"),
    Parameter("user", "accepted", "Changes nothing.", "string"),
    Parameter("metadata", "accepted", "Changes nothing.", "object"),
    Parameter("seed", "accepted", "Changes nothing: no answer can be had twice for certain.", "number"),
    Parameter("store", "accepted", "Nothing is stored but the session log.", "boolean"),
    Parameter("service_tier", "accepted", "Changes nothing.", "string"),
    Parameter("safety_identifier", "accepted", "Changes nothing.", "string"),
    Parameter("prediction", "accepted", "The answer is the same, without the gain in speed.", "object"),
    Parameter("prompt_cache_key", "accepted", "Prompts are cached without it.", "string"),
    Parameter("prompt_cache_retention", "accepted", "Prompts are cached without it.", "string"),
    Parameter("top_logprobs", "accepted", "Has no meaning without `logprobs`.", "number"),
    Parameter("logprobs", "refused", "Claude does not report them.", "boolean", (False,)),
    Parameter("modalities", "refused", "Answers are text.", "array", (["text"], [])),
    Parameter("audio", "refused", "Answers are text.", "object"),
    Parameter("previous_response_id", "refused", "No answer is kept: send the whole conversation.", "string"),
)


def check_parameters(body: Mapping[str, Any]) -> list[str]:
    """The given parameters that cannot be honoured; raises for wrong types and for refused ones."""
    ignored = []
    for parameter in PARAMETERS:
        value = body.get(parameter.name)
        if value is None:
            continue
        _check_kind(parameter, value)
        if parameter.treatment in {"honoured", "accepted"} or value in parameter.neutral:
            continue
        if parameter.treatment == "refused":
            refuse(f"`{parameter.name}` is not supported. {parameter.note}", parameter.name)
        ignored.append(parameter.name)
    return ignored


def _check_kind(parameter: Parameter, value: object) -> None:
    readers = {
        "array": read_list,
        "boolean": read_boolean,
        "number": read_number,
        "object": read_object,
        "string": read_string,
    }
    if parameter.kind != "any":
        readers[parameter.kind](value, parameter.name)
