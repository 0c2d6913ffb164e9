"""The icon in an old X11 tray, with nothing but the X server: no menu, a click does the default action."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from pystray import _xorg
from Xlib import X
from Xlib.error import ConnectionClosedError


class Icon(_xorg.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon. `run` returns when the tray goes away."""

    _systray_manager: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._calls_have_come = self._display.intern_atom("_TRAY_BRIDGE_CALLS")
        self._on_pystray_message = self._message_handlers[X.ClientMessage]
        self._message_handlers[X.ClientMessage] = self._on_client_message

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        """Run `call` on the thread that talks to X. pystray's own function would wait for ever once that has ended."""
        self._calls.put(call)
        with suppress(OSError, ConnectionClosedError):
            self._send_message(self._window, self._calls_have_come)
            self._display.flush()

    def _on_client_message(self, event: Any) -> None:
        if event.client_type != self._calls_have_come:
            self._on_pystray_message(event)
            return
        with suppress(Empty):
            while True:
                self._calls.get_nowait()()

    def _create_window(self) -> Any:
        """pystray never asks for clicks (https://github.com/moses-palmer/pystray/issues/151)."""
        window = super()._create_window()
        window.change_attributes(event_mask=X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask)
        return window

    def _update_title(self) -> None:
        """A window's name is Latin-1, and pystray fails for any other character."""
        self._window.set_wm_name(self.title.encode("latin-1", "replace"))

    def _on_destroy_notify(self, event: Any) -> None:
        """End when the tray does: pystray would stay, invisible."""
        if self._systray_manager and event.window.id == self._systray_manager.id:
            self._systray_manager = None
            self._window.destroy()
            self._display.flush()
