"""Typed reads of untrusted JSON values. Owns the text of type errors; must not know a field by name.

Each reader returns None for null, because clients send an explicit null for optional fields. A value of another type
raises `InvalidRequestError`, with the value's path as `param`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ..errors import InvalidRequestError
from ..turns import JsonObject


def refuse(message: str, param: str, *, hint: str | None = None, code: str | None = None) -> NoReturn:
    """Raise the 400 for one field."""
    raise InvalidRequestError(message, param=param, hint=hint, code=code)


def shown(value: object) -> str:
    """Quote a value for an error message: short, on one line, plain ASCII."""
    text = json.dumps(value) if isinstance(value, (str, int, float, bool, type(None))) else kind_of(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def kind_of(value: object) -> str:
    """Name a value's JSON type, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, Mapping) else "an array"


def read_string(value: object, param: str) -> str | None:
    """Read a string."""
    if value is None or isinstance(value, str):
        return value
    return refuse(f"`{param}` must be a string, not {kind_of(value)}.", param)


def read_boolean(value: object, param: str) -> bool | None:
    """Read true or false."""
    if value is None or isinstance(value, bool):
        return value
    return refuse(f"`{param}` must be true or false, not {kind_of(value)}.", param)


def read_number(value: object, param: str) -> float | None:
    """Read a number, whole or not."""
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return refuse(f"`{param}` must be a number, not {kind_of(value)}.", param)


def read_integer(value: object, param: str, *, least: int, most: int | None = None) -> int | None:
    """Read a whole number within bounds; 100.0 counts as 100, because some clients' JSON writers send it."""
    number = read_number(value, param)
    if number is None:
        return None
    if isinstance(number, float):
        if not number.is_integer():
            refuse(f"`{param}` must be a whole number, not {shown(number)}.", param)
        number = int(number)
    if number < least or (most is not None and number > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        refuse(f"`{param}` must be {bounds}, not {_short(number)}.", param)
    return number


def read_object(value: object, param: str) -> JsonObject | None:
    """Read an object."""
    if value is None or isinstance(value, Mapping):
        return value
    if value == []:  # PHP's empty object
        return {}
    return refuse(f"`{param}` must be an object, not {kind_of(value)}.", param)


def read_list(value: object, param: str) -> Sequence[Any] | None:
    """Read an array."""
    if value is None or isinstance(value, list):
        return value
    if value == {}:  # Lua's empty array
        return []
    return refuse(f"`{param}` must be an array, not {kind_of(value)}.", param)


def required_string(value: object, param: str) -> str:
    """Read a string that is required and must not be empty."""
    text = read_string(value, param)
    return text or refuse(f"`{param}` is missing or empty.", param)


def _short(number: int) -> str:
    """Write a number; Python refuses to write integers of more than 4,300 digits."""
    return str(number) if abs(number) < 10**18 else "a number of that size"
