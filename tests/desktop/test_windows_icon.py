"""The Windows icon, real pystray on a simulated desktop: what is shown, what is clicked, and how the session ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.desktop.simulated_windows import WM_LBUTTONUP, WM_NOTIFY, WM_RBUTTONUP, Menu, SimulatedWindows
from tests.running_bridge import wait_for
from tray_bridge.desktop import tray_host
from tray_bridge.desktop.menu import Item
from tray_bridge.desktop.view import Picture, View

WM_QUERYENDSESSION = 0x0011
WM_ENDSESSION = 0x0016


class Desktop:
    """The icon on its thread, the view that changes it, and what was chosen."""

    def __init__(self, windows: SimulatedWindows, backend: Any) -> None:
        self.windows = windows
        self.chosen: list[tuple[str, object]] = []
        self.view = View(lambda action, value: self.chosen.append((action, value)))
        self.icon = self.view.make_icon(backend, picture("one"))
        self.thread = threading.Thread(target=self.icon.run, args=(self.view.attach,))
        self.thread.start()

    def stop(self) -> None:
        self.view.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()
        assert not self.windows.icon_is_shown

    def menu(self) -> Menu:
        """What a right click shows; nothing is chosen."""
        shown: list[Menu] = []

        def look(menu: Menu) -> int:
            shown.append(menu)
            return 0

        self.windows.choose = look
        self.windows.post(WM_NOTIFY, 0, WM_RBUTTONUP)
        wait_for(lambda: bool(shown))
        assert not self.windows.is_destroyed(shown[0])
        return shown[0]


def picture(text: str, title: str = "Tray Bridge") -> Picture:
    settings = Item("R&D", "toggle", checked=True)
    items = (
        Item(text, key="text", enabled=False),
        Item(key="gap"),
        Item("Open dashboard", "open_dashboard", default=True),
        Item("hidden", "hidden", visible=False),
        Item("Settings", key="settings", items=(settings,)),
    )
    return Picture(items, "ready", title)


@pytest.fixture(scope="module")
def simulated() -> Iterator[tuple[SimulatedWindows, Any]]:
    """The desktop, and our icon as it is imported there. Once: pystray keeps the DLLs that it finds."""
    if sys.platform == "win32":
        pytest.skip("Windows is here")
    with pytest.MonkeyPatch.context() as patch:
        windows = SimulatedWindows()
        windows.install(patch)
        patch.setattr(sys, "platform", "win32")
        yield windows, tray_host.icon_class("windows")


@pytest.fixture
def desktop(simulated: tuple[SimulatedWindows, Any]) -> Iterator[Desktop]:
    windows, backend = simulated
    windows.begin()
    desktop = Desktop(windows, backend)
    wait_for(lambda: windows.icon_is_shown)
    yield desktop
    desktop.stop()


def test_the_menu_is_shown_as_windows_has_menus(desktop: Desktop) -> None:
    entries = desktop.menu().entries
    assert [(entry.text, entry.greyed) for entry in entries] == [
        ("one", True),
        ("", False),
        ("Open dashboard", False),
        ("Settings", False),
    ]
    (inner,) = desktop.windows.menus[entries[3].submenu].entries
    assert (inner.text, inner.checked) == ("R&&D", True)


def test_changes_are_made_on_the_ui_thread(desktop: Desktop) -> None:
    desktop.windows.menu_threads.clear()
    desktop.view.show(picture("two", "New title"))
    wait_for(lambda: desktop.menu().entries[0].text == "two")
    assert desktop.windows.tooltip == "New title"
    assert desktop.windows.menu_threads == {desktop.windows.ui_thread}


def test_a_long_title_is_cut_to_what_windows_takes(desktop: Desktop) -> None:
    desktop.view.show(picture("one", "T" * 300))
    wait_for(lambda: desktop.windows.tooltip == "T" * 127)


def test_a_right_click_opens_the_menu_and_a_choice_is_told(desktop: Desktop) -> None:
    desktop.windows.choose = lambda menu: next(e.id for e in menu.entries if e.text == "Open dashboard")
    desktop.windows.post(WM_NOTIFY, 0, WM_RBUTTONUP)
    wait_for(lambda: desktop.chosen == [("open_dashboard", None)])


def test_a_left_click_does_the_default(desktop: Desktop) -> None:
    desktop.windows.post(WM_NOTIFY, 0, WM_LBUTTONUP)
    wait_for(lambda: desktop.chosen == [("open_dashboard", None)])


def test_an_open_menu_is_left_alone_and_is_new_the_next_time(desktop: Desktop) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def stay_open(menu: Menu) -> int:
        desktop.view.show(picture("while open"))
        handled = desktop.windows.pump(1)
        seen.append((menu.entries[0].text, handled, desktop.windows.is_destroyed(menu)))
        return 0

    desktop.windows.choose = stay_open
    desktop.windows.post(WM_NOTIFY, 0, WM_RBUTTONUP)
    wait_for(lambda: bool(seen))
    assert seen == [("one", True, False)]
    wait_for(lambda: desktop.menu().entries[0].text == "while open")


def test_log_off_is_allowed_and_gives_time_to_end(desktop: Desktop) -> None:
    ended: list[int] = []
    desktop.icon.on_log_out = lambda: ended.append(1)
    assert desktop.windows.send(WM_QUERYENDSESSION) == 1
    desktop.windows.send(WM_ENDSESSION, 0)
    assert ended == []
    desktop.windows.send(WM_ENDSESSION, 1)
    assert ended == [1]
