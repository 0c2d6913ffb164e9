"""`tray-bridge login` and `logout`: Claude Code's own sign-in in this terminal, then a test question."""

from __future__ import annotations

import argparse
import subprocess
from contextlib import suppress
from pathlib import Path

from ..errors import CliUnavailableError, TrayBridgeError
from ..machine.cli_program import find_cli
from ..machine.outside_environment import outside_environment
from ..machine.paths import work_folder
from ..machine.sign_in import ask_account, auth_command, login_command
from .fetch import Address, find_bridge
from .terminal import FAILED, write

TEST_QUESTION = "Reply with the one word: ready"
TEST_SECONDS = 120.0


def log_in(arguments: argparse.Namespace, cli_path: Path | None, place: Address) -> int:
    """Sign in, notify a running bridge, and ask a test question; raises TrayBridgeError."""
    if arguments.show:
        return _show_accounts(cli_path)
    command = login_command(cli_path, arguments.kind, arguments.email or "")
    if status := _run(command):
        raise TrayBridgeError(
            f"Claude Code's sign-in failed with exit code {status}.",
            title="Not signed in",
            hint="Run `tray-bridge login` again.",
        )
    told = _tell_bridge(place)
    if not arguments.no_test:
        _test(cli_path)
        write("You are signed in.\n" if told else "You are signed in. `tray-bridge` starts the bridge.\n")
    return 0


def log_out(cli_path: Path | None, place: Address) -> int:
    """Sign out, and notify a running bridge; raises TrayBridgeError."""
    if status := _run(auth_command(cli_path, "logout")):
        raise TrayBridgeError(f"Claude Code's sign-out failed with exit code {status}.", title="Not signed out")
    _tell_bridge(place)
    return 0


def _run(command: list[str]) -> int:
    """Run Claude Code's command in this terminal, where it shows its link and reads its code."""
    try:
        return subprocess.call(command, cwd=work_folder(), env=outside_environment())
    except OSError as error:
        raise CliUnavailableError(f"{command[0]} cannot be started: {error}.") from error


def _tell_bridge(place: Address) -> bool:
    """Let this user's running bridge use the new sign-in; return whether one runs."""
    with suppress(TrayBridgeError):
        bridge = find_bridge(place.url, or_own=place.or_own)
        if bridge.is_own:
            bridge.post("/owner/signed-in", {})
            return True
    return False


def _test(cli_path: Path | None) -> None:
    """Ask Claude Code a test question, without a bridge."""
    program = find_cli(cli_path)
    if program is None:
        raise CliUnavailableError("The `claude` program was not found.")
    write("Asking a test question…\n")
    options = ["-p", "--model", "haiku", "--setting-sources", "", "--tools", "", "--no-session-persistence"]
    try:
        asked = subprocess.run(
            [str(program.path), *options, TEST_QUESTION],
            cwd=work_folder(),
            env=outside_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TEST_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise TrayBridgeError(f"The test question failed: {error}.", title="Signed in, but not answered") from error
    answer = asked.stdout.strip() or asked.stderr.strip()
    if asked.returncode:
        raise TrayBridgeError(
            f"Claude answered: {answer[:300] or 'nothing'}", title="Signed in, but not answered", hint=""
        )
    write(f"Claude answered: {answer[:300]}\n")


def _show_accounts(cli_path: Path | None) -> int:
    """Print how Claude Code is signed in, and which other accounts are set up here; they are not used."""
    from ..setup.claude_account import found_accounts

    for line in found_accounts():
        write(line + "\n")
    account = ask_account(cli_path)
    if account is not None and not account.get("loggedIn"):
        write("Not signed in. `tray-bridge login` signs in.\n")
        return FAILED
    return FAILED if _run([*auth_command(cli_path, "status"), "--text"]) else 0
