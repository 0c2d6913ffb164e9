"""As much of AppKit as pystray calls, so that its macOS icon can run on any system.

Like the real one it belongs to one thread: a change of the icon or the menu from another ends the test.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest


class Object:
    """NSObject: made by `alloc().init…`."""

    @classmethod
    def alloc(cls) -> Object:
        return cls()

    def init(self) -> Object:
        return self


class Owned(Object):
    """Something that only the main thread may touch once the app runs."""

    mac: SimulatedMac

    def touch(self) -> None:
        assert self.mac.main_thread in (None, threading.get_ident()), "AppKit was used off the main thread"


class MenuItem(Owned):
    def __init__(self) -> None:
        self.title = "---"
        self.enabled, self.checked, self.tag = True, False, -1
        self.submenu: Menu | None = None
        self.target: Any = None

    def click(self) -> None:
        """Does what AppKit does when a person chooses the line."""
        self.target.activate_menu_item(SimpleNamespace(tag=self.tag_))

    def initWithTitle_action_keyEquivalent_(self, title: str, action: object, key: str) -> MenuItem:  # noqa: N802
        self.touch()
        self.title = title
        return self

    @classmethod
    def separatorItem(cls) -> MenuItem:  # noqa: N802
        return cls()

    def setSubmenu_(self, menu: Menu) -> None:  # noqa: N802
        self.submenu = menu

    def setEnabled_(self, enabled: bool) -> None:  # noqa: N802
        self.enabled = enabled

    def setState_(self, state: int) -> None:  # noqa: N802
        self.checked = bool(state)

    def setTag_(self, tag: int) -> None:  # noqa: N802
        self.tag = tag

    def setTarget_(self, target: object) -> None:  # noqa: N802
        self.target = target

    def __getattr__(self, name: str) -> Any:
        return MagicMock(name=name)

    def tag_(self) -> int:
        return self.tag


class Menu(Owned):
    def __init__(self) -> None:
        self.items: list[MenuItem] = []

    def initWithTitle_(self, title: str) -> Menu:  # noqa: N802
        self.touch()
        return self

    def setAutoenablesItems_(self, on: bool) -> None:  # noqa: N802
        pass

    def addItem_(self, item: MenuItem) -> None:  # noqa: N802
        self.items.append(item)


class Image(Object):
    size = (0, 0)

    def initWithData_(self, data: bytes) -> Image:  # noqa: N802
        self.data = data
        return self

    def setSize_(self, size: tuple[int, int]) -> None:  # noqa: N802
        self.size = size


class Button(Owned):
    hidden = True
    tooltip = ""
    image: Image | None = None

    def setHidden_(self, hidden: bool) -> None:  # noqa: N802
        self.touch()
        self.hidden = hidden

    def setToolTip_(self, tooltip: str) -> None:  # noqa: N802
        self.touch()
        self.tooltip = tooltip

    def setImage_(self, image: Image) -> None:  # noqa: N802
        self.touch()
        self.image = image

    def setTarget_(self, target: object) -> None:  # noqa: N802
        pass

    def setAction_(self, action: object) -> None:  # noqa: N802
        pass


class SimulatedMac:
    """One desktop with its menu bar, whose event loop runs what `callAfter` was given."""

    def __init__(self) -> None:
        self.main_thread: int | None = None
        self.calls: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self.button = Button()
        self.menu: Menu | None = None
        self.signals: dict[int, Any] = {}
        self.observers: dict[object, Callable[[object], None]] = {}
        self.policy: object = None
        self.removed = False
        Owned.mac = self

    def run(self) -> None:
        self.main_thread = threading.get_ident()
        while call := self.calls.get():
            call()
        self.main_thread = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Puts the modules where PyObjC has them."""
        app = MagicMock()
        app.run.side_effect = self.run
        app.stop_.side_effect = lambda _: self.calls.put(None)
        app.setActivationPolicy_.side_effect = lambda policy: setattr(self, "policy", policy)
        status_item = MagicMock()
        status_item.button.return_value = self.button
        status_item.setMenu_.side_effect = lambda menu: setattr(self, "menu", menu)
        bar = MagicMock()
        bar.thickness.return_value = 22.0
        bar.statusItemWithLength_.return_value = status_item
        bar.removeStatusItem_.side_effect = lambda _: setattr(self, "removed", True)

        appkit: Any = _module("AppKit", NSMenu=Menu, NSMenuItem=MenuItem, NSImage=Image, NSOnState=1, NSOffState=0)
        appkit.NSApplication = MagicMock(**{"sharedApplication.return_value": app})
        appkit.NSStatusBar = MagicMock(**{"systemStatusBar.return_value": bar})
        for name in ("NSEvent", "NSPoint", "NSFont"):
            setattr(appkit, name, MagicMock())
        for name in (
            "NSVariableStatusItemLength",
            "NSApplicationActivationPolicyAccessory",
            "NSApplicationWillTerminateNotification",
            "NSApplicationDefined",
            "NSFontAttributeName",
        ):
            setattr(appkit, name, name)
        foundation: Any = _module("Foundation", NSObject=Object, NSData=lambda data: data)
        foundation.NSAttributedString = foundation.NSDictionary = MagicMock()
        center = MagicMock()
        center.addObserverForName_object_queue_usingBlock_.side_effect = lambda name, thing, operations, block: (
            self.observers.__setitem__(name, block)
        )
        foundation.NSNotificationCenter = MagicMock(**{"defaultCenter.return_value": center})
        objc = _module("objc", namedSelector=lambda selector: lambda method: method)
        helper = _module("PyObjCTools.AppHelper", callAfter=self.calls.put)
        mach = _module("PyObjCTools.MachSignals", signal=self.signals.__setitem__, getsignal=self.signals.get)
        tools = _module("PyObjCTools", AppHelper=helper, MachSignals=mach)
        for module in (appkit, foundation, objc, helper, mach, tools):
            patch.setitem(__import__("sys").modules, module.__name__, module)


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(members)
    return module
