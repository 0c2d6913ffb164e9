"""The JSON Schema of a tool's parameters, in the form that the Messages API accepts: draft 2020-12.

The CLI leaves a tool out without a message if its schema is not valid in that draft. So keywords of older drafts,
OpenAPI 3.0 and other vendors, and `[]` from languages without empty objects, are converted. A valid schema stays as it
is. Where the meaning is unclear the request is refused, with the path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..turns import JsonObject
from .fields import kind_of, refuse, shown
from .schema_types import mend_type

DEEPEST = 100
MOST_EXACT = 2**53
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ONE = frozenset(
    """
    additionalProperties contains contentSchema else if items not propertyNames then unevaluatedItems
    unevaluatedProperties
    """.split()
)
_SEVERAL = frozenset("allOf anyOf oneOf prefixItems".split())
_NAMED = frozenset("$defs definitions dependentSchemas patternProperties properties".split())
_NUMBERS = frozenset("exclusiveMaximum exclusiveMinimum maximum minimum multipleOf".split())
_COUNTS = frozenset("maxContains maxItems maxLength maxProperties minContains minItems minLength minProperties".split())
_FLAGS = frozenset("deprecated readOnly uniqueItems writeOnly".split())
_NOTES = frozenset("$comment contentEncoding contentMediaType description format title".split())
_REFERENCES = frozenset("$dynamicRef $ref pattern".split())
_ANCHORS = frozenset("$anchor $dynamicAnchor".split())
_DRAFTS_OWN = frozenset("$recursiveAnchor $recursiveRef $vocabulary additionalItems dependencies nullable".split())
_KNOWN = (
    _ONE | _SEVERAL | _NAMED | _NUMBERS | _COUNTS | _FLAGS | _NOTES | _REFERENCES | _ANCHORS | _DRAFTS_OWN
    | frozenset("$id $schema dependentRequired enum examples required type".split())
)  # fmt: skip
_WRAPPERS = frozenset("json jsonSchema schema".split())  # Bedrock, the AI SDK, some gateways


def tool_schema(value: object, param: str) -> JsonObject:
    """Give the parameters' schema as the API accepts it: an object's, valid in 2020-12. Raises InvalidRequestError."""
    if value is None or value is True or value in ([], {}):
        return {"type": "object", "properties": {}}
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, list) and all(isinstance(each, Mapping) and "name" in each for each in value):
        value = {"type": "object", "properties": value}  # a list of parameters
    if not isinstance(value, Mapping):
        refuse(f"`{param}` must be an object, not {kind_of(value)}.", param)
    value = _unwrapped(value)
    if value.get("type") is None:
        value = {**value, "type": "object"}
    schema = _mend(value, param, 0)
    kind = schema.get("type")
    if (isinstance(kind, list) and "object" in kind) or kind is None:
        schema["type"] = "object"
    elif kind != "object":
        refuse(f'`{param}` must be a JSON Schema of "type": "object", not {shown(value["type"])}.', param)
    if "$schema" in schema and schema != value and schema["$schema"].rstrip("#") != DIALECT:
        del schema["$schema"]  # the schema is now in draft 2020-12
    return schema


def _unwrapped(value: JsonObject) -> JsonObject:
    """Give the schema that other APIs wrap once more, and one of the properties that were sent without it."""
    (key, inner), *more = value.items()
    if key in _WRAPPERS and not more and isinstance(inner, Mapping):
        return inner
    if not value.keys() & _KNOWN and all(isinstance(each, Mapping) and "type" in each for each in value.values()):
        return {"type": "object", "properties": value}
    return value


def _parsed(text: str) -> Any:
    """A schema that was written as JSON twice; another text as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _schema(value: Any, param: str, depth: int) -> Any:
    """Convert one schema: an object or a boolean."""
    if isinstance(value, bool):
        return value
    if value is None or value == []:
        return {}
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if isinstance(value, str):
        return _mend({"type": value}, param, depth)
    if not isinstance(value, Mapping):
        refuse(f"`{param}` must be a JSON Schema, not {kind_of(value)}.", param)
    if depth > DEEPEST:
        refuse(f"`{param}` is nested more than {DEEPEST} levels deep.", param)
    return _mend(value, param, depth)


