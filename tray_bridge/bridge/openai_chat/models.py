"""The list of models in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...snapshots import ModelSnapshot

RELEASED = 1_700_000_000  # clients need a creation time (JetBrains/koog#139); the CLI gives none


def write_models(offered: Sequence[ModelSnapshot]) -> dict[str, Any]:
    """Write the list of models."""
    return {"object": "list", "data": [write_model(model.value, model) for model in offered]}


def write_model(model_id: str, model: ModelSnapshot) -> dict[str, Any]:
    """Write one model."""
    return {
        "id": model_id,
        "object": "model",
        "created": RELEASED,
        "owned_by": "anthropic",
        "name": model.display_name,
        "resolved": model.resolved,
    }
