"""The OpenAPI description of POST /v1/responses. It checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..openai_chat.describe import ERROR_RESPONSE
from .parameters import PARAMETERS

Schema = dict[str, Any]

_ITEM = {
    "type": "object",
    "description": "A message, a call, its output, reasoning, or a reference to a stored item.",
    "properties": {"type": {"type": "string"}, "id": {"type": ["string", "null"]}},
}
_TYPES: Mapping[str, Schema] = {
    "model": {"type": "string"},
    "input": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": _ITEM, "minItems": 1}]},
    "instructions": {"type": "string"},
    "stream": {"type": "boolean"},
    "store": {"type": "boolean"},
    "previous_response_id": {"type": "string"},
    "max_output_tokens": {"type": "integer", "minimum": 1},
    "max_tokens": {"type": "integer"},
    "tools": {"type": "array", "items": {"type": "object"}, "maxItems": 128},
    "tool_choice": {"type": ["string", "object"]},
    "parallel_tool_calls": {"type": "boolean"},
    "text": {"type": "object", "properties": {"format": {"type": "object"}, "verbosity": {"type": "string"}}},
    "reasoning": {
        "type": "object",
        "properties": {"effort": {"enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max", None]}},
    },
    "include": {"type": "array", "items": {"type": "string"}},
}


def _parameter(name: str, note: str, kind: str) -> Schema:
    schema = _TYPES.get(name) or ({} if kind == "any" else {"type": kind})
    return {"anyOf": [schema, {"type": "null"}], "description": note}


_REQUEST = {
    "type": "object",
    "properties": {p.name: _parameter(p.name, p.note, p.kind) for p in PARAMETERS if p.treatment != "refused"},
    "required": ["input"],
}
_RESPONSE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "response"},
        "status": {"enum": ["completed", "incomplete", "in_progress", "failed"]},
        "output": {"type": "array", "items": {"type": "object"}},
        "usage": {"type": ["object", "null"]},
    },
    "required": ["id", "object", "status", "output", "usage"],
}
_EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "The event's JSON."}},
    "required": ["event", "data"],
}

RESPONSES_OPERATION: Schema = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}},
    "responses": {
        "200": {
            "description": "The response, or its events where `stream` is true.",
            "content": {
                "application/json": {"schema": _RESPONSE},
                "text/event-stream": {"itemSchema": _EVENT},
            },
        },
        "default": ERROR_RESPONSE,
    },
}
