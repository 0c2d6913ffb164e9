"""The OpenAPI description of POST /v1/chat/completions. It checks nothing.

`read` accepts more than this schema says. The texts of the parameters are those of the table in `parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .parameters import PARAMETERS

Schema = dict[str, Any]

_TEXT_PART = {
    "type": "object",
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
    "required": ["type", "text"],
}
_IMAGE_PART = {
    "type": "object",
    "properties": {
        "type": {"const": "image_url"},
        "image_url": {
            "type": "object",
            "properties": {"url": {"type": "string", "description": "A data: URL or an http(s) URL."}},
            "required": ["url"],
        },
    },
    "required": ["type", "image_url"],
}
_FILE_PART = {
    "type": "object",
    "properties": {
        "type": {"const": "file"},
        "file": {
            "type": "object",
            "properties": {
                "filename": {"type": "string"},
                "file_data": {"type": "string", "description": "A PDF or a text file, as base64 or a data: URL."},
            },
            "required": ["file_data"],
        },
    },
    "required": ["type", "file"],
}
_CALL = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}},
            "required": ["name", "arguments"],
        },
    },
    "required": ["id", "function"],
}
_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool"]},
        "content": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"anyOf": [_TEXT_PART, _IMAGE_PART, _FILE_PART]}},
                {"type": "null"},
            ]
        },
        "tool_calls": {"type": "array", "items": _CALL},
        "tool_call_id": {"type": "string"},
    },
    "required": ["role"],
}
_TOOL = {
    "type": "object",
    "properties": {
        "type": {"const": "function"},
        "function": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"},
                "description": {"type": "string"},
                "parameters": {"type": "object"},
            },
            "required": ["name"],
        },
    },
    "required": ["type", "function"],
}
_LIMIT = {"type": "integer", "minimum": 1}
_TYPES: Mapping[str, Schema] = {
    "model": {"type": "string"},
    "messages": {"type": "array", "items": _MESSAGE, "minItems": 1},
    "input": {"type": ["string", "array"]},
    "instructions": {"type": "string"},
    "system": {"type": ["string", "array"]},
    "stream": {"type": "boolean"},
    "stream_options": {"type": "object", "properties": {"include_usage": {"type": "boolean"}}},
    "n": {"type": "integer", "minimum": 1, "maximum": 4},
    "max_completion_tokens": _LIMIT,
    "max_tokens": _LIMIT,
    "max_output_tokens": _LIMIT,
    "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 4}]},
    "stop_sequences": {"type": "array", "items": {"type": "string"}},
    "reasoning_effort": {"type": "string", "enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max"]},
    "reasoning": {"type": "object"},
    "include_reasoning": {"type": "boolean"},
    "thinking": {"type": "object"},
    "response_format": {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": ["text", "json_object", "json_schema"]}},
        "required": ["type"],
    },
    "text": {"type": "object"},
    "tools": {"type": "array", "items": _TOOL, "maxItems": 128},
    "tool_choice": {"type": ["string", "object"]},
    "parallel_tool_calls": {"type": "boolean"},
    "functions": {"type": "array", "items": {"type": "object"}},
    "function_call": {"type": ["string", "object"]},
}


def _parameter(name: str, note: str, kind: str) -> Schema:
    schema = _TYPES.get(name) or {"type": kind}
    return {"anyOf": [schema, {"type": "null"}], "description": note}


_REQUEST = {
    "type": "object",
    "properties": {p.name: _parameter(p.name, p.note, p.kind) for p in PARAMETERS if p.treatment != "refused"},
    "required": ["messages"],
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "param", "code"],
        }
    },
    "required": ["error"],
}
ERROR_RESPONSE: Schema = {
    "description": "An error in OpenAI's shape.",
    "content": {"application/json": {"schema": _ERROR}},
}
_COMPLETION = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
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

CHAT_OPERATION: Schema = {
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
