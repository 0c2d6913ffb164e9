"""The OpenAPI description of POST /v1/completions. It checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answer_limits import STOPS
from ..openai_chat.describe import ERROR_RESPONSE
from .parameters import PARAMETERS

Schema = dict[str, Any]

_TYPES: Mapping[str, Schema] = {
    "model": {"type": "string"},
    "prompt": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
    "suffix": {"type": "string"},
    "stream": {"type": "boolean"},
    "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
    "max_tokens": {"type": "integer", "minimum": 1},
    "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": STOPS}]},
    "n": {"type": "integer", "minimum": 1, "maximum": 4},
    "best_of": {"type": "integer", "minimum": 1},
    "echo": {"type": "boolean"},
}


def _parameter(name: str, note: str, kind: str) -> Schema:
    schema = _TYPES.get(name) or ({} if kind == "any" else {"type": kind})
    return {"anyOf": [schema, {"type": "null"}], "description": note}


_REQUEST = {
    "type": "object",
    "properties": {p.name: _parameter(p.name, p.note, p.kind) for p in PARAMETERS if p.treatment != "refused"},
    "required": ["prompt"],
}
_COMPLETION = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "text_completion"},
        "created": {"type": "integer"},
        "model": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "usage": {"type": "object"},
    },
    "required": ["id", "object", "created", "model", "choices", "usage"],
}
_EVENT = {
    "type": "object",
    "properties": {"data": {"type": "string", "description": "The JSON of a chunk or an error; `[DONE]` at the end."}},
    "required": ["data"],
}

COMPLETIONS_OPERATION: Schema = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}},
    "responses": {
        "200": {
            "description": "The completion, or its chunks where `stream` is true.",
            "content": {
                "application/json": {"schema": _COMPLETION},
                "text/event-stream": {"itemSchema": _EVENT},
            },
        },
        "default": ERROR_RESPONSE,
    },
}
