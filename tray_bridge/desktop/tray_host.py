"""What can show a tray icon here, and waiting until something can.

Owns the probing and the choice of backend. Imports a backend only when it is chosen: each needs what another desktop
does not have.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

HostKind: TypeAlias = Literal["windows", "mac", "status_notifier", "xembed", "none"]

WATCHER = "org.kde.StatusNotifierWatcher"
HOW_TO_GET_ONE = (
    "On GNOME install the AppIndicator extension (Debian: gnome-shell-extension-appindicator); "
    "on other desktops add a system tray to the panel."
)
NO_BUS = "no session bus"
POLL_SECONDS = 10.0  # an X11 tray comes without a signal that we would see
NO_BUS_SECONDS = 2.0  # nor does a bus


@dataclass(frozen=True, slots=True)
class TrayHost:
    """What shows the icon. `reason` tells, in a few words, why nothing can."""

    kind: HostKind
    reason: str = ""


def probe() -> TrayHost:
    """Look for a tray; takes a few milliseconds, and 2 s at most."""
    if sys.platform == "win32":
        return TrayHost("windows")
    if sys.platform == "darwin":
        return TrayHost("mac")
    missing = [_why_no_status_notifier()]
    if not missing[0]:
        return TrayHost("status_notifier")
    missing.append(_why_no_xembed())
    if not missing[1]:
        return TrayHost("xembed")
    return TrayHost("none", "; ".join(missing))


def icon_class(kind: HostKind) -> Any:
    """Import and return the `Icon` for a kind of host."""
    backend = {
        "windows": ("win32", "windows"),
        "mac": ("darwin", "mac"),
        "status_notifier": ("dummy", "status_notifier"),
        "xembed": ("gtk", "xembed_gtk") if _gtk_works() else ("xorg", "xembed"),
    }[kind]
    # pystray chooses while it is imported, and can fail there: GTK without a display, X without python-xlib.
    os.environ["PYSTRAY_BACKEND"] = backend[0]
    try:
        return import_module(f"{__package__}.backends.{backend[1]}").Icon
    finally:
        del os.environ["PYSTRAY_BACKEND"]


def wait_for_host(stop: threading.Event) -> None:
    """Return when a tray host may have appeared, or when `stop` is set."""
    try:
        _wait_for_watcher(stop, POLL_SECONDS)
    except OSError:
        stop.wait(NO_BUS_SECONDS)


def desktop_is_gone() -> bool:
    """Return whether the desktop session has ended: no session bus and no display answers."""
    if sys.platform in ("win32", "darwin") or _wayland_answers():
        return False
    return _why_no_status_notifier() == NO_BUS and _why_no_xembed().startswith("no display")


def _wayland_answers() -> bool:
    """Return whether a Wayland display is there: a session bus alone may be started anew."""
    import socket

    folder, name = os.environ.get("XDG_RUNTIME_DIR", ""), os.environ.get("WAYLAND_DISPLAY", "")
    if not name:
        return False
    with socket.socket(socket.AF_UNIX) as display:
        try:
            display.connect(os.path.join(folder, name))  # noqa: PTH118 - an absolute name replaces the folder
        except OSError:
            return False
    return True


def _gtk_works() -> bool:
    """Return whether pystray's GTK icon works: it needs PyGObject with GTK 3, and a session bus for notifications."""
    if not find_spec("gi") or _why_no_status_notifier() == NO_BUS:
        return False
    try:
        import gi

        gi.require_version("Gtk", "3.0")
    except (ImportError, ValueError, AttributeError):
        return False
    return True


def _why_no_status_notifier() -> str:
    try:
        from jeepney import DBusAddress, MessageType, Properties, message_bus

        from .backends.session_bus import open_session_bus

        with closing(open_session_bus()) as bus:
            if not bus.send_and_get_reply(message_bus.NameHasOwner(WATCHER), timeout=2).body[0]:
                return f"nothing owns {WATCHER}"
            watcher = Properties(DBusAddress("/StatusNotifierWatcher", WATCHER, WATCHER))
            answer = bus.send_and_get_reply(watcher.get("IsStatusNotifierHostRegistered"), timeout=2)
            if answer.header.message_type == MessageType.error:
                return ""  # small panels do not tell whether they have a host; an item registers all the same
            return "" if answer.body[0][1] is True else f"{WATCHER} has no host"
    except (OSError, ImportError):
        return NO_BUS
    except (IndexError, TypeError):
        return f"{WATCHER} does not answer as it should"


def _why_no_xembed() -> str:
    if not os.environ.get("DISPLAY"):
        return "no display"
    try:
        from Xlib.display import Display
        from Xlib.error import DisplayError

        try:
            display = Display()
        except (DisplayError, OSError):
            return "no display answers"
        with closing(display):
            tray = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
            return "" if display.get_selection_owner(tray) else "no X11 tray"
    except ImportError:
        return "no display (python-xlib is missing)"


def _wait_for_watcher(stop: threading.Event, seconds: float) -> None:
    """Wait until the watcher on the bus gets an owner or a host; raises OSError without a bus."""
    from jeepney import HeaderFields, MatchRule, message_bus

    from .backends.session_bus import open_session_bus

    end = time.monotonic() + seconds
    with closing(open_session_bus()) as bus:
        owners = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
        owners.add_arg_condition(0, WATCHER)
        for rule in (owners, MatchRule(type="signal", interface=WATCHER)):
            bus.send_and_get_reply(message_bus.AddMatch(rule), timeout=2)
        if not _why_no_status_notifier():
            return  # it came before we listened
        while not stop.is_set() and time.monotonic() < end:
            try:
                message = bus.receive(timeout=0.5)
            except TimeoutError:
                continue
            member = message.header.fields.get(HeaderFields.member)
            if member in ("NameOwnerChanged", "StatusNotifierHostRegistered"):
                return
