"""The CLI's reply to `initialize`: its version, the account, its models; and the plan's windows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CliUnavailableError
from ..snapshots import AccountSnapshot, ModelSnapshot, PlanWindow

# The first CLI that takes a marked user message as written, without `@path` and `/command`.
OLDEST_CLI = (2, 1, 248)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the CLI reports in its reply to `initialize`."""

    account: AccountSnapshot
    models: tuple[ModelSnapshot, ...]


def read_greeting(answer: Mapping[str, Any]) -> Greeting:
    """Read the reply to `initialize`. Raises CliUnavailableError for a CLI that is too old to be safe."""
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
    status = str(info.get("status") or "allowed")
    if info.get("isUsingOverage") is True:
        status = "extra_usage"  # the window is used up, and usage is paid for
    return PlanWindow(
        name=str(info.get("rateLimitType") or "plan"),
        used=float(used) if used is not None else None,
        resets_at=float(resets_at) if resets_at is not None else None,
        status=status,
    )
