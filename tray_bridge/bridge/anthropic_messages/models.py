"""The list of models as Anthropic's clients read it. https://platform.claude.com/docs/en/api/models-list"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...snapshots import ModelSnapshot

RELEASED = "2023-11-14T22:13:20Z"  # clients want a time; Claude Code tells none


def list_models(offered: Sequence[ModelSnapshot]) -> dict[str, Any]:
    """Every name that may be asked for: the short ones, and the full ids, which Claude Code's own picker wants."""
    names: dict[str, ModelSnapshot] = {}
    for model in offered:
        for name in (model.value, model.resolved):
            if name and name != "default":
                names.setdefault(name, model)
    data = [describe_model(name, model) for name, model in names.items()]
    return {
        "data": data,
        "has_more": False,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def describe_model(name: str, model: ModelSnapshot) -> dict[str, Any]:
    """One model, under the name by which it was asked for."""
    return {
        "type": "model",
        "id": name,
        "display_name": model.display_name or name,
        "created_at": RELEASED,
        "lifecycle": "active",
    }
