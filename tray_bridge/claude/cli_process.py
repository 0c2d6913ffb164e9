"""The CLI's process: how it is started, and how it ends. Reading and writing are in `transport`.

Owns every decision about isolation: the SDK's options and the process's environment. Imports little, because the
first process is started before the rest of the app is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CliUnavailableError
from ..machine.cli_program import find_cli
from ..machine.private_files import make_private_folder
from ..machine.proxy import without_proxy
from ..machine.time_limit import wait_within
from .orphans import guard
from .sdk import ClaudeAgentOptions
from .trace import TracedTransport, transport_class

# The MCP server that offers a client's tools needs a new name for other tools, and a rule that allows it:
# the CLI ignores the rule `mcp__*`.
MOST_OFFERS = 200
TOOL_SERVERS = ("client", *(f"client{number}" for number in range(2, MOST_OFFERS + 1)))
LONGEST_LINE = 16 * 2**20
EXIT_GRACE = 0.5  # seconds to tell a process to leave, and again for it to exit by itself
TERMINATED_GRACE = 2.0  # seconds after it was terminated: a process that is killed leaves files in the user's folders
LONGEST_STDERR_LINE = 500  # characters: these lines are in the error that a person reads

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
_INHERITED_PREFIXES = ("LC_", "XDG_", "ANTHROPIC_", "VERTEX_REGION_", "BUN_JSC_")  # an empty BUN_JSC_… stops the CLI
_BEDROCK_PREFIX = "AWS_"
# The CLI's JavaScript engine compiles what has run a few times, by default after 500: a process of 95 MB grows to 230
# within 200 conversations. So late it compiles only what long answers run all the time, see docs/claude-code.md. A
# program that does not know a variable of this name does not start.
_COMPILE_LATE = {"BUN_JSC_thresholdForJITAfterWarmUp": "200000", "BUN_JSC_thresholdForJITSoon": "40000"}


def cli_options(
    *,
    model: str,
    work_folder: Path,
    cli_path: Path | None,
    environment: Mapping[str, str],
    settings: Mapping[str, str] = {},
) -> ClaudeAgentOptions:
    """Make the options of a process that holds no conversation yet and has no tools of its own.

    `settings` are Claude Code's own, for an account that needs one.
    """
    return ClaudeAgentOptions(
        model=model,
        cwd=work_folder,
        cli_path=cli_path,
        env={**cli_environment(os.environ), **compile_late(os.environ, cli_path), **environment},
        tools=[],
        allowed_tools=[f"mcp__{name}" for name in TOOL_SERVERS],
        setting_sources=[],
        strict_mcp_config=True,
        include_partial_messages=True,
        verbatim_prompts=True,
        client_app=f"tray-bridge/{__version__}",
        extra_args={"no-session-persistence": None, "thinking-display": "summarized"},
        # Without attribution, a tool named Bash adds its notes.
        settings=json.dumps({"attribution": {"commit": "", "pr": ""}, **settings}),
        max_buffer_size=LONGEST_LINE,
    )


def cli_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Make the variables that replace inherited ones: our own, and an empty value for each that is not on the list.

    The SDK passes the whole environment on and cannot leave a variable out, so others are blanked.
    """
    bedrock = bool(inherited.get("CLAUDE_CODE_USE_BEDROCK"))
    blanked = {name: "" for name in inherited if not _is_inherited(name.upper(), bedrock)}
    return {
        **blanked,
        **without_proxy(inherited),
        "CLAUDE_AGENT_SDK_MCP_NO_PREFIX": "1",  # functions keep the client's names
        "ENABLE_TOOL_SEARCH": "false",  # all tools are in the prompt, also where one is named ToolSearch
        "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH": "100000000",  # else they are cut at 4,096 characters
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",  # else it adds notes of its own, as after some rounds without text
        "CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS": "1",  # else a tool named Agent adds them
        "MAX_MCP_OUTPUT_TOKENS": "100000000",  # results are never shortened
        "MCP_TOOL_TIMEOUT": "604800000",  # ms: a call may wait for as long as a worker may stay suspended, a week
        "CLAUDE_CODE_MAX_RETRIES": "2",  # clients of OpenAI's API retry by themselves
        "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",  # a stream that broke is not asked for without one
        "CLAUDE_STREAM_IDLE_TIMEOUT_MS": "86400000",  # a day: CLAUDE_TIMEOUT, at most as long, limits silence instead
        "CLAUDE_CODE_ENABLE_FINE_GRAINED_TOOL_STREAMING": "1",  # long arguments come piece by piece
        "CLAUDE_CODE_DISABLE_REFUSAL_RETRY": "1",  # a refusal ends the turn
        "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK": "1",  # and no other model is asked
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",  # what it noted of the user for this folder would go upstream
        "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",  # else the model is asked for a title
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_AUTO_COMPACT": "1",
    }


