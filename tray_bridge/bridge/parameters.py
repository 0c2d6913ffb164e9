"""A dialect's table of request parameters, and the check of a body against it.

Each dialect has one table, which its OpenAPI description and the docs repeat. A parameter that is not in the table is
passed over in silence, as clients send extras. Honoured ones are read where they are understood.
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


def no_knob(name: str, *neutral: object, kind: Kind = "number") -> Parameter:
    """A parameter for which Claude Code has no setting."""
    return Parameter(name, "ignored", "Claude Code offers no such setting.", kind, neutral)


def check_parameters(body: Mapping[str, Any], parameters: Sequence[Parameter]) -> list[str]:
    """The given parameters that cannot be honoured; raises for wrong types and for refused ones."""
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
