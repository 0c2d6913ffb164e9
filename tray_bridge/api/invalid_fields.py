"""FastAPI's complaint about a field of an address or a body → an error in the words of all other refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError

from ..bridge.fields import kind_of, shown
from ..errors import InvalidRequestError

# Pydantic's types of errors, each by its beginning, and what the field must be.
_MUST_BE = {
    "string_": "a string",
    "int_parsing_size": "a smaller number",
    "int_": "a whole number",
    "float_": "a number",
    "finite_number": "a finite number",
    "bool_": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "greater_than_equal": "at least {ge:.0f}",
    "less_than_equal": "at most {le:.0f}",
    "literal_error": "{expected}",
}


def refusal_of(error: RequestValidationError) -> InvalidRequestError:
    """Make the 400 for the first field that is wrong."""
    first: Mapping[str, Any] = error.errors()[0]
    place = first["loc"][1:]
    param = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return InvalidRequestError(_complaint(first, param), param=param or None)


def _complaint(error: Mapping[str, Any], param: str) -> str:
    kind, given = str(error["type"]), error.get("input")
    if kind == "missing":
        return f"`{param}` is missing."
    if kind == "extra_forbidden":
        return f"There is no field `{param}` here."
    if kind == "string_too_long":  # it may be a key
        return f"`{param}` may have {error['ctx']['max_length']} characters, not {len(str(given))}."
    must_be = next((words for beginning, words in _MUST_BE.items() if kind.startswith(beginning)), None)
    if must_be is None:
        return f"`{param}`: {error['msg']}."
    what = shown(given) if isinstance(given, float) or not kind.endswith("_type") else kind_of(given)
    return f"`{param}` must be {must_be.format(**error.get('ctx') or {})}, not {what}."
