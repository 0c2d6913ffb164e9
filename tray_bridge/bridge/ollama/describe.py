"""The OpenAPI description of Ollama's two paths. It checks nothing."""

from __future__ import annotations

from typing import Any

from .parameters import PARAMETERS

Schema = dict[str, Any]
_REQUEST: Schema = {
    "type": "object",
    "properties": {p.name: {"description": p.note} for p in PARAMETERS if p.treatment != "refused"},
    "required": ["model"],
}
_LINE: Schema = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "created_at": {"type": "string"},
        "message": {"type": "object"},
        "response": {"type": "string"},
        "done": {"type": "boolean"},
        "done_reason": {"type": "string"},
    },
    "required": ["model", "created_at", "done"],
}
_ERROR: Schema = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}

OPERATION: Schema = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _REQUEST}}},
    "responses": {
        "200": {
            "description": "The answer where `stream` is false, else its lines.",
            "content": {"application/json": {"schema": _LINE}, "application/x-ndjson": {"itemSchema": _LINE}},
        },
        "default": {
            "description": "An error in Ollama's shape.",
            "content": {"application/json": {"schema": _ERROR}},
        },
    },
}
