"""Accounts that Claude Code is set up for in this user's own settings.

Owns which variables stand for which kind of account. Names alone are shown; values are taken only where the setting
`claude_settings` asks for it, and given to Claude Code's own processes.
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
HELPER = "apiKeyHelper"

# What else an account of these kinds may need: regions, profiles, models, certificates.
_BELONGING = (
    "ANTHROPIC_",
    "AWS_",
    "AZURE_",
    "CLAUDE_CODE_USE_",
    "CLAUDE_CODE_SKIP_",
    "CLOUD_ML_",
    "GOOGLE_",
    "VERTEX_",
)


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
    if settings.get(HELPER):
        lines.append(f"{path} has an {HELPER}: a program that prints an API key.")
    return lines


def account_environment() -> dict[str, str]:
    """Return the variables of the account in Claude Code's settings, to be added to a process's own."""
    given = _read(settings_file()).get("env") or {}
    return {
        name: str(value)
        for name, value in given.items()
        if isinstance(value, (str, int)) and (name in KINDS or name.startswith(_BELONGING))
    }


def account_settings() -> dict[str, str]:
    """Return the settings of the account in Claude Code's settings: the program that prints the key."""
    helper = _read(settings_file()).get(HELPER)
    return {HELPER: helper} if isinstance(helper, str) and helper else {}


def has_account() -> bool:
    """Return whether Claude Code's settings set up an account that can be used."""
    return bool(account_settings()) or not KINDS.keys().isdisjoint(account_environment())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("env") or {}, dict) else {}
