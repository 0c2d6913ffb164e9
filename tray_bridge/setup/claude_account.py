"""Accounts that Claude Code is set up for in this user's own settings; names are read, values are not taken.

Owns which variables stand for which kind of account. Nothing here is sent, shown or kept but names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KINDS = {
    "ANTHROPIC_API_KEY": "an API key",
    "ANTHROPIC_AUTH_TOKEN": "a token of a gateway",
    "ANTHROPIC_BASE_URL": "a gateway",
    "CLAUDE_CODE_USE_BEDROCK": "Amazon Bedrock",
    "CLAUDE_CODE_USE_VERTEX": "Google Vertex AI",
    "CLAUDE_CODE_USE_FOUNDRY": "Microsoft Foundry",
    "CLAUDE_CODE_OAUTH_TOKEN": "a long-lived token of a subscription",
}


def settings_file() -> Path:
    """Return Claude Code's own settings of this user."""
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"


def found_accounts(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each account that the environment or Claude Code's settings hold."""
    found = os.environ if environ is None else environ
    lines = [f"The environment has {name}: {what}." for name, what in KINDS.items() if found.get(name)]
    path, settings = settings_file(), _read(settings_file())
    names = [name for name in KINDS if (settings.get("env") or {}).get(name)]
    lines += [f"{path} sets {name}: {KINDS[name]}." for name in names]
    if settings.get("apiKeyHelper"):
        lines.append(f"{path} has an apiKeyHelper: a program that gives an API key.")
    if names or settings.get("apiKeyHelper"):
        lines.append("To use it, set these variables where Tray Bridge is started; it does not read that file itself.")
    return lines


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("env") or {}, dict) else {}
