"""Clients' short names, by the user agents of their requests. A leaf."""

from __future__ import annotations

import re

NO_KEY = "not-needed"
OWN_NAME = "Tray Bridge"
AGENTS = (
    (r"(?i)^ollama", "Ollama's clients"),
    (r"Anthropic/", "Anthropic SDK"),
    (r"^claude-cli/", "Claude Code"),
    (r"(?i)PowerShell", "PowerShell"),
    (r"^Agents/", "OpenAI Agents SDK"),
    (r"(?i)GitHubCopilotChat|vscode", "VS Code"),
    (r"(?i)opencode", "opencode"),
    (r"(?i)\bcodex", "Codex"),
    (r"(?i)jetbrains|ktor", "JetBrains AI"),
    (r"^Zed/", "Zed"),
    (r"(?i)langchain", "LangChain"),
    (r"(?i)aider|litellm", "aider"),
    (r"(?i)open-?webui|aiohttp/", "Open WebUI"),
    (r"(?i)\bcline\b", "Cline"),
    (r"^Continue", "Continue"),
    (r"OpenAI/JS", "OpenAI Node SDK"),
    (r"OpenAI/Python", "OpenAI Python SDK"),
    (r"^curl/", "curl"),
    (r"ai-sdk/", "Vercel AI SDK"),
    (r"(?i)tray-bridge|BridgeClient", OWN_NAME),
    (r"^Mozilla/", "a browser"),
)
"""Regular expressions; the first that is found counts."""

RECOGNISED = frozenset(name for _agent, name in AGENTS)


def client_name(user_agent: str | None) -> str:
    """Return a short name for the client with this user agent."""
    if not user_agent:
        return "unnamed client"
    for pattern, name in AGENTS:
        if re.search(pattern, user_agent):
            return name
    return re.split(r"[/ ]", user_agent.strip(), maxsplit=1)[0][:40] or "unnamed client"
