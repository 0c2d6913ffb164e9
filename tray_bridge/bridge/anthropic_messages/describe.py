"""The OpenAPI description of POST /v1/messages. It checks nothing."""

from __future__ import annotations

from typing import Any

from .parameters import PARAMETERS

Schema = dict[str, Any]

_BLOCK = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
_TYPES: dict[str, Schema] = {
    "model": {"type": "string"},
    "messages": {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {
                "role": {"type": "string", "enum": ["user", "assistant", "system"]},
                "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": _BLOCK}]},
            },
            "required": ["role", "content"],
        },
    },
    "system": {"anyOf": [{"type": "string"}, {"type": "array", "items": _BLOCK}]},
    "max_tokens": {"type": "integer", "minimum": 1},
    "stop_sequences": {"type": "array", "items": {"type": "string"}},
    "stream": {"type": "boolean"},
    "tools": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "input_schema": {"type": "object"},
            },
            "required": ["name", "input_schema"],
        },
    },
    "tool_choice": {"type": "object"},
    "thinking": {"type": "object"},
    "output_config": {"type": "object"},
    "output_format": {"type": "object"},
    "thread": {"type": "object"},
}


def _parameter(name: str, note: str, kind: str) -> Schema:
    fallback = {} if kind == "any" else {"type": kind}
    return {"anyOf": [_TYPES.get(name) or fallback, {"type": "null"}], "description": note}


_REQUEST = {
    "type": "object",
    "properties": {p.name: _parameter(p.name, p.note, p.kind) for p in PARAMETERS},
    "required": ["messages"],
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": _BLOCK},
        "stop_reason": {"type": "string"},
        "stop_sequence": {"type": ["string", "null"]},
        "usage": {"type": "object"},
    },
    "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
}
_COUNT = {"type": "object", "properties": {"input_tokens": {"type": "integer"}}, "required": ["input_tokens"]}
_EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "description": "The JSON of an event of the Messages API."},
    },
    "required": ["event", "data"],
}
_ERROR = {
    "type": "object",
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
            "required": ["type", "message"],
        },
        "request_id": {"type": "string"},
    },
    "required": ["type", "error"],
}

OPERATION: Schema = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}},
    "responses": {
        "200": {
            "description": "The message, its events where `stream` is true, or the count of its prompt's tokens.",
            "content": {
                "application/json": {"schema": {"anyOf": [_MESSAGE, _COUNT]}},
                "text/event-stream": {"itemSchema": _EVENT},
            },
        },
        "default": {
            "description": "An error in the Messages API's shape.",
            "content": {"application/json": {"schema": _ERROR}},
        },
    },
}
