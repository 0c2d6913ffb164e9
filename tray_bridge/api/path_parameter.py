"""A parameter in a path, described by hand.

FastAPI reads typed parameters with pydantic 1 and 2, whose import would delay the first answer by about 40 ms.
"""

from __future__ import annotations

from typing import Any


def path_parameter(name: str, description: str) -> dict[str, Any]:
    """Describe it for `openapi_extra`; the endpoint reads it from `request.path_params`."""
    schema = {"type": "string"}
    return {
        "parameters": [{"name": name, "in": "path", "required": True, "description": description, "schema": schema}]
    }
