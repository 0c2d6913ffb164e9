"""The parts of the SDK that are used here. The only module that imports it; `launch` tells what is left out."""

from __future__ import annotations

from ..launch.fast_imports import import_sdk

import_sdk()

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, Transport  # noqa: E402
from claude_agent_sdk._internal.transport.subprocess_cli import SubprocessCLITransport  # noqa: E402

__all__ = ["ClaudeAgentOptions", "ClaudeSDKClient", "SubprocessCLITransport", "Transport"]
