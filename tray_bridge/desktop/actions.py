"""The actions of the menu: one method for each action that `menu.py` names.

They run one after the other on a thread of their own, so that a menu never waits. An action that fails raises a
TrayBridgeError, which the menu shows. Must not know icons.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..doctor.health import page_url
from ..errors import TrayBridgeError
from ..machine import bridge_log
from ..machine.paths import config_file, log_folder
from ..snapshots import Problem, ServerSnapshot
from . import autostart
from .clipboard import copy_text
from .open_folder import open_page, open_path
from .server_protocol import Server
from .words import last_problem

if TYPE_CHECKING:
    from ..settings.schema import Settings

logger = logging.getLogger(__name__)

START_SECONDS = 30.0
COPIED_LOG_LINES = 40


class Actions:
    """Carry out actions. `problem` is that of the last one, if it failed; `signs_in`: a sign-in was begun here."""

    def __init__(self, server: Server, flags: Mapping[str, object]) -> None:
        self.problem: Problem | None = None
        self._shown_problem: Problem | None = None
        self.tell: Callable[[str, str], None] = lambda title, text: None
        self.signs_in = False
        self._server = server
        self._flags = flags
        self._file_time = _modified(config_file())

    @property
    def settings(self) -> Settings:
        """Return the settings in force. Only the server keeps them: the page changes some, too."""
        return self._server.settings

    def do(self, action: str, value: str | int | None = None) -> None:
        """Carry out an action by its name; if it fails, `problem` holds the error."""
        self._shown_problem, self.problem = self.problem, None
        try:
            getattr(self, action)(*([] if value is None else [value]))
        except TrayBridgeError as error:
            self.problem = Problem.of(error, time.time())
        except Exception:
            logger.exception("the menu's action %s failed", action)
            file = bridge_log.log_file()
            message = f"The action failed. Details: {file}" if file else "The action failed."
            self.problem = Problem(TrayBridgeError.title, message, at=time.time())

    # Use

    def open_dashboard(self, section: str = "") -> None:
        """Open the page; start the server first if it is stopped."""
        server = self._server.snapshot()
        if server.state != "ready":
            self._server.start()
            server = self._server.wait_until_settled(START_SECONDS)
        if server.state != "ready":
            problem = server.problem
            raise TrayBridgeError(problem.message if problem else "The server has not started.")
        open_page(dashboard_url(server, section, self._server.page_pass()))

    def copy_base_url(self) -> None:
        """Copy the base URL."""
        url = self._server.snapshot().base_url
        copy_text(url)
        self.tell("Copied", url)

    def copy_problem(self) -> None:
        """Copy the last problem in full: the menu shows only a part."""
        if problem := last_problem(self._server.snapshot(), self._shown_problem):
            copy_text("\n".join(filter(None, (problem.title, problem.message, problem.hint))) + "\n")
            self.tell("Copied", problem.title)
        self.problem = self._shown_problem

    def copy_about(self) -> None:
        """Copy the versions and the last lines of the log."""
        server = self._server.snapshot()
        log = "".join(f"{line}\n" for line in bridge_log.last_lines(COPIED_LOG_LINES))
        copy_text(
            f"Tray Bridge {__version__}\n"
            f"Claude Code {server.account.cli_version or 'unknown'}\n"
            f"Python {platform.python_version()}, {platform.platform()}\n"
            f"{server.base_url}\n" + (f"\n{bridge_log.FILE_NAME}:\n{log}" if log else "")
        )
        self.tell("Copied", "The versions and the last lines of the log, for a report.")

    # Server

    def start_server(self) -> None:
        """Start the server."""
        self._server.start()

    def stop_server(self) -> None:
        """Stop the server; requests under way get an error."""
        self._server.stop()

    def stop_when_idle(self) -> None:
        """Stop the server once the requests under way have ended."""
        self._server.stop_when_idle()

    def restart_when_idle(self) -> None:
        """Restart the server once the requests under way have ended."""
        self._server.restart_when_idle()

    def let_page_in(self, origin: str) -> None:
        """Allow the web page that was refused."""
        self._server.let_page_in(origin)
        self.reload_settings()
        self.tell("The page may use Tray Bridge", f"{origin} is in allowed_origins now.")

    def pause(self, paused: int) -> None:
        """Pause or resume."""
        self._server.pause(bool(paused))

    def restart_server(self) -> None:
        """Restart the server."""
        self._server.restart()

    def cancel_request(self, request_id: str) -> None:
        """Cancel a request in flight."""
        self._server.cancel_request(request_id)

    def sign_in(self) -> None:
        """Start the sign-in."""
        self._server.sign_in.start(self.settings.cli_path)
        self.signs_in = True

    # Session logs

    def open_log_folder(self) -> None:
        """Open the folder of the session log."""
        folder = self._log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        open_path(folder)

    def open_last_exchange(self) -> None:
        """Show the newest exchange on the page. Files sort by time; their names end with the id."""
        newest = max(self._log_folder().glob("????-??-??/*.json"), default=None)
        if newest is None:
            raise TrayBridgeError("No exchange has been recorded yet.")
        self.open_dashboard(f"log/{newest.stem.partition('-')[2]}")

    def toggle_recording(self) -> None:
        """Switch the recording of texts: without it the log still keeps client, time and figures."""
        self._set("log_mode", "metadata" if self.settings.log_mode == "full" else "full")

    # Settings

    def set_port(self, port: int) -> None:
        """Set the port; a server whose old port was taken starts."""
        self._set("port", port)

    def set_pool_size(self, size: int) -> None:
        """Set how many processes are kept ready."""
        self._set("pool_size", size)

    def set_default_model(self, model: str) -> None:
        """Set the model for requests without one."""
        self._set("default_model", model)

    def toggle_start_at_login(self) -> None:
        """Switch the start at login."""
        if autostart.is_enabled():
            autostart.disable()
        else:
            autostart.enable()

    def toggle_start_on_launch(self) -> None:
        """Switch whether the server starts with the tray."""
        self._set("start_server_on_launch", not self.settings.start_server_on_launch)

    def toggle_notifications(self) -> None:
        """Switch notifications."""
        self._set("notifications", not self.settings.notifications)

    def toggle_ring(self) -> None:
        """Switch the ring around the icon."""
        self._set("plan_ring", not self.settings.plan_ring)

    def open_settings_file(self) -> None:
        """Open the settings file; make it first if it is missing."""
        from ..settings.schema import ensure_settings_file

        open_path(ensure_settings_file())

    def keep_settings_file(self) -> None:
        """Make the settings file, with every line commented out."""
        from ..settings.schema import ensure_settings_file

        ensure_settings_file()
        self._file_time = _modified(config_file())

    def reload_settings(self) -> None:
        """Apply the changed settings file; keep the old settings if it is broken."""
        from ..settings.schema import reload_settings

        self._file_time = _modified(config_file())
        settings, problem = reload_settings(self.settings, self._flags)
        if problem:
            self.problem = problem
        elif settings != self.settings:
            self._server.apply(settings)

    def settings_file_changed(self) -> bool:
        """Return whether another program wrote the settings file since it was last read or written here."""
        return _modified(config_file()) != self._file_time

    def _set(self, key: str, value: object) -> None:
        """Save a setting and apply it, even if a flag or variable has another value."""
        from ..settings.schema import save_setting

        save_setting(key, value)
        self._file_time = _modified(config_file())
        self._server.apply(self.settings.model_copy(update={key: value}))

    def _log_folder(self) -> Path:
        return self.settings.log_folder or log_folder()


def dashboard_url(server: ServerSnapshot, section: str = "", page_pass: str = "") -> str:
    """Return the page's address for a browser on this machine, with a pass if one is needed."""
    query, view = f"?pass={page_pass}" if page_pass else "", f"#/{section}" if section else ""
    return f"{page_url(server)}{query}{view}"


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
