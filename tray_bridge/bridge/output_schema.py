"""The JSON Schema of a structured answer, in the dialect that the CLI reads: draft-07, strictly.

The CLI drops the whole schema for one unknown keyword. So keywords of newer drafts, draft-04 and OpenAPI become those
of draft-07. Keywords without a counterpart are left out: notes (`example`, `x-…`, `discriminator`), and a few rules
that the answer is then not checked against (`unevaluatedProperties`, `minContains`, `maxContains`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..turns import JsonObject
from .tool_schemas import tool_schema

_ONE = frozenset("additionalItems additionalProperties contains else if items not propertyNames then".split())
_SEVERAL = frozenset("allOf anyOf items oneOf".split())
_NAMED = frozenset("$defs definitions dependencies patternProperties properties".split())
_PLAIN = frozenset(
    """
    $comment $id $ref const contentEncoding contentMediaType default deprecated description enum examples
    exclusiveMaximum exclusiveMinimum format maxItems maxLength maxProperties maximum minItems minLength minProperties
    minimum multipleOf nullable pattern readOnly required title type uniqueItems writeOnly
    """.split()
)


def answer_schema(value: object, param: str) -> JsonObject:
    """The schema of an answer that is an object, mended as a tool's is. Raises InvalidRequestError."""
    return plain_schema(tool_schema(value, param))


def plain_schema(schema: JsonObject) -> JsonObject:
    """Write the schema in draft-07; what is not a schema stays as it is, and the CLI refuses it."""
    found: dict[str, Any] = {}
    for key, value in _in_draft_07(schema).items():
        if key in _ONE and isinstance(value, Mapping):
            found[key] = plain_schema(value)
        elif key in _SEVERAL and isinstance(value, list):
            found[key] = [_maybe(item) for item in value]
        elif key in _NAMED and isinstance(value, Mapping):
            found[key] = {name: _maybe(item) for name, item in value.items()}
        elif key in _ONE | _SEVERAL | _NAMED | _PLAIN:
            found[key] = value
    return found


def _maybe(value: Any) -> Any:
    return plain_schema(value) if isinstance(value, Mapping) else value


def _in_draft_07(schema: JsonObject) -> JsonObject:
    """Write one level of a schema, with the keywords of draft-07."""
    found = dict(schema)
    if "prefixItems" in found:
        rest = found.pop("items", None)
        found["items"] = found.pop("prefixItems")
        if rest is not None:
            found["additionalItems"] = rest
    elif not isinstance(found.get("items"), list):
        found.pop("additionalItems", None)
    dependent = [found.pop(key, None) for key in ("dependencies", "dependentRequired", "dependentSchemas")]
    if given := [names for names in dependent if isinstance(names, Mapping)]:
        found["dependencies"] = {name: needed for names in given for name, needed in names.items()}
    for limit in ("Minimum", "Maximum"):  # draft-04 and OpenAPI 3.0 have a flag beside the number
        exclusive, inclusive = f"exclusive{limit}", limit.lower()
        if isinstance(flag := found.get(exclusive), bool):
            del found[exclusive]
            if flag and inclusive in found:
                found[exclusive] = found.pop(inclusive)
    if "if" not in found:
        found.pop("then", None)
        found.pop("else", None)
    if "type" not in found:
        found.pop("nullable", None)
    if isinstance(found.get("enum"), list):
        found["enum"] = list({json.dumps(value): value for value in found["enum"]}.values())
    return found
