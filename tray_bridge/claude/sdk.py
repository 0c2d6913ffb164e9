"""How the CLI is started and what it says of itself: the SDK's options, the process's environment, the account.

Owns every decision about isolation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CliUnavailableError
from ..snapshots import AccountSnapshot, ModelSnapshot, PlanWindow
from .light_sdk import ClaudeAgentOptions
from .tool_desk import SERVER_NAME

# The first CLI that takes a marked user message as written, without `@path` and `/command`.
OLDEST_CLI = (2, 1, 248)
LONGEST_LINE = 16 * 2**20

# What the CLI needs from the system, and what Claude Code documents for its users
# (https://code.claude.com/docs/en/settings, https://code.claude.com/docs/en/network-config).
_INHERITED = frozenset(
    """
    PATH HOME USER LOGNAME SHELL LANG LANGUAGE TERM TZ TMPDIR TEMP TMP PWD
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE USERNAME USERDOMAIN HOMEDRIVE HOMEPATH APPDATA
    LOCALAPPDATA PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE OS
    __CF_USER_TEXT_ENCODING
    HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR
    CLAUDE_CONFIG_DIR CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_API_KEY_HELPER_TTL_MS CLAUDE_CODE_CLIENT_CERT
    CLAUDE_CODE_CLIENT_KEY CLAUDE_CODE_CLIENT_KEY_PASSPHRASE CLAUDE_CODE_CERT_STORE CLAUDE_CODE_GIT_BASH_PATH
    CLAUDE_CODE_PROXY_RESOLVES_HOSTS CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_USE_VERTEX CLAUDE_CODE_USE_FOUNDRY
    CLAUDE_CODE_SKIP_BEDROCK_AUTH CLAUDE_CODE_SKIP_VERTEX_AUTH CLAUDE_CODE_SKIP_FOUNDRY_AUTH
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC DISABLE_TELEMETRY DISABLE_ERROR_REPORTING DISABLE_AUTOUPDATER
    CLOUD_ML_REGION GOOGLE_APPLICATION_CREDENTIALS GCLOUD_PROJECT GOOGLE_CLOUD_PROJECT
    """.split()
)
_INHERITED_PREFIXES = ("LC_", "XDG_", "ANTHROPIC_", "VERTEX_REGION_")
_BEDROCK_PREFIX = "AWS_"


def cli_options(
    *,
    model: str,
    work_folder: Path,
    cli_path: Path | None,
    environment: Mapping[str, str],
    on_stderr: Callable[[str], None],
) -> ClaudeAgentOptions:
    """Options of a session that knows nothing yet of its conversation and can do nothing but talk."""
    return ClaudeAgentOptions(
        model=model,
        cwd=work_folder,
        cli_path=cli_path,
        env={**cli_environment(os.environ), **environment},
        tools=[],
        allowed_tools=[f"mcp__{SERVER_NAME}"],
        setting_sources=[],
        strict_mcp_config=True,
        include_partial_messages=True,
        verbatim_prompts=True,
        client_app=f"tray-bridge/{__version__}",
        extra_args={"no-session-persistence": None, "thinking-display": "summarized"},
        settings=json.dumps({"attribution": {"commit": "", "pr": ""}}),  # else a client's tool named Bash brings it up
        max_buffer_size=LONGEST_LINE,
        stderr=on_stderr,
    )


def cli_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables to lay over the inherited ones: ours, and an empty value for each that is not on the list.

    The SDK hands the whole environment on and offers no way to leave a variable out, so what other programs keep in
    theirs is blanked.
    """
    bedrock = bool(inherited.get("CLAUDE_CODE_USE_BEDROCK"))
    blanked = {name: "" for name in inherited if not _is_inherited(name.upper(), bedrock)}
    return {
        **blanked,
        "CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1",  # functions keep the names that the client gave them
        "ENABLE_TOOL_SEARCH": "false",  # all of them stand in the prompt
        "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH": "100000000",  # else they are cut at 4,096 characters
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",  # notes of its own in the conversation, as after some silent rounds
        "CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS": "1",  # else it describes them beside a client's tool named Agent
        "MAX_MCP_OUTPUT_TOKENS": "100000000",  # results are never shortened
        "MCP_TOOL_TIMEOUT": "86400000",  # ms: a call may wait for as long as a session may stay suspended
        "CLAUDE_CODE_MAX_RETRIES": "2",  # clients of OpenAI's API retry by themselves
        "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",  # else each turn asks the model for a title first
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_AUTO_COMPACT": "1",
    }


def _is_inherited(name: str, bedrock: bool) -> bool:
    return name in _INHERITED or name.startswith(_INHERITED_PREFIXES) or (bedrock and name.startswith(_BEDROCK_PREFIX))


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the CLI says of itself in its answer to `initialize`."""

    account: AccountSnapshot
    models: tuple[ModelSnapshot, ...]


def read_greeting(answer: Mapping[str, Any]) -> Greeting:
    """Read the answer to `initialize`. Raises CliUnavailableError for a CLI that is too old to be safe."""
    version = str(answer.get("claude_code_version") or "")
    number = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if number is None or tuple(map(int, number.groups())) < OLDEST_CLI:
        raise CliUnavailableError(
            f"Claude Code {version or 'of an unknown version'} is too old: it would read files that a prompt names.",
            hint=f"Update it to {'.'.join(map(str, OLDEST_CLI))} or newer with `claude update`.",
        )
    account = answer.get("account") or {}
    key_source = account.get("apiKeySource") or "none"
    has_token = (account.get("tokenSource") or "none") != "none"
    provider = account.get("apiProvider") or "firstParty"
    plan = account.get("subscriptionType")
    return Greeting(
        AccountSnapshot(
            signed_in=bool(plan) or key_source != "none" or has_token or provider != "firstParty",
            plan=str(plan).removeprefix("Claude ").capitalize() if plan else None,
            uses_api_key=key_source != "none",
            cli_version=version,
        ),
        tuple(
            ModelSnapshot(
                value=str(model["value"]),
                resolved=str(model.get("resolvedModel") or model["value"]),
                display_name=str(model.get("displayName") or model["value"]),
                description=str(model.get("description") or ""),
                efforts=tuple(model.get("supportedEffortLevels") or ()),
                can_stop_thinking=bool(model.get("supportsThinkingOff")),
            )
            for model in answer.get("models") or ()
            if model.get("value")
        ),
    )


def read_plan_window(info: Mapping[str, Any]) -> PlanWindow:
    """Read the `rate_limit_info` of a rate limit event."""
    used = info.get("utilization")
    resets_at = info.get("resetsAt")
    return PlanWindow(
        name=str(info.get("rateLimitType") or "plan"),
        used=float(used) if used is not None else None,
        resets_at=float(resets_at) if resets_at is not None else None,
        status=str(info.get("status") or "allowed"),
    )
