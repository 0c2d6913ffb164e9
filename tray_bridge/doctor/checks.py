"""The doctor: check what Tray Bridge needs on this machine, and tell what to do if something is missing.

`tray-bridge doctor` and the page show the same checks. Each is independent, and none raises. Knows the server only by
its `/status`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from ..errors import SettingsError
from ..machine import paths
from ..machine.bridge_address import address_of
from ..machine.cli_program import find_cli
from ..machine.port import bind, describe_holder, is_taken_on_ipv6, next_free_port
from ..machine.private_files import make_private_folder, remedy_of
from ..settings.schema import Settings, load_settings, unknown_keys
from .health import SIGN_IN_HINT

_ENOUGH_DISK = 500_000_000  # bytes: more than twice the session log at its default size


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `hint` tells what to do."""

    title: str
    status: Literal["ok", "warning", "failed"]
    message: str
    hint: str = ""


def run_checks(
    settings: Settings,
    settings_error: SettingsError | None,
    status: Mapping[str, Any] | None,
    ask_account: Callable[[], Mapping[str, Any] | None] = lambda: None,
) -> list[Check]:
    """Run all checks except the tray's, the most important first; takes some seconds at most.

    `settings_error` is why the settings could not be read at the start, `status` the bridge's `/status`, if one runs;
    without one, `ask_account` asks Claude Code itself.
    """
    return [
        _check_cli(settings),
        _check_account(status, ask_account),
        _check_server(settings, status),
        *_check_ollama_port(settings, status),
        *_check_processes(status),
        _check_settings(settings_error),
        _check_version(status),
        _check_log_folder(settings),
        _check_disk(settings),
        *_check_trace(),
    ]


def _check_cli(settings: Settings) -> Check:
    title = "Claude Code"
    program = find_cli(settings.cli_path)
    if program is None:
        where = f"There is no program at {settings.cli_path}." if settings.cli_path else "It was not found."
        hint = (
            "Correct cli_path in the settings."
            if settings.cli_path
            else "Install Claude Code, or install Tray Bridge again."
        )
        return Check(title, "failed", where, hint)
    if not os.access(program.path, os.X_OK):
        return Check(title, "failed", f"{program.path} is not executable.", "Make the file executable.")
    version = f"Version {program.version}" if program.version else "Found"
    return Check(title, "ok", f"{version}, {'bundled' if program.bundled else f'at {program.path}'}.")


def _check_account(status: Mapping[str, Any] | None, ask_account: Callable[[], Mapping[str, Any] | None]) -> Check:
    title = "Signed in"
    account, health = (status or {}).get("account") or {}, (status or {}).get("health") or {}
    if status and status.get("demo"):
        return Check(title, "ok", "Not needed: a stand-in answers in the demo.")
    if health.get("word") in ("signed_out", "limited", "degraded") and not health["answers"]:
        return Check(title, "failed", health.get("detail") or f"{health['text']}.", health["hint"])
    if account.get("signed_in"):
        how = "with an API key" if account.get("uses_api_key") else f"with plan {account.get('plan') or 'unknown'}"
        return Check(title, "ok", f"Claude Code is signed in {how}.")
    if account.get("signed_in") is False:
        return Check(title, "failed", "Claude Code is not signed in.", SIGN_IN_HINT)
    if status:
        return Check(title, "warning", "Claude Code has not reported its account yet.", "Look again in a moment.")
    if found := ask_account():
        if not found["loggedIn"]:
            return Check(title, "failed", "Claude Code is not signed in.", "Run `tray-bridge login`.")
        return Check(title, "ok", f"Claude Code is signed in ({str(found.get('authMethod')).replace('_', ' ')}).")
    return Check(title, "warning", "Unknown: no bridge runs.", "Start `tray-bridge`, then check again.")


def _check_server(settings: Settings, status: Mapping[str, Any] | None) -> Check:
    title = "Server"
    if status:
        place = f"{address_of(str(status.get('host')), int(status.get('port') or 0))}/v1"
        if problem := status.get("problem"):
            return Check(title, "failed", f"{problem['title']}: {problem['message']}", problem["hint"])
        if status.get("host") == "127.0.0.1" and is_taken_on_ipv6(int(status.get("port") or 0)):
            message = f"It answers at {place}, but `localhost` may lead to another program, which listens on [::1]."
            return Check(title, "warning", message, "Give clients 127.0.0.1 in place of localhost.")
        health = status.get("health") or {}
        if health.get("word") in ("paused", "stopping"):
            return Check(title, "warning", f"{health['text']}. {health['detail']}", health["hint"])
        return Check(title, "ok", f"It answers at {place}. Health: {health.get('text') or 'not known'}.")
    try:
        with bind(settings.host, settings.port):
            return Check(title, "ok", f"Stopped; port {settings.port} is free.")
    except OSError as error:
        holder, is_us = describe_holder(settings.host, settings.port)
        if is_us:
            return Check(
                title, "warning", "It answers, but needs an API key.", "Set TRAY_BRIDGE_API_KEY to one of its keys."
            )
        if holder is None and error.errno != errno.EADDRINUSE:
            message = f"{settings.host}:{settings.port} cannot be used: {error.strerror or error}."
            return Check(title, "failed", message, "Correct host and port in the settings.")
    free = next_free_port(settings.host, settings.port)
    return Check(
        title,
        "failed",
        f"Port {settings.port} is in use by {holder or 'another program'}.",
        f"Choose another: `tray-bridge --port {free}` is free, or set PORT={free}.",
    )


