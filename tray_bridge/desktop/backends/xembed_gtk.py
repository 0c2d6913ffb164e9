"""The icon in an old X11 tray where PyGObject and a session bus are there: pystray's GTK icon, which has a menu."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gi.repository import GLib
from pystray import _gtk

from ...machine.signals import end_signals


class Icon(_gtk.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon; its own methods move to GTK's thread."""

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        call()

    def _initialize(self) -> None:
        """Let signals reach Python: pystray resets one of them, and GTK's loop keeps the rest from running."""
        handlers = {number: signal.getsignal(number) for number in end_signals()}
        super()._initialize()
        for number, handler in handlers.items():
            signal.signal(number, handler)
            if callable(handler):
                GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, self._on_signal, number, handler)

    def _finalize(self) -> None:
        """Remove the last notification, if there is a service for them."""
        with suppress(GLib.Error):
            super()._finalize()

    def _on_signal(self, number: int, handler: Any) -> bool:
        handler(number, None)
        return True
