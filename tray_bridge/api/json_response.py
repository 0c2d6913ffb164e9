"""JSON as it goes out: how it is encoded, once for all answers and stream frames."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def encode_json(value: Any) -> bytes:
    """Encode `value` as pure ASCII.

    Lone surrogates, which clients may send as `\\ud800` escapes, cannot be encoded as UTF-8 and would raise;
    and some clients split a stream at U+2028 or U+0085 as at a line's end. As escapes, both are harmless.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


class JsonResponse(Response):
    """A JSON answer that can carry any Python string (Starlette's own fails on lone surrogates)."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return encode_json(content)
