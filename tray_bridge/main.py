"""The command `tray-bridge`: the arguments → the tray, the server without one, or a command.

The only wiring: it alone knows both the desktop and the server, and imports each only when it is wanted, so
that `serve` runs where no display is and `--version` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from .server.early_worker import EarlyStart
    from .server.thread import ServerThread
    from .settings.schema import Settings

FIRST_COLLECTION = 200_000  # new objects: more than are loaded while the app starts, and stay


def main(argv: list[str] | None = None) -> int:
    """Run what the arguments ask for and give the exit code."""
    words = sys.argv[1:] if argv is None else argv
    _start_lightly()
    early = _start_early(words)
    try:
        return _run(words, early)
    finally:
        if early is not None:
            early.close()


def _start_early(words: Sequence[str]) -> EarlyStart | None:
    """The first session goes before all else: even the parser of the arguments takes time."""
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
    from .command_line.bridge_url import bridge_url

    command = arguments.command
    if arguments.version:
        return _show_version()
    if command == "key":
        from .command_line.key import manage_keys

        return manage_keys(arguments)
    if command == "autostart":
        from .command_line.autostart import set_autostart

        return set_autostart(arguments)
    flags = {flag: getattr(arguments, flag) for flag in SETTING_FLAGS if hasattr(arguments, flag)}
    if command == "doctor":
        return _examine(flags)
    from .settings.schema import load_settings

    settings = load_settings(flags)
    if command == "serve":
        from .server.thread import ServerThread

        return _serve_until_signalled(ServerThread(settings, early))
    if command == "ask":
        from .client import ask

        return ask(arguments, bridge_url(settings.host, settings.port))
    if command == "status":
        from .command_line.status import show_status

        return show_status(bridge_url(settings.host, settings.port))
    if command == "logs":
        from .command_line.logs import show_logs
        from .machine.paths import log_folder

        return show_logs(arguments, settings.log_folder or log_folder())
    return _run_tray(settings, flags)


def _start_lightly() -> None:
    """Before anything large is imported: no search for plugins of pydantic, which we have no use for, and no
    collection while so much is loaded that stays.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(FIRST_COLLECTION)


def _show_version() -> int:
    from . import __version__
    from .command_line.terminal import write
    from .machine.cli_program import ask_version, find_cli

    program = find_cli()
    write(f"tray-bridge {__version__}\n")
    write(f"Claude Code {(ask_version(program) or f'at {program.path}') if program else 'not found'}\n")
    return 0


def _examine(flags: Mapping[str, object]) -> int:
    from .command_line.bridge_url import bridge_url
    from .command_line.doctor import show_checks
    from .errors import SettingsError
    from .settings.schema import Settings, load_settings

    error = None
    try:
        settings = load_settings(flags)
    except SettingsError as found:
        settings, error = Settings.model_construct(), found
    return show_checks(settings, error, bridge_url(settings.host, settings.port))


def _serve_until_signalled(server: ServerThread) -> int:
    """Serve until a signal comes; gives 0 then, and 1 if the server ends by itself."""
    import contextlib
    import signal
    import threading

    from .command_line.terminal import show_error, write
    from .errors import TrayBridgeError

    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(number, lambda *_: stop.set())
    server.start()
    try:
        told = False
        # Windows does not wake a wait without a limit for Ctrl+C.
        while not stop.wait(0.2):
            snapshot = server.snapshot()
            if snapshot.state == "error" and (problem := snapshot.problem):
                return show_error(TrayBridgeError(problem.message, title=problem.title, hint=problem.hint))
            if snapshot.state == "ready" and not told:
                told = True
                with contextlib.suppress(OSError):  # a full disk, or a reader that has left, is no reason to end
                    write(f"Tray Bridge serves at {snapshot.base_url}\n")
    finally:
        server.stop()
    return 0


def _run_tray(settings: Settings, flags: Mapping[str, object]) -> int:
    from .desktop.tray import run_tray
    from .server.thread import ServerThread

    return run_tray(settings, ServerThread(settings), flags)
