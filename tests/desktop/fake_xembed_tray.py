"""An old X11 tray: owns the tray's selection, takes in the icon that asks to be docked, and clicks it.

The protocol: https://specifications.freedesktop.org/systemtray-spec/
"""

from __future__ import annotations

import time
from typing import Any

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest


class FakeXembedTray:
    """`docked` is the icon's window."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)
        screen = self._display.screen()
        self._window = screen.root.create_window(
            0, 0, 24, 24, 0, screen.root_depth, X.InputOutput, event_mask=X.SubstructureNotifyMask
        )
        self._window.map()
        self._opcode = self._display.intern_atom("_NET_SYSTEM_TRAY_OPCODE")
        self._window.set_selection_owner(self._display.intern_atom("_NET_SYSTEM_TRAY_S0"), X.CurrentTime)
        self._display.sync()
        self.docked: Any = None

    def dock(self, timeout: float = 15.0) -> None:
        """Waits for an icon that asks, and takes it in."""
        end = time.monotonic() + timeout
        while self.docked is None:
            assert time.monotonic() < end, "no icon asked to be docked"
            if not self._display.pending_events():
                time.sleep(0.02)
                continue
            event = self._display.next_event()
            if event.type == X.ClientMessage and event.client_type == self._opcode:
                self.docked = self._display.create_resource_object("window", event.data[1][2])
                self.docked.reparent(self._window, 0, 0)
                self.docked.configure(width=24, height=24)
                self.docked.map()
                self._display.sync()

    def click(self) -> None:
        xtest.fake_input(self._display, X.MotionNotify, x=12, y=12)
        xtest.fake_input(self._display, X.ButtonPress, 1)
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        self._display.sync()

    def colours(self) -> set[bytes]:
        """The colours that the icon shows."""
        raw = self.docked.get_image(0, 0, 24, 24, X.ZPixmap, 0xFFFFFFFF).data
        return {raw[i : i + 3] for i in range(0, len(raw), 4)}

    def close(self) -> None:
        """Goes away, with the icon's place."""
        self._display.close()
