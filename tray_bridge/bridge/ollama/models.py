"""Models as Ollama lists and shows them. What is not known of Claude gets the least value that clients accept."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ...snapshots import ModelSnapshot

VERSION = "0.12.6"  # clients assume thinking, streamed tool calls and capabilities from it; VS Code wants >= 0.6.4
MODIFIED = "2023-11-14T22:13:20Z"
CAPABILITIES = ("completion", "tools", "vision", "thinking")
CONTEXT, LONG_CONTEXT = 200_000, 1_000_000
SIZE = 1  # bytes: clients read a positive whole number
_DETAILS = {
    "parent_model": "",
    "format": "claude",
    "family": "claude",
    "families": ["claude"],
    "parameter_size": "unknown",
    "quantization_level": "none",
}


def listed_name(name: str) -> str:
    """Give a name as Ollama lists it: with a tag."""
    return name if ":" in name else f"{name}:latest"


def list_models(offered: Sequence[ModelSnapshot]) -> dict[str, Any]:
    """Make the answer of `/api/tags`: every name that may be asked for."""
    names = dict.fromkeys(model.value for model in offered if model.value != "default")
    return {"models": [_entry(name) for name in names]}


def running_models(offered: Sequence[ModelSnapshot]) -> dict[str, Any]:
    """Make the answer of `/api/ps`. Claude does not run on this machine, so no model is in memory."""
    return {"models": []}


def show_model(name: str, model: ModelSnapshot) -> dict[str, Any]:
    """Make the answer of `/api/show`."""
    is_long = "[1m]" in model.value or "[1m]" in model.resolved
    return {
        "license": "",
        "modelfile": f"FROM {listed_name(name)}\n",
        "parameters": f"num_ctx {LONG_CONTEXT if is_long else CONTEXT}",
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {
            "general.architecture": "claude",
            "general.basename": model.display_name or model.value,
            "claude.context_length": LONG_CONTEXT if is_long else CONTEXT,
        },
        "capabilities": list(CAPABILITIES),
        "modified_at": MODIFIED,
    }


def _entry(name: str) -> dict[str, Any]:
    listed = listed_name(name)
    return {
        "name": listed,
        "model": listed,
        "modified_at": MODIFIED,
        "size": SIZE,
        "digest": sha256(listed.encode()).hexdigest(),
        "details": _DETAILS,
        "capabilities": list(CAPABILITIES),
    }
