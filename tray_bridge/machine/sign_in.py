"""Sign-in by Claude Code itself: run `auth login`, pass its link on, and the person's code back.

Owns that process. Claude Code keeps its credentials itself; only the link is read from its output.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import CliUnavailableError, InvalidRequestError
from .cli_program import find_cli
from .outside_environment import outside_environment
from .paths import work_folder

STATUS_SECONDS = 15.0
PATIENCE = 600.0  # seconds for the person
MOST_OUTPUT = 20_000  # characters
_LINK = re.compile(r"https://[^\s\x00-\x1f\x7f]+")
# Its output has links (OSC 8), and colours and cursor moves (CSI).
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]")

AccountKind: TypeAlias = Literal["claudeai", "console", "sso"]
ACCOUNT_KINDS: tuple[AccountKind, ...] = ("claudeai", "console", "sso")
Stage: TypeAlias = Literal["idle", "waiting", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class SignInState:
    """The state of a sign-in. `link` is for a person whose browser did not open; `message` tells why it failed."""

    stage: Stage = "idle"
    link: str = ""
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return {"stage": self.stage, "link": self.link, "message": self.message}


def login_command(cli_path: Path | None, kind: str = "claudeai", email: str = "") -> list[str]:
    """Return the command that signs in; raises CliUnavailableError."""
    flags = [f"--{kind}"] if kind != "claudeai" else []
    return [*auth_command(cli_path, "login"), *flags, *(["--email", email] if email else [])]


def auth_command(cli_path: Path | None, verb: str) -> list[str]:
    """Return Claude Code's own command for `login`, `logout` or `status`; raises CliUnavailableError."""
    program = find_cli(cli_path)
    if program is None:
        raise CliUnavailableError("The `claude` program was not found.")
    return [str(program.path), "auth", verb]


def ask_account(cli_path: Path | None) -> dict[str, Any] | None:
    """Return how Claude Code says that it is signed in (`loggedIn`, `authMethod`), or None if it does not tell."""
    try:
        told = subprocess.run(
            auth_command(cli_path, "status"),
            cwd=work_folder(),
            env=outside_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=STATUS_SECONDS,
        ).stdout
        found = json.loads(told)
    except (OSError, ValueError, subprocess.SubprocessError, CliUnavailableError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("loggedIn"), bool) else None


class SignIn:
    """Run at most one sign-in. `on_end` is called on its thread with whether it succeeded."""

    def __init__(self, on_end: Callable[[bool], None]) -> None:
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._output = ""
        self._stage: Stage = "idle"

    @property
    def is_under_way(self) -> bool:
        """Return whether a sign-in is under way."""
        return self._process is not None and self._process.poll() is None

    @property
    def state(self) -> SignInState:
        """Return the state of the newest sign-in."""
        found = _LINK.search(self._output)
        message = ""
        if self._stage == "failed":
            # On a line that asked for something, what is said follows the prompt.
            last = (self._output.strip().splitlines() or [""])[-1].rpartition(" > ")[2]
            message = f"The sign-in did not succeed. {last}".strip()
        return SignInState(self._stage, found[0] if found and self._stage == "waiting" else "", message)

    def start(self, cli_path: Path | None, kind: str = "claudeai") -> None:
        """Start the sign-in, again if one is under way; raises CliUnavailableError."""
        self.cancel()
        command = login_command(cli_path, kind)
        try:
            # It reads a code from its input or over loopback, and gives up when the input ends.
            self._process = subprocess.Popen(  # Claude Code's own program
                command,
                cwd=work_folder(),
                env=outside_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise CliUnavailableError(f"{command[0]} cannot be started: {error}.") from error
        self._output, self._stage = "", "waiting"
        threading.Thread(target=self._read, args=(self._process,), name="sign-in-output", daemon=True).start()
        threading.Thread(target=self._wait, args=(self._process,), name="sign-in", daemon=True).start()

    def give_code(self, code: str) -> None:
        """Pass on the code from the sign-in page; raises InvalidRequestError."""
        process = self._process
        if process is None or process.stdin is None or not self.is_under_way:
            raise InvalidRequestError("No sign-in is waiting for a code.", hint="Start the sign-in again.")
        if not code.strip() or not code.isprintable():
            raise InvalidRequestError("The code is empty, or not a text.", hint="Copy it from the page.")
        try:
            process.stdin.write(code.strip().encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise InvalidRequestError("The sign-in has just ended.", hint="Start it again.") from error

    def cancel(self) -> None:
        """End the sign-in that is under way, if there is one."""
        if self._process is not None and self.is_under_way:
            self._process.kill()
            self._process.wait()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        while piece := os.read(process.stdout.fileno(), 4096):
            if process is self._process:
                text = self._output + piece.decode("utf-8", "replace")
                self._output = _ESCAPES.sub("", text)[-MOST_OUTPUT:]
        process.stdout.close()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if process.stdin:
            process.stdin.close()
        if process is self._process:
            self._stage = "succeeded" if status == 0 else "failed"
        self._on_end(status == 0)
