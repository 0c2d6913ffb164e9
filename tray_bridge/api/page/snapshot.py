"""The snapshot as the page gets it: with its health, and the words and facts of `doctor.health` and `snapshots`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...doctor.health import Health, window_name, window_seconds
from ...snapshots import USUAL_MODELS, ServerSnapshot


def page_snapshot(snapshot: ServerSnapshot, health: Health) -> dict[str, Any]:
    """Make the page's JSON. Before a worker has reported the account's models, it has the usual ones.

    Claude Code's own `default` is left out: here the default is the setting `default_model`.
    """
    windows = [
        {**asdict(window), "title": window_name(window.name), "seconds": window_seconds(window)}
        for window in snapshot.account.windows
    ]
    return {
        **asdict(snapshot),
        "account": {**asdict(snapshot.account), "windows": windows},
        "models": [asdict(model) for model in snapshot.models or USUAL_MODELS if model.value != "default"],
        "health": health.as_json(),
    }
