"""The icon in an old X11 tray, with nothing but the X server: no menu, a click does the default action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pystray import _xorg
from Xlib import X


class Icon(_xorg.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon; its own methods move to the thread that talks to X. `run` returns when the tray goes
    away.
    """

    _systray_manager: Any

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        call()

    def _create_window(self) -> Any:
        """pystray never asks for clicks (https://github.com/moses-palmer/pystray/issues/151)."""
        window = super()._create_window()
        window.change_attributes(event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask)
        return window

    def _on_destroy_notify(self, event: Any) -> None:
        """Ends when the tray does: pystray would stay, invisible, and never dock again."""
        if self._systray_manager and event.window.id == self._systray_manager.id:
            self._systray_manager = None
            self._window.destroy()
            self._display.flush()
