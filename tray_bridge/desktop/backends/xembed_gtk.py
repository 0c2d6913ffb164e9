"""The icon in an old X11 tray where PyGObject is there: pystray's GTK icon, which has a menu."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from gi.repository import GLib
from pystray import _gtk


class Icon(_gtk.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon; its own methods move to GTK's thread."""

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        call()

    def _run(self) -> None:
        """Lets SIGINT and SIGTERM reach Python's handlers, which GTK's loop would keep from running."""
        for number in (signal.SIGINT, signal.SIGTERM):
            GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, self._on_signal, number)
        super()._run()

    def _on_signal(self, number: int) -> bool:
        handler: Any = signal.getsignal(number)
        if callable(handler):
            handler(number, None)
        return True
