"""The program `tray-bridge`: arguments → the tray, the server without a tray, or a command.

Only this module knows both the desktop and the server. It imports each only if it is used, so that `serve` needs no
display and `--version` answers at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import launch

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from .server.early_worker import EarlyStart
    from .server.thread import ServerThread
    from .settings.schema import Settings

OWN_FILES = ("key", "config", "completion", "autostart", "shortcut")


def main(argv: list[str] | None = None) -> int:
    """Run the command of the arguments and return the exit code."""
    words = sys.argv[1:] if argv is None else argv
    launch.begin()
    early = _start_early(words)
    try:
        return _run(words, early)
    finally:
        if early is not None:
            early.close()


def _start_early(words: Sequence[str]) -> EarlyStart | None:
    """Start the first worker before anything else: even parsing the arguments takes time."""
    if words[:1] != ["serve"]:
        return None
    from .server.early_worker import start_early

    return start_early(words)


def _run(words: Sequence[str], early: EarlyStart | None) -> int:
    import logging

    from .command_line.arguments import make_parser
    from .command_line.terminal import prepare_streams, show_error

    prepare_streams()
    arguments = make_parser().parse_args(words)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return _run_command(arguments, early)
    except (Exception, KeyboardInterrupt) as error:
        return show_error(error)


def _run_command(arguments: argparse.Namespace, early: EarlyStart | None) -> int:
    from .command_line.arguments import SETTING_FLAGS
    from .machine.bridge_address import bridge_url

    command = arguments.command
    if arguments.version:
        return _show_version()
    flags = {flag: getattr(arguments, flag) for flag in SETTING_FLAGS if hasattr(arguments, flag)}
    if command in OWN_FILES:
        return _run_on_own_files(arguments)
    if command == "doctor":
        return _examine(flags, as_json=arguments.json)
    from .settings.schema import load_settings

    if verbose := getattr(arguments, "verbose", False):
        flags["log_level"] = "debug"  # a flag, so that it outlasts changes of other settings
    settings = load_settings(flags)
    if command in ("serve", None):
        _open_log(settings, verbose=verbose)
    if command == "serve":
        from .server.thread import ServerThread

        return _serve_until_signalled(ServerThread(settings, early))
    if command is None:
        return _run_tray(settings, flags)
    if command == "logs":
        from .command_line.logs import show_logs
        from .machine.paths import log_folder

        return show_logs(
            arguments, settings.log_folder or log_folder(), bridge_url(settings.host, settings.port).removesuffix("/v1")
        )
    if command == "usage":
        from .command_line.usage import show_usage
        from .machine.paths import log_folder

        return show_usage(arguments, settings.log_folder or log_folder())
    from .command_line.verbs import run_verb

    return run_verb(arguments, settings, bridge_url(settings.host, settings.port))


def _open_log(settings: Settings, *, verbose: bool) -> None:
    import logging

    from .machine.bridge_log import open_log
    from .machine.paths import log_folder

    for terminal in logging.getLogger().handlers:
        terminal.setLevel(logging.DEBUG if verbose else logging.WARNING)
    open_log(settings.log_folder or log_folder(), settings.log_level)


def _run_on_own_files(arguments: argparse.Namespace) -> int:
    """Run a command that needs no settings."""
    if arguments.command == "key":
        from .command_line.key import manage_keys

        return manage_keys(arguments)
    if arguments.command == "config":
        from .command_line.config import manage_config

        return manage_config(arguments)
    if arguments.command == "completion":
        from .command_line.completion import show_completion

        return show_completion(arguments.shell)
    if arguments.command == "shortcut":
        from .command_line.shortcut import set_shortcut

        return set_shortcut(arguments)
    from .command_line.autostart import set_autostart

    return set_autostart(arguments)


def _show_version() -> int:
    from . import __version__
    from .command_line.terminal import write
    from .machine.cli_program import ask_version, find_cli

    program = find_cli()
    write(f"tray-bridge {__version__}\n")
    write(f"Claude Code {(ask_version(program) or f'at {program.path}') if program else 'not found'}\n")
    return 0


def _examine(flags: Mapping[str, object], *, as_json: bool) -> int:
    from .command_line.doctor import show_checks
    from .desktop.tray_check import check_tray
    from .errors import SettingsError
    from .machine.bridge_address import bridge_url
    from .settings.schema import Settings, load_settings

    error = None
    try:
        settings = load_settings(flags)
    except SettingsError as found:
        settings, error = Settings.model_construct(), found
    return show_checks(settings, error, bridge_url(settings.host, settings.port), [check_tray()], as_json=as_json)


def _serve_until_signalled(server: ServerThread) -> int:
    """Serve until a signal comes, then return 0; return 1 if the server ends by itself."""
    import contextlib
    import threading

    from .command_line.terminal import show_error, write
    from .desktop.tray_check import check_tray
    from .doctor.health import as_error, health_of, settled_lines
    from .machine.signals import on_end_signal

    stop = threading.Event()
    on_end_signal(stop.set)

    def end(drain: bool) -> None:
        if not drain or server.drain():
            stop.set()

    server.on_end = end
    server.more_checks = lambda: [check_tray()]
    server.start()
    try:
        told = ""
        # On Windows, Ctrl+C does not interrupt a wait without a limit.
        while not stop.wait(0.2):
            snapshot = server.snapshot()
            health = health_of(snapshot)
            if snapshot.state == "error":
                return show_error(as_error(health))
            with contextlib.suppress(OSError):  # a full disk, or a reader that has left, is no reason to end
                if snapshot.state == "ready" and not told:
                    told = health.word
                    write("\n".join(settled_lines(snapshot, "Ctrl+C or `tray-bridge stop` ends it.")) + "\n")
                elif told and snapshot.state == "ready" and health.word not in (told, "starting"):
                    if not health.answers or told not in ("ready", "busy", "starting"):
                        write(f"{health.text}. {health.detail} {health.hint}".strip() + "\n")
                    told = health.word
    finally:
        server.stop()
    return 0


def _run_tray(settings: Settings, flags: Mapping[str, object]) -> int:
    from .desktop.tray import run_tray
    from .desktop.tray_check import check_tray
    from .server.thread import ServerThread

    server = ServerThread(settings)
    server.more_checks = lambda: [check_tray()]
    return run_tray(settings, server, flags)
