"""The `type` of a JSON Schema: other vendors' and languages' names for it, and OpenAPI's `nullable`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from .fields import kind_of, refuse, shown

_TYPES = frozenset("string number integer boolean object array null".split())
# Other vendors' and languages' names. `any` and its like say nothing of the type.
_OTHER_NAMES: Mapping[str, str] = {
    other: name
    for name, others in {
        "string": "str text char date datetime date-time time uuid guid email uri url path password",
        "integer": "int int8 int16 int32 int64 uint uint8 uint32 uint64 long short byte bigint biginteger",
        "number": "float float32 float64 double decimal bigdecimal num numeric real",
        "boolean": "bool",
        "object": "dict dictionary map mapping hashmap struct record hash json table",
        "array": "list tuple set vector sequence iterable",
        "null": "none nil undefined void",
        "": "any mixed unknown unspecified enum",
    }.items()
    for other in others.split()
} | {"": ""}
_GENERIC = re.compile(r"(?P<name>[\w.]+)\s*(\[(?=.*\]$)|<(?=.*>$))(?P<inner>.+)[\]>]", re.DOTALL)


def mend_type(found: dict[str, Any], param: str) -> None:
    """Put `type` and `nullable` of one schema into the words of 2020-12. Raises InvalidRequestError."""
    if "type" in found:
        given = found.pop("type")
        if given == "enum":  # Avro and form builders
            for other in ("values", "symbols", "options"):
                if isinstance(found.get(other), list):
                    found.setdefault("enum", found.pop(other))
        was_list = isinstance(given, list)
        names = _type_names(given, f"{param}.type", found)
        if names:
            found["type"] = names[0] if len(names) == 1 and not was_list else names
    if found.pop("nullable", None) in (True, "true"):
        _allow_null(found)


def _type_names(value: Any, param: str, found: dict[str, Any]) -> list[str]:
    if value in ([], {}):
        return []
    if isinstance(value, Mapping):
        value = [value]
    if isinstance(value, list):
        if any(isinstance(each, Mapping) for each in value):  # draft-03: a choice of schemas
            found.setdefault("anyOf", [{"type": each} if isinstance(each, str) else each for each in value])
            return []
        return list(dict.fromkeys(name for each in value for name in _type_names(each, param, found)))
    if not isinstance(value, str):
        refuse(f"`{param}` must be the name of a type, not {kind_of(value)}.", param)
    if value in _TYPES:
        return [value]
    word = value.strip()
    if len(several := _split(word, "|")) > 1:
        return _type_names(several, param, found)
    if word.endswith("?"):
        return _type_names([word[:-1], "null"], param, found)
    if word.endswith("[]"):
        found.setdefault("items", {"type": word[:-2]})
        return ["array"]
    if generic := _GENERIC.fullmatch(word):
        names = _generic(generic["name"], _split(generic["inner"], ","), param, found)
        return names if names is not None else _refuse_type(value, param)
    name = _plain_name(word)
    if name is None:
        _refuse_type(value, param)
    return [name] if name else []


def _refuse_type(value: str, param: str) -> NoReturn:
    refuse(f"{shown(value)} is not a type of JSON Schema. Types are {', '.join(sorted(_TYPES))}.", param)


def _plain_name(word: str) -> str | None:
    """The type that one word stands for, empty for any at all; of `java.lang.String` the last part counts."""
    lower = word.lower().rpartition(".")[2].removeprefix("type_")
    return lower if lower in _TYPES else _OTHER_NAMES.get(lower)


def _generic(name: str, inner: list[str], param: str, found: dict[str, Any]) -> list[str] | None:
    """The types of `Optional[str]`, `Array<string>` and `Record<string, any>`; None for another sort."""
    lower = name.lower().rpartition(".")[2]
    if lower in ("optional", "nullable", "maybe"):
        return _type_names([*inner, "null"], param, found)
    if lower in ("union", "oneof"):
        return _type_names(inner, param, found)
    if lower == "literal":
        return _literals(inner, found)
    kind = _plain_name(name)
    if kind == "array" and len(inner) == 1:
        found.setdefault("items", {"type": inner[0]})
    elif kind == "object" and len(inner) == 2:
        found.setdefault("additionalProperties", {"type": inner[1]})
    return [kind] if kind in ("array", "object") else None


def _literals(inner: list[str], found: dict[str, Any]) -> list[str] | None:
    """Python's `Literal['a', 1]`: allowed values, of any type."""
    try:
        found.setdefault("enum", [ast.literal_eval(each) for each in inner])
    except (ValueError, SyntaxError):
        return None
    return []


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "<[(") - (char in ">])")
        if char == mark and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _allow_null(found: dict[str, Any]) -> None:
    """OpenAPI 3.0's `nullable`."""
    kind = found.get("type")
    if kind is None and ("$ref" in found or "anyOf" in found or "oneOf" in found or "allOf" in found):
        rest = {key: found.pop(key) for key in ("$ref", "oneOf", "allOf", "anyOf") if key in found}
        found["anyOf"] = [*rest.pop("anyOf", ()), *([rest] if rest else ()), {"type": "null"}]
        return
    if kind is not None:
        names = kind if isinstance(kind, list) else [kind]
        found["type"] = names if "null" in names else [*names, "null"]
    if isinstance(found.get("enum"), list) and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]
