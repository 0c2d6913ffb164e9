"""A JSON answer that can carry any Python string (Starlette's own fails on lone surrogates)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ..bridge.frames import encode_json


class JsonResponse(Response):
    """A JSON answer in pure ASCII."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return encode_json(content)