def _mend(given: JsonObject, param: str, depth: int) -> dict[str, Any]:
    found = {key: value for key, value in given.items() if value is not None or key not in _KNOWN}
    mend_type(found, param)
    _mend_older_words(found)
    for key in list(found):
        at, value = f"{param}.{key}", found[key]
        if key in _ONE:
            found[key] = _schema(value, at, depth + 1)
        elif key in _SEVERAL:
            _set(found, key, _several(value, at, depth + 1))
        elif key in _NAMED:
            found[key] = _named(value, at, depth + 1)
        elif key == "const":
            _check_exact(value, at)
        elif key in _PLAIN:
            _set(found, key, _PLAIN[key](value, at))
    _take_flags_of_properties(found, given.get("properties"))
    return found


def _set(found: dict[str, Any], key: str, value: Any) -> None:
    """Set a keyword; None removes it."""
    if value is None:
        del found[key]
    else:
        found[key] = value


# Words of older drafts


def _mend_older_words(found: dict[str, Any]) -> None:
    for limit in ("Minimum", "Maximum"):  # draft-04 and OpenAPI 3.0 have a flag beside the number
        exclusive, inclusive = f"exclusive{limit}", limit.lower()
        flag = {"true": True, "false": False}.get(str(found.get(exclusive)).lower())
        if flag is not None:
            del found[exclusive]
            if flag and inclusive in found:
                found[exclusive] = found.pop(inclusive)
    if isinstance(found.get("items"), list):
        tuple_, rest = found.pop("items"), found.pop("additionalItems", None)
        if tuple_:
            found.setdefault("prefixItems", tuple_)
        if rest is not None:
            found["items"] = rest
    found.pop("additionalItems", None)  # it has no effect without a tuple
    older = found.pop("dependencies", None)
    for name, needed in older.items() if isinstance(older, Mapping) else ():
        is_list = isinstance(needed, (str, list))
        kind = "dependentRequired" if is_list else "dependentSchemas"
        holder = found.get(kind)
        found[kind] = {**(holder if isinstance(holder, Mapping) else {}), name: needed}
    if "divisibleBy" in found:
        found.setdefault("multipleOf", found.pop("divisibleBy"))
    if "disallow" in found:  # draft-03
        found.setdefault("not", {"type": found.pop("disallow")})
    if "extends" in found:
        found.setdefault("allOf", found.pop("extends"))
    found.pop("$recursiveAnchor", None)
    if isinstance(reference := found.pop("$recursiveRef", None), str):
        found.setdefault("$ref", reference)
    if not isinstance(found.get("$vocabulary", {}), Mapping):
        del found["$vocabulary"]
    own = found.get("$id")
    if "$id" in found and not (isinstance(own, str) and re.fullmatch(r"[^#]*#?", own)):
        del found["$id"]
        if isinstance(own, str) and own.startswith("#"):
            found.setdefault("$anchor", own[1:])


def _take_flags_of_properties(found: dict[str, Any], properties: Any) -> None:
    """Convert draft-03's `required`, which is a flag of the property itself."""
    pairs = _as_named(properties).items() if isinstance(properties, (Mapping, list)) else ()
    flagged = [name for name, each in pairs if isinstance(each, Mapping) and each.get("required") in (True, "true")]
    if flagged:
        found["required"] = list(dict.fromkeys([*(found.get("required") or ()), *flagged]))


# Values of keywords


def _several(value: Any, param: str, depth: int) -> list[Any] | None:
    if isinstance(value, Mapping):
        value = _as_list(value)
    if not isinstance(value, list):
        refuse(f"`{param}` must be an array of JSON Schemas, not {kind_of(value)}.", param)
    return [_schema(each, f"{param}[{at}]", depth) for at, each in enumerate(value)] or None


def _named(value: Any, param: str, depth: int) -> dict[str, Any]:
    value = _as_named(value)
    if not isinstance(value, Mapping):
        refuse(f"`{param}` must be an object, not {kind_of(value)}.", param)
    if "__proto__" in value and depth > 1:
        refuse(f"`{param}` has a key `__proto__`, which Claude Code would leave out.", f"{param}.__proto__")
    found = {name: _schema(each, f"{param}.{name}", depth) for name, each in value.items()}
    if not param.endswith(".properties"):
        return found
    return {name: ({} if each else {"not": {}}) if isinstance(each, bool) else each for name, each in found.items()}