def compile_late(inherited: Mapping[str, str], cli_path: Path | None) -> dict[str, str]:
    """Make the variables that keep a process small; none for a program that may not know them, or set by the user."""
    program = find_cli()
    if program is None or not program.is_proved or cli_path not in (None, program.path):
        return {}
    own = {name.upper() for name in inherited}
    return {name: value for name, value in _COMPILE_LATE.items() if name.upper() not in own}


def _is_inherited(name: str, bedrock: bool) -> bool:
    return name in _INHERITED or name.startswith(_INHERITED_PREFIXES) or (bedrock and name.startswith(_BEDROCK_PREFIX))


def _check_folder_of_claude(environment: Mapping[str, str]) -> None:
    """Refuse a file in the place of Claude Code's own folder: the CLI would wait for six seconds at each start."""
    named = environment.get("CLAUDE_CONFIG_DIR", os.environ.get("CLAUDE_CONFIG_DIR"))
    folder = Path(named) if named else Path.home() / ".claude"
    if folder.exists() and not folder.is_dir():
        raise CliUnavailableError(
            f"{folder} is a file, where Claude Code needs its folder.", hint="Move the file away, then try again."
        )


class CliProcess:
    """Run one process of the CLI, through the SDK's own subprocess transport. Use within one event loop.

    `stderr_tail` holds its last lines on stderr. `was_killed`: it has ended by a signal that was not ours (POSIX).
    """

    def __init__(self, options: ClaudeAgentOptions) -> None:
        self.options = options
        self.stderr_tail: deque[str] = deque(maxlen=20)
        self.was_killed = False
        self.transport = transport_class()(
            prompt=_no_prompt(),
            options=replace(options, stderr=lambda line: self.stderr_tail.append(line[:LONGEST_STDERR_LINE])),
        )
        self._end: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id, or None before the start."""
        process = self.transport._process
        return process.pid if process else None

    @property
    def last_words(self) -> str:
        """Return what it printed last, for an error; the process must have ended."""
        return " ".join(self.stderr_tail) or ("It was killed." if self.was_killed else "It said nothing.")

    @property
    def runs(self) -> bool:
        """Return whether the process runs and was not told to end."""
        process = self.transport._process
        return process is not None and process.returncode is None and self._end is None

    async def start(self) -> None:
        """Spawn the process; do nothing if it was spawned, or was told to end. Raises the SDK's own types."""
        if self.pid is not None or self._end is not None:
            return
        if self.options.cwd is not None:
            make_private_folder(Path(self.options.cwd))  # a cleaner of caches may have removed it
        _check_folder_of_claude(self.options.env)
        await self.transport.connect()
        if self.pid is not None:
            guard.watch(self.pid)

    async def end(self) -> None:
        """Ask the process to exit, then terminate it, then kill it. Takes 4 s at most.

        A process that exits by itself or is terminated removes its files from the user's folders. Safe to call again:
        the worker and the SDK's client both do.
        """
        if self._end is None:
            self._end = asyncio.create_task(self._end_it())
        await asyncio.shield(self._end)

    async def _end_it(self) -> None:
        process, pid = self.transport._process, self.pid
        is_told = False
        if process is not None and process.returncode is None:
            with contextlib.suppress(asyncio.TimeoutError):  # a writer blocked on a full pipe holds its lock
                await wait_within(self._ask_to_leave(), EXIT_GRACE)
            for grace, end in ((EXIT_GRACE, process.terminate), (TERMINATED_GRACE, process.kill)):
                with contextlib.suppress(asyncio.TimeoutError):
                    await wait_within(process.wait(), grace)
                    break
                is_told = True
                with contextlib.suppress(ProcessLookupError):
                    end()
        self.was_killed = process is not None and not is_told and (process.returncode or 0) < 0
        await self.transport.close()
        if process is not None and process.returncode is not None:
            await process.aclose()  # the SDK leaves pipes open, and one that is full is not read to its end any more
        if pid is not None:
            guard.forget(pid)

    async def _ask_to_leave(self) -> None:
        """Interrupt, then end the input: end of input alone would let a turn go on to its end."""
        interrupt = {"type": "control_request", "request_id": "leave", "request": {"subtype": "interrupt"}}
        with contextlib.suppress(Exception):  # the SDK's own types for a process that is gone
            await self.transport.write(json.dumps(interrupt) + "\n")
        await self.transport.end_input()

    def write_now(self, line: str) -> bool:
        """Put a line into the pipe before anything else runs; return False where the SDK's pipe is not as known."""
        pipe = getattr(getattr(self.transport._process, "stdin", None), "_stream", None)
        if pipe is None or pipe.is_closing():
            return False
        if isinstance(self.transport, TracedTransport):
            self.transport.note("to", line)
        pipe.write(line.encode())
        return True

    def kill_now(self) -> None:
        """Kill the process at once; `end` must still be called."""
        process = self.transport._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _no_prompt() -> AsyncIterable[dict[str, Any]]:
    async def nothing() -> AsyncIterator[dict[str, Any]]:
        return
        yield {}

    return nothing()
