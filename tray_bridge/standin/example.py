"""Make the smallest value that a JSON schema accepts; patterns are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "person@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: Any, root: Any = None) -> Any:
    """The smallest instance of `schema`; `root` is the document that its `$ref`s point into."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping):
        return None
    if "$ref" in schema:
        return example(resolve(schema["$ref"], root), root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        # References last: a list that ends in "or null" would otherwise never end.
        return example(min(choices, key=lambda choice: "$ref" in choice), root)
    if "allOf" in schema:
        return example(merged(schema, root), root)
    return of_type(schema, root)


def of_type(schema: Mapping[str, Any], root: Any) -> Any:
    """Give a value of the type that a schema names."""
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        known = schema.get("properties", {})
        return {name: example(known.get(name, {}), root) for name in schema.get("required", ())}
    if kind == "array":
        first = list(schema.get("prefixItems", ()))
        more = max(0, schema.get("minItems", 0) - len(first))
        return [example(item, root) for item in first + [schema.get("items", {})] * more]
    if kind in ("integer", "number"):
        return number(schema, whole=kind == "integer")
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    text = FORMATS.get(schema.get("format", ""), "text").ljust(schema.get("minLength", 0), "x")
    return text[: schema.get("maxLength")]


def number(schema: Mapping[str, Any], *, whole: bool) -> Any:
    """Give a number within the bounds of a schema."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    step = schema.get("multipleOf", 1 if whole else 0.001)
    if low is None and above is not None:
        low = (above // step + 1) * step
    if high is None and below is not None:
        high = (below - step) // step * step if whole else below - step
    if low is not None:
        return -(-low // step) * step if "multipleOf" in schema else low
    return min(0, high) if high is not None else 0


def merged(schema: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """A schema with its `allOf` folded into it: properties and required names add up."""
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        part = resolve(part["$ref"], root) if "$ref" in part else part
        for key, value in (merged(part, root) if "allOf" in part else part).items():
            if key == "properties":
                whole[key] = {**whole.get(key, {}), **value}
            elif key == "required":
                whole[key] = [*whole.get(key, ()), *value]
            else:
                whole[key] = value
    return whole


def resolve(reference: str, root: Any) -> Any:
    """What a local reference (`#/$defs/name`) points to."""
    for name in reference.lstrip("#").strip("/").split("/"):
        if name:
            root = root[name.replace("~1", "/").replace("~0", "~")]
    return root
