"""Lets Claude Code sign the person in: runs its own `auth login`, which opens the browser and waits for the
answer.

Owns that one process. Nothing of what it receives is read here: Claude Code keeps its credentials itself.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import CliUnavailableError
from ..machine.cli_program import find_cli
from ..machine.paths import work_folder
from .open_folder import outside_environment

PATIENCE = 600.0  # seconds that a person has for it


class SignIn:
    """At most one sign-in under way. `on_end` is called on its thread with whether it succeeded."""

    def __init__(self, on_end: Callable[[bool], None]) -> None:
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_under_way(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, cli_path: Path | None) -> None:
        """Opens the sign-in page, anew if one is open already; raises CliUnavailableError."""
        self.cancel()
        program = find_cli(cli_path)
        if program is None:
            raise CliUnavailableError("The `claude` program was not found.")
        try:
            # It takes a code on its input as well as over loopback, and gives up when the input ends.
            self._process = subprocess.Popen(  # Claude Code's own program
                [str(program.path), "auth", "login"],
                cwd=work_folder(),
                env=outside_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise CliUnavailableError(f"{program.path} cannot be started: {error}.") from error
        threading.Thread(target=self._wait, args=(self._process,), name="sign-in", daemon=True).start()

    def cancel(self) -> None:
        """Ends the sign-in that is under way, if there is one."""
        if self._process is not None and self.is_under_way:
            self._process.kill()
            self._process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if process.stdin:
            process.stdin.close()
        self._on_end(status == 0)
