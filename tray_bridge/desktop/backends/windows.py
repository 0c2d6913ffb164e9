"""The icon on Windows: pystray's, with all changes on the UI thread. Leaves an open menu alone and allows log-off."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from pystray import _win32

WM_QUERYENDSESSION = 0x0011
WM_ENDSESSION = 0x0016
WM_CALLS = 0x0400 + 32  # WM_USER and a number that pystray does not use


class Icon(_win32.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon; `on_log_out` is called when the session ends, and has about 5 s."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_log_out: Callable[[], None] = lambda: None
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._menu_is_open = False
        self._menu_is_old = False
        self._message_handlers |= {
            WM_CALLS: self._on_calls,
            # pystray answers every unknown message with 0, which would forbid the log-off.
            WM_QUERYENDSESSION: lambda wparam, lparam: 1,
            WM_ENDSESSION: self._on_end_session,
        }

    def _mark_ready(self) -> None:
        """Wake Python twice a second, without which it would see Ctrl+C only at the next click."""
        if sys.platform == "win32":
            ctypes.windll.user32.SetTimer(self._hwnd, 1, 500, None)
        super()._mark_ready()

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        """Run `call` on the thread that pumps messages."""
        self._calls.put(call)
        _win32.win32.PostMessage(self._hwnd, WM_CALLS, 0, 0)

    def _on_calls(self, wparam: int, lparam: int) -> None:
        while True:
            try:
                call = self._calls.get_nowait()
            except Empty:
                return
            call()

    def _on_end_session(self, wparam: int, lparam: int) -> None:
        if wparam:  # else another program has refused the log-off
            self.on_log_out()

    def _on_notify(self, wparam: int, lparam: int) -> None:
        self._menu_is_open = True  # pystray shows it inside this call, which pumps our messages meanwhile
        try:
            super()._on_notify(wparam, lparam)
        finally:
            self._menu_is_open = False
            if self._menu_is_old:
                self._update_menu()

    def _update_menu(self) -> None:
        """Make a new menu, unless it is open: pystray would destroy the open one."""
        self._menu_is_old = self._menu_is_open
        if not self._menu_is_open:
            super()._update_menu()
