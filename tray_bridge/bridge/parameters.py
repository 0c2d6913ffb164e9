"""A dialect's table of request parameters, and the check of a body against it.

Each dialect has one table, from which its OpenAPI description and the docs are written. A parameter that is not in the
table is skipped without a note, because clients send extra fields. `read` reads the honoured ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .fields import read_boolean, read_list, read_number, read_object, read_string, refuse

Treatment: TypeAlias = Literal["honoured", "accepted", "ignored", "refused"]
Kind: TypeAlias = Literal["any", "array", "boolean", "number", "object", "string"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `accepted`: it changes nothing in the answer. `ignored`: it would, but Claude Code has no
    setting for it.

    An ignored parameter is named in `x-bridge-ignored`, and a refused one is answered with 400, unless it has one of
    its `neutral` values, which ask for nothing.
    """

    name: str
    treatment: Treatment
    note: str
    kind: Kind = "any"
    neutral: tuple[object, ...] = ()


def no_setting(name: str, *neutral: object, kind: Kind = "number") -> Parameter:
    """Make the row of a parameter for which Claude Code has no setting."""
    return Parameter(name, "ignored", "Claude Code offers no such setting.", kind, neutral)


SAMPLING = (  # as clients of chat and of legacy completions send it
    no_setting("temperature", 1),
    no_setting("top_p", 1),
    no_setting("top_k"),
    no_setting("min_p", 0),
    no_setting("presence_penalty", 0),
    no_setting("frequency_penalty", 0),
    no_setting("repetition_penalty", 1),
    no_setting("logit_bias", {}, kind="object"),
)


def check_parameters(body: Mapping[str, Any], parameters: Sequence[Parameter]) -> list[str]:
    """List the given parameters that cannot be honoured; raise for wrong types and for refused ones."""
    ignored = []
    for parameter in parameters:
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