def _check_ollama_port(settings: Settings, status: Mapping[str, Any] | None) -> list[Check]:
    """The second port, where the settings ask for one."""
    title, port = "Ollama's port", settings.ollama_port
    if problem := (status or {}).get("ollama_problem"):
        return [Check(title, "failed", problem["message"], problem["hint"])]
    if status and (open_port := status.get("ollama_port")):
        return [Check(title, "ok", f"It answers at {address_of(str(status.get('host')), int(open_port))}.")]
    if not port or status:
        return []
    try:
        with bind(settings.host, port):
            return [Check(title, "ok", f"Closed while no bridge runs; {port} is free.")]
    except OSError:
        holder = describe_holder(settings.host, port)[0] or "another program"
        hint = "End that program, or set ollama_port to another port, or to 0."
        return [Check(title, "failed", f"Port {port} is in use by {holder}.", hint)]


def _check_processes(status: Mapping[str, Any] | None) -> list[Check]:
    """Tell whether a process serves one conversation after another, and if not, why not."""
    if not status or "no_reuse" not in status.get("pool", ()):
        return []
    title, why_not = "Processes", str(status["pool"]["no_reuse"])
    if not why_not:
        return [Check(title, "ok", "Each serves one conversation after another.")]
    message = f"Each conversation has a process of its own. {why_not}"
    if "cannot be reset" not in why_not:  # a setting, or not known yet
        return [Check(title, "ok", message)]
    return [Check(title, "warning", message, "New conversations begin more slowly. Remove cli_path from the settings.")]


def _check_version(status: Mapping[str, Any] | None) -> Check:
    title = "Version"
    if newer := (status or {}).get("newer_version"):
        return Check(title, "warning", f"Version {newer} is available; this is {__version__}.", "Install it again.")
    return Check(title, "ok", f"Tray Bridge {__version__}.")


def _check_settings(error: SettingsError | None) -> Check:
    title = "Settings"
    try:
        if error is not None:
            raise error
        load_settings()  # the file may have been changed since these settings were read
        unknown = unknown_keys()
    except SettingsError as found:
        return Check(title, "failed", found.message, found.hint)
    if unknown:
        return Check(title, "warning", " ".join(unknown), "Correct or delete the line.")
    path = paths.config_file()
    return Check(title, "ok", f"In {path}." if path.exists() else f"Defaults; {path} is not there.")


def _check_log_folder(settings: Settings) -> Check:
    title = "Session log"
    folder = settings.log_folder or paths.log_folder()
    if settings.log_mode == "off":
        return Check(title, "ok", "It is switched off.")
    try:
        make_private_folder(folder)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can it be written?")
    except OSError as error:
        return Check(
            title,
            "failed",
            f"{folder} cannot be written: {error.strerror or error}.",
            f"{remedy_of(error)} Or choose another log_folder in the settings.".strip(),
        )
    return Check(title, "ok", f"It is written to {folder}.")


def _check_disk(settings: Settings) -> Check:
    title = "Disk space"
    folder = settings.log_folder or paths.log_folder()
    try:
        free = shutil.disk_usage(_nearest_folder(folder)).free
    except OSError as error:
        return Check(title, "warning", f"The free space cannot be read: {error.strerror or error}.")
    message = f"{free / 1e9:.1f} GB are free where the session log is."
    if free < _ENOUGH_DISK:
        return Check(title, "warning", message, "Make room, or lower log_megabytes in the settings.")
    return Check(title, "ok", message)


def _check_trace() -> list[Check]:
    folder = paths.trace_folder()
    if folder is None:
        return []
    message = f"Prompts and answers are written to {folder}."
    return [Check("Trace", "warning", message, f"Unset {paths.TRACE_VARIABLE} when you do not need them any more.")]


def _nearest_folder(folder: Path) -> Path:
    return next((parent for parent in (folder, *folder.parents) if parent.is_dir()), Path(folder.anchor))
