"""Tools whose parameters are a choice between schemas at the root, which the Messages API refuses, as one object.

The API takes no `anyOf`, `oneOf` or `allOf` at the root of a tool's schema. Whether Claude Code mends such a tool, or
leaves it out, depends on settings that it fetches at its start. The object made here has the properties of all
branches; what it cannot say stands in the tool's description, word for word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..turns import JsonObject, Tool

COMBINATORS = ("allOf", "anyOf", "oneOf")
_DEEPEST = 8  # levels of choices within choices; a reference to itself ends here
_CONDITIONS = ("then", "else")
_SAID_BY_ONE_OBJECT = frozenset("$ref allOf description properties required title type".split())


def one_object(tool: Tool) -> Tool:
    """Give the tool with a schema of one object at the root; the same tool where it has one already."""
    schema = tool.input_schema
    choices = {key: schema[key] for key in COMBINATORS if key in schema}
    if not choices:
        return tool
    found: dict[str, list[Any]] = {}
    required = _collect(schema, schema, found, 0)
    own = schema.get("properties") or {}
    properties = {**own, **{name: _either(each) for name, each in found.items() if name not in own}}
    flat = {key: value for key, value in schema.items() if key not in choices}
    flat["properties"] = properties
    if required:
        flat["required"] = [name for name in properties if name in required]
    if _is_said(choices, schema, properties, 0):
        return replace(tool, input_schema=flat)
    words = f"The input must also match this JSON Schema: {json.dumps(choices, ensure_ascii=False)}"
    return replace(tool, input_schema=flat, description="\n\n".join(filter(None, (tool.description, words))))


def _collect(schema: Any, root: JsonObject, found: dict[str, list[Any]], depth: int) -> set[str]:
    """Add the properties that the schema names to `found`; gives those that every object of it must have."""
    schema = resolved(schema, root) if isinstance(schema, Mapping) else {}
    if depth > _DEEPEST:
        return set()
    for name, each in (schema.get("properties") or {}).items():
        found.setdefault(name, [])
        if each not in found[name]:
            found[name].append(each)
    required = set(schema.get("required") or ())
    for key in COMBINATORS:
        needed = [_collect(branch, root, found, depth + 1) for branch in schema.get(key) or ()]
        if needed:
            required |= set.union(*needed) if key == "allOf" else set.intersection(*needed)
    for key in _CONDITIONS:
        _collect(schema.get(key), root, found, depth + 1)
    return required


def _either(schemas: list[Any]) -> Any:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _is_said(part: JsonObject, root: JsonObject, properties: JsonObject, depth: int) -> bool:
    """Whether one object with these properties says the same: all of it holds at once, and nothing is said twice."""
    part = resolved(part, root)
    return (
        depth <= _DEEPEST
        and part.keys() <= _SAID_BY_ONE_OBJECT
        and all(properties[name] == each for name, each in (part.get("properties") or {}).items())
        and all(isinstance(b, Mapping) and _is_said(b, root, properties, depth + 1) for b in part.get("allOf") or ())
    )


def resolved(branch: JsonObject, root: JsonObject) -> JsonObject:
    """Follow a reference to a definition, once."""
    found = re.fullmatch(r"#/(\$defs|definitions)/([^/]+)", str(branch.get("$ref")))
    target = (root.get(found[1]) or {}).get(found[2]) if found else None
    return target if isinstance(target, Mapping) else branch
