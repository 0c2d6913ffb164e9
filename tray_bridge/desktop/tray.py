"""The tray: an icon and its menu, kept up to date while the app runs.

Owns the lifetime: start, waiting for a tray host, quit, signals, log-out. The main thread runs the icon's loop; a
second thread shows once a second what has changed; a third carries out what is chosen in the menu. Text: `menu.py`.
Images: `icon.py`. Actions: `actions.py`. Only `view.py` changes the icon.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .. import __version__
from ..doctor.health import health_of, page_url, settled_lines
from ..machine.owner_note import all_notes
from ..machine.paths import config_file
from ..machine.port import is_tray_bridge, next_free_port
from ..machine.signals import on_end_signal
from ..snapshots import ServerSnapshot
from . import autostart, tray_host
from .actions import Actions, dashboard_url
from .icon import icon_state
from .menu import MenuState, build_menu
from .notifications import Notification, first_run, notification_for, with_known_windows
from .open_folder import CannotOpenError, open_page
from .plan_ring import ring_of
from .server_protocol import Server
from .single_instance import SingleInstance, ask_first_to_show
from .view import Picture, View
from .words import port_is_taken, tooltip

if TYPE_CHECKING:
    from ..settings.schema import Settings

logger = logging.getLogger(__name__)

UPDATE_SECONDS = 1.0
STOP_SECONDS = 5.0
OFFERED_PORTS = 3

Wake: TypeAlias = Literal["look", "quit", "end"]


def run_tray(settings: Settings, server: Server, flags: Mapping[str, object] = {}) -> int:
    """Show the tray until the person quits or the desktop session ends; return the exit code. On the main thread only.

    `flags` are those of the command line, which a change of the settings file does not override.
    """
    tray = Tray(settings, server, flags)
    instance = SingleInstance.claim(tray.show_dashboard)
    if instance is None:
        return _show_first(settings, flags)
    with instance:
        return tray.run()


class Tray:
    """One run of the tray."""

    def __init__(self, settings: Settings, server: Server, flags: Mapping[str, object]) -> None:
        self._server = server
        self._actions = Actions(server, flags)
        self._view = View(self._choose)
        self._actions.tell = self._tell
        self._is_first_run = not config_file().exists()
        self._icon: Any = None
        self._has_launched = False
        self._is_launching = settings.start_server_on_launch
        self._is_quitting = False
        self._free_ports: tuple[int, ...] = ()
        self._free_ports_for: object = None
        self._before = server.snapshot()
        self._told: Notification | None = None
        self._looked_at = time.time()
        self._said_health = ""
        self._said_address = False
        self.ended = threading.Event()
        self._wakes: SimpleQueue[Wake] = SimpleQueue()  # its `put` may be called in a signal handler
        self._choices: SimpleQueue[tuple[str, str | int | None]] = SimpleQueue()

    def run(self) -> int:
        """Show the icon whenever a tray host appears; return when all has ended."""
        on_end_signal(lambda: self._wakes.put("end"))
        unsubscribe = self._server.subscribe(self._on_server_change)
        self._server.on_end = lambda drain: self._wakes.put("quit" if drain else "end")
        watcher = threading.Thread(target=self._watch, name="tray-watch")
        watcher.start()
        threading.Thread(target=self._act, name="tray-actions", daemon=True).start()
        try:
            self._show_wherever_possible()
        finally:
            self._wakes.put("end")
            watcher.join(STOP_SECONDS)
            unsubscribe()
            self._server.sign_in.cancel()
            self._server.stop(STOP_SECONDS)
        return 0

    def show_dashboard(self) -> None:
        """Open the page, from any thread: a second launch asks for it."""
        self._choose("open_dashboard", None)

    # The main thread

    def _show_wherever_possible(self) -> None:
        had_icon = said = False
        while not self.ended.is_set():
            host = tray_host.probe()
            if host.kind != "none":
                had_icon = self.run_icon(host.kind) or had_icon
                continue
            if had_icon and tray_host.desktop_is_gone():
                logger.info("the desktop session has ended")
                return
            if not said:
                said = True
                _say(f"No tray icon: {host.reason}. {tray_host.HOW_TO_GET_ONE}")
                if self._start_server_at_launch():
                    self.show_dashboard()
            tray_host.wait_for_host(self.ended)

    def run_icon(self, kind: tray_host.HostKind) -> bool:
        """Run an icon until it is stopped or loses its host; return whether it could be shown."""
        icon: Any = None
        try:
            icon = self._view.make_icon(tray_host.icon_class(kind), self._picture(self._server.snapshot()))
            icon.on_log_out = partial(self._server.stop, STOP_SECONDS - 1)
            self._icon = icon
            icon.run(setup=self._set_up)
        except Exception:
            # Whatever a desktop's libraries raise, the server must go on.
            logger.exception("the tray icon failed")
            self._icon = None
            with suppress(Exception):
                icon._mark_ready()  # else pystray's setup thread would wait, and keep the process alive, for ever
            self._start_server_at_launch()
            self.ended.wait(tray_host.POLL_SECONDS)
            return False
        finally:
            self._icon = None
            self._view.detach()
        return True

    # The icon's setup thread

    def _set_up(self, icon: Any) -> None:
        if icon is not self._icon:
            return  # it failed
        self._view.attach(icon)
        if self.ended.is_set():
            self._view.stop()  # the watching thread could not do so before
            return
        self._start_server_at_launch()
        self._wakes.put("look")

    def _start_server_at_launch(self) -> bool:
        """Start the server at the first call, if the settings say so; return whether it did."""
        if self._has_launched or not self._actions.settings.start_server_on_launch:
            return False
        self._has_launched = True
        self._server.start()
        return True

    # The thread that watches

    def _on_server_change(self, server: ServerSnapshot) -> None:
        """Show a new state at once; figures wait for the next second."""
        if server.state != self._before.state:
            self._wakes.put("look")

    def _watch(self) -> None:
        wake: Wake = "look"
        while not self._is_over(wake):
            try:
                self._look()
            except Exception:
                logger.exception("the tray could not be brought up to date")
            try:
                wake = self._wakes.get(timeout=UPDATE_SECONDS)
            except Empty:
                wake = "look"
        self.ended.set()
        self._view.stop()

    def _is_over(self, wake: Wake) -> bool:
        """Return whether to end now: quitting waits for the requests in flight, unless it is chosen twice."""
        active = self._server.snapshot().active
        if wake == "quit" and active and not self._is_quitting:
            self._is_quitting = True
            self._server.stop_when_idle()  # so that it takes no new requests
            return False
        return wake in ("quit", "end") or (self._is_quitting and not active)

    def _look(self) -> None:
        """Show what has changed, and notify where necessary."""
        server = self._server.snapshot()
        if self._actions.settings_file_changed():
            self._choose("reload_settings", None)
        self._view.show(self._picture(server))
        self._notify(server)
        self._say_health(server)
        self._look_at_sign_in()
        if self._is_launching and server.state in ("ready", "error"):
            self._is_launching = False
            if port_is_taken(server) and is_tray_bridge(server.host, server.port):
                _say(f"Another Tray Bridge has port {server.port}; its page opens.")
                _open_dashboard_of(server.host, server.port)
                self._wakes.put("end")

    def _look_at_sign_in(self) -> None:
        """Once a sign-in from the menu has succeeded, open the page's first steps, which ask a test question."""
        stage = self._server.sign_in.state.stage
        if self._actions.signs_in and stage in ("succeeded", "failed"):
            self._actions.signs_in = False
            if stage == "succeeded":
                self._choose("open_dashboard", "start/test")

    def _tell(self, title: str, text: str) -> None:
        """Notify of an action without visible effect, such as a copy."""
        if self._actions.settings.notifications:
            self._view.notify(Notification(title, text))

    def _say_health(self, server: ServerSnapshot) -> None:
        """Print the state to the terminal, if there is one, once the server has settled and when that changes."""
        health = health_of(server)
        if server.state in ("starting", "stopping") or (server.state == "stopped" and not self._said_health):
            return
        mark = "running" if health.word in ("ready", "busy", "starting") else health.word
        if mark == self._said_health or (health.word == "starting" and self._said_address):
            return
        if server.state != "ready" or not self._said_address:
            self._said_address = server.state == "ready"
            menu = "Quit in the tray’s menu, " if self._icon is not None else ""
            _say("\n".join(settled_lines(server, f"{menu}Ctrl+C or `tray-bridge stop` ends it.")))
        else:
            _say(" ".join(filter(None, (f"{health.text}.", health.detail, health.hint))))
        self._said_health = mark

    def _notify(self, server: ServerSnapshot) -> None:
        now, then = time.time(), self._looked_at
        self._looked_at = now
        before, self._before = self._before, with_known_windows(self._before, server)
        notification = notification_for(before, self._before, self._told, now, then)
        if notification is None and self._is_first_run and server.state == "ready":
            self._is_first_run = False
            self._choose("keep_settings_file", None)
            if not server.demo:
                self._choose("open_dashboard", "start")
            notification = first_run(server)
        if notification is not None:
            self._told = notification
            if self._actions.settings.notifications:
                self._view.notify(notification)

    def _picture(self, server: ServerSnapshot) -> Picture:
        settings, actions = self._actions.settings, self._actions
        state = MenuState(
            now=time.time(),
            version=__version__,
            configured_port=settings.port,
            free_ports=self._ports_to_offer(server),
            pool_size=settings.pool_size,
            default_model=settings.default_model,
            records=settings.log_mode == "full",
            starts_at_login=autostart.is_enabled(),
            starts_on_launch=settings.start_server_on_launch,
            notifies=settings.notifications,
            shows_ring=settings.plan_ring,
            signing_in=self._server.sign_in.is_under_way,
            quitting=self._is_quitting,
            problem=actions.problem,
        )
        ring = ring_of(server, state.now) if settings.plan_ring else None
        return Picture(build_menu(server, state), icon_state(server), tooltip(server, self._is_quitting), ring)

    def _ports_to_offer(self, server: ServerSnapshot) -> tuple[int, ...]:
        """Look for free ports when they may have changed, not each second."""
        host, port = self._actions.settings.host, self._actions.settings.port
        if self._free_ports_for != (host, port, server.state):
            self._free_ports_for = (host, port, server.state)
            found = [port]
            while len(found) <= OFFERED_PORTS:
                found.append(next_free_port(host, found[-1]))
            self._free_ports = tuple(found[1:])
        return self._free_ports

    # The thread that acts

    def _choose(self, action: str, value: str | int | None) -> None:
        """Take a choice from the menu; return at once, and carry it out on another thread."""
        if action == "quit":
            self._wakes.put("quit")
        else:
            self._choices.put((action, value))

    def _act(self) -> None:
        while True:
            self._actions.do(*self._choices.get())
            self._wakes.put("look")


def _show_first(settings: Settings, flags: Mapping[str, object]) -> int:
    """Ask the running Tray Bridge to show its page; print its address, and the flags that this launch did not use."""
    first = next(iter(all_notes()), None)
    host, port = (first.host, first.port) if first else (settings.host, settings.port)
    _say(f"Tray Bridge is running already. Page: {page_url(ServerSnapshot(host=host, port=port))}")
    unused = [f"--{name.replace('_', '-')}" for name in flags if name != "port" or str(flags[name]) != str(port)]
    if unused:
        _say(f"{', '.join(unused)} had no effect: `tray-bridge stop` ends the running one.")
    if not ask_first_to_show():
        _open_dashboard_of(host, port)
    return 0


def _open_dashboard_of(host: str, port: int) -> None:
    """Open the page of another Tray Bridge, if there is a browser."""
    try:
        open_page(dashboard_url(ServerSnapshot(host=host, port=port)))
    except CannotOpenError as error:
        _say(error.message)


def _say(line: str) -> None:
    """Print to the terminal from which the app was started, if any."""
    if sys.stderr:
        sys.stderr.write(line + "\n")
