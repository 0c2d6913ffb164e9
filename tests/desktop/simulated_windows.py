"""As much of Windows' user32 and shell32 as pystray calls, so that its Windows icon can run on any system.

It keeps what a person would see (icon, tooltip, balloon, menu) and pumps messages as Windows does: those posted
run while a menu is open, too.
"""

from __future__ import annotations

import ctypes
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

WM_USER = 0x400
WM_QUIT = 0x0012
WM_NOTIFY = WM_USER + 11
WM_RBUTTONUP = 0x0205
WM_LBUTTONUP = 0x0202


@dataclass
class Entry:
    """A line of a Windows menu; `id` is what choosing it gives."""

    id: int
    text: str
    greyed: bool
    checked: bool
    submenu: int


@dataclass
class Menu:
    entries: list[Entry] = field(default_factory=list)


class Function:
    """A function of a DLL: takes the attributes that ctypes' would, and calls Python."""

    argtypes: Any = None
    restype: Any = None
    errcheck: Any = None

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)


class SimulatedWindows:
    """One desktop. `choose` is called when a menu opens, and returns the id of the line that the person takes."""

    def __init__(self) -> None:
        self._handles = iter(range(100, 100_000))
        self.begin()

    def begin(self) -> None:
        """An empty desktop."""
        self.messages: queue.Queue[tuple[int, int, int, int]] = queue.Queue()
        self.menus: dict[int, Menu] = {}
        self.destroyed: list[int] = []
        self.icon_is_shown = False
        self.tooltip = ""
        self.balloon = ("", "")
        self.choose: Callable[[Menu], int] = lambda menu: 0
        self.ui_thread: int | None = None
        self.menu_threads: set[int] = set()  # those that made or ended a menu
        self._procedure: Any = None

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Puts the DLLs where ctypes has them on Windows."""
        monkeypatch.setattr(ctypes, "WinDLL", lambda name: self, raising=False)
        monkeypatch.setattr(ctypes, "windll", self, raising=False)
        monkeypatch.setattr(ctypes, "LibraryLoader", lambda kind: self)
        monkeypatch.setattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE, raising=False)
        monkeypatch.setattr(ctypes, "HRESULT", ctypes.c_long, raising=False)

    def __getattr__(self, name: str) -> Any:
        """`windll.user32.CreatePopupMenu` and the like; what is not simulated succeeds and does nothing."""
        if name in ("user32", "shell32", "kernel32"):
            return self
        if name.startswith("_"):
            raise AttributeError(name)
        return Function(getattr(type(self), f"_{name}", lambda *_: 1).__get__(self))

    def is_destroyed(self, menu: Menu) -> bool:
        return any(self.menus[handle] is menu for handle in self.destroyed)

    def post(self, message: int, wparam: int = 0, lparam: int = 0) -> None:
        self.messages.put((1, message, wparam, lparam))

    def send(self, message: int, wparam: int = 0, lparam: int = 0) -> int:
        """What Windows does when it wants an answer, on the UI thread."""
        answer: queue.Queue[int] = queue.Queue()
        self._answers = answer
        self.messages.put((-1, message, wparam, lparam))
        return answer.get(timeout=30)

    def pump(self, timeout: float) -> bool:
        """Handles one message; False if none came."""
        try:
            kind, message, wparam, lparam = self.messages.get(timeout=timeout)
        except queue.Empty:
            return False
        result = self._procedure(1, message, wparam, lparam)
        if kind == -1:
            self._answers.put(result)
        return True

    # The functions

    def _RegisterClassExW(self, window_class: Any) -> int:  # noqa: N802
        self._procedure = window_class.lpfnWndProc
        return 1

    def _CreateWindowExW(self, *_: Any) -> int:  # noqa: N802
        self.ui_thread = threading.get_ident()
        return 1

    def _PostMessageW(self, window: int, message: int, wparam: int, lparam: int) -> int:  # noqa: N802
        self.messages.put((1, message, wparam, lparam))
        return 1

    def _PostQuitMessage(self, code: int) -> None:  # noqa: N802
        self.messages.put((1, WM_QUIT, 0, 0))

    def _GetMessageW(self, place: Any, *_: Any) -> int:  # noqa: N802
        self._current = self.messages.get()
        return int(self._current[1] != WM_QUIT)

    def _DispatchMessageW(self, place: Any) -> int:  # noqa: N802
        kind, message, wparam, lparam = self._current
        result: int = self._procedure(1, message, wparam, lparam)
        if kind == -1:
            self._answers.put(result)
        return result

    def _Shell_NotifyIconW(self, code: int, data: Any) -> int:  # noqa: N802
        if code == 2:
            self.icon_is_shown = False
            return 1
        self.icon_is_shown = self.icon_is_shown or code == 0
        if data.uFlags & 0x04:
            self.tooltip = data.szTip
        if data.uFlags & 0x10:
            self.balloon = (data.szInfoTitle, data.szInfo)
        return 1

    def _CreatePopupMenu(self) -> int:  # noqa: N802
        handle = next(self._handles)
        self.menu_threads.add(threading.get_ident())
        self.menus[handle] = Menu()
        return handle

    def _DestroyMenu(self, handle: int) -> int:  # noqa: N802
        self.menu_threads.add(threading.get_ident())
        self.destroyed.append(handle)
        return 1

    def _InsertMenuItemW(self, handle: int, place: int, by_position: bool, info: Any) -> int:  # noqa: N802
        info = info._obj  # what byref was made of
        text = "" if info.fType & 0x800 else info.dwTypeData
        entry = Entry(info.wID, text, bool(info.fState & 0x3), bool(info.fState & 0x8), int(info.hSubMenu or 0))
        self.menus[handle].entries.append(entry)
        return 1

    def _TrackPopupMenuEx(self, handle: int, *_: Any) -> int:  # noqa: N802
        return self.choose(self.menus[handle])
