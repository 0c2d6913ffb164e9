"""A call's arguments, as the model wrote them, as an object."""

from __future__ import annotations

import json

from ..turns import JsonObject


def read_arguments(text: str) -> JsonObject:
    """Nothing at all means no arguments. What is no JSON object is kept under `_raw`, so that keys stay comparable."""
    try:
        arguments = json.loads(text) if text.strip() else {}
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"_raw": text}
