"""The list of models in Anthropic's shape. https://platform.claude.com/docs/en/api/models-list"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...snapshots import ModelSnapshot
from ...turns import JsonObject

RELEASED = "2023-11-14T22:13:20Z"  # clients need a time, and Claude Code gives none


def list_models(offered: Sequence[ModelSnapshot]) -> dict[str, Any]:
    """List every name that may be asked for: the short ones, and the full ids, which Claude Code's picker needs."""
    names: dict[str, ModelSnapshot] = {}
    for model in offered:
        for name in (model.value, model.resolved):
            if name and name != "default":
                names.setdefault(name, model)
    return _listing([describe_model(name, model) for name, model in names.items()], has_more=False)


def page_of(listed: JsonObject, query: Mapping[str, str]) -> dict[str, Any]:
    """Give at most `limit` models after `after_id`, or before `before_id`; a bad number and an unknown id are
    ignored.
    """
    data = list(listed["data"])
    ids = [model["id"] for model in data]
    limit = int(given) if (given := query.get("limit", "")).isdecimal() and len(given) < 6 else len(data)
    limit = max(1, limit)
    before = query.get("before_id")
    if before in ids:
        rest = data[: ids.index(before)]
        return _listing(rest[-limit:], has_more=len(rest) > limit)
    after = query.get("after_id")
    rest = data[ids.index(after) + 1 :] if after in ids else data
    return _listing(rest[:limit], has_more=len(rest) > limit)


def _listing(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def describe_model(name: str, model: ModelSnapshot) -> dict[str, Any]:
    """Describe one model, under the name by which it was asked for."""
    return {
        "type": "model",
        "id": name,
        "display_name": model.display_name or name,
        "created_at": RELEASED,
        "lifecycle": "active",
    }