def _as_named(value: Any) -> Any:
    """A list of schemas that bear their names, or of objects with one each, as an object by name."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return value
    if all("name" in each for each in value):
        return {str(each["name"]): {key: part for key, part in each.items() if key != "name"} for each in value}
    pairs = [pair for each in value if len(each) == 1 for pair in each.items()]
    return dict(pairs) if len(pairs) == len(value) else value


def _as_list(value: JsonObject) -> list[Any]:
    """Give the list that PHP or Lua wrote with its indexes; any other object becomes a list of itself."""
    is_indexed = all(isinstance(key, str) and key.isdigit() for key in value)
    return list(value.values()) if is_indexed else [value]


def _names(value: Any, param: str) -> list[str] | None:
    if isinstance(value, bool):
        return None  # draft-03's flag, which is handled above
    if isinstance(value, str):
        value = [value] if value not in ("", "true", "false") else []
    if isinstance(value, Mapping) and all(isinstance(each, bool) for each in value.values()):
        value = [name for name, is_needed in value.items() if is_needed]
    if isinstance(value, Mapping):
        value = _as_list(value)
    if isinstance(value, list):
        value = [each for each in value if each is not None]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        refuse(f"`{param}` must be an array of property names.", param)
    return list(dict.fromkeys(value))


def _dependent(value: Any, param: str) -> dict[str, Any] | None:
    if value == []:
        return None
    if not isinstance(value, Mapping):
        refuse(f"`{param}` must be an object, not {kind_of(value)}.", param)
    return {name: _names(needed, f"{param}.{name}") or [] for name, needed in value.items()}


def _number(value: Any, param: str) -> Any:
    if isinstance(value, str):
        try:
            value = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            refuse(f"`{param}` must be a number, not {shown(value)}.", param)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse(f"`{param}` must be a number, not {kind_of(value)}.", param)
    if param.endswith(".multipleOf"):
        return abs(value) or None
    return value


def _count(value: Any, param: str) -> Any:
    number = _number(value, param)
    if number < 0:
        return None  # some write -1 for no limit
    if isinstance(number, float) and not number.is_integer():
        refuse(f"`{param}` must be a whole number, not {shown(number)}.", param)
    return number


def _flag(value: Any, param: str) -> bool | None:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False, "1": True, "0": False}
    flag = words.get(str(value).lower())
    return flag if flag is not None else refuse(f"`{param}` must be true or false, not {kind_of(value)}.", param)


def _note(value: Any, _param: str) -> str | None:
    """Read a note; notes of other types are left out, because they have no effect."""
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _reference(value: Any, param: str) -> str:
    return value if isinstance(value, str) else refuse(f"`{param}` must be a string, not {kind_of(value)}.", param)


def _anchor(value: Any, param: str) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][-A-Za-z0-9._]*", value):
        refuse(f"`{param}` must be a plain name, not {shown(value)}.", param)
    return value


def _values(value: Any, _param: str) -> list[Any] | None:
    if isinstance(value, Mapping):
        return _as_list(value) if value else None
    return value if isinstance(value, list) else [value]


def _choices(value: Any, param: str) -> list[Any] | None:
    values = _values(value, param)
    for at, each in enumerate(values or ()):
        _check_exact(each, f"{param}[{at}]")
    return values


def _check_exact(value: Any, param: str) -> None:
    """Refuse an integer that would lose digits in Claude Code, whose numbers are floats."""
    if isinstance(value, int) and abs(value) > MOST_EXACT:
        refuse(f"`{param}` has more digits than Claude Code keeps: {value}.", param, hint="Offer it as a string.")


def _description(value: Any, param: str) -> str | None:
    """Read what the model reads: what is no text of any kind is passed on as JSON."""
    found = _note(value, param)
    return json.dumps(value, ensure_ascii=False) if found is None and value and value is not True else found


def _schema_name(value: Any, _param: str) -> str | None:
    return value if isinstance(value, str) else None


_PLAIN: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_NOTES, _note),
    **dict.fromkeys(_REFERENCES, _reference),
    **dict.fromkeys(_ANCHORS, _anchor),
    "description": _description,
    "required": _names,
    "dependentRequired": _dependent,
    "enum": _choices,
    "examples": _values,
    "$schema": _schema_name,
}
