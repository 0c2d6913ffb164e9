"""The results of tools as content parts: MCP's content blocks, and data of other forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..turns import JsonObject
from .content import is_known, part_type


def result_parts(content: object) -> object:
    """Give the content of a tool's result; what is not a string or a known part is written as text."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        return [_part(each) for each in content]
    return [_part(content)] if isinstance(content, Mapping) else _as_text(content)


def _part(value: object) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        return _as_text(value)
    kind = value.get("type")
    if kind in ("image", "audio") and isinstance(value.get("data"), str) and "source" not in value:
        data = f"data:{value.get('mimeType') or ''};base64,{value['data']}"
        return {"type": "image_url", "image_url": data} if kind == "image" else value
    if kind == "resource" and isinstance(value.get("resource"), Mapping):
        return _resource(value["resource"])
    if kind == "resource_link":
        return _as_text(" ".join(str(value[key]) for key in ("name", "uri", "description") if value.get(key)))
    if kind is None and value.keys() - {"text"} and part_type(value) == "text":
        return _as_text(value)  # other data with a field of that name
    return value if is_known(value) or kind in ("input_audio", "audio") else _as_text(value)


def _resource(resource: JsonObject) -> JsonObject:
    if isinstance(resource.get("blob"), str):
        return {"type": "file", "file": {"file_data": resource["blob"], "filename": str(resource.get("uri") or "")}}
    return _as_text(resource["text"] if isinstance(resource.get("text"), str) else resource)


def _as_text(value: object) -> JsonObject:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return {"type": "text", "text": text}
