"""The pystray icon on the screen: keeps it equal to a `Picture`, and changes only what differs.

The only module that changes an icon. Must not know the server.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from .icon import IconState, icon_image
from .menu import Item
from .notifications import Notification

logger = logging.getLogger(__name__)

LONGEST_TITLE = 127  # Windows takes 128 with the ending zero; pystray raises ValueError beyond

OnChoice: TypeAlias = Callable[[str, "str | int | None"], None]


@dataclass(frozen=True, slots=True)
class Picture:
    """The menu's lines, the state that the icon shows, the tooltip, and the length of the icon's ring, if any."""

    items: tuple[Item, ...]
    look: IconState
    title: str
    ring: int | None = None


class View:
    """Show at most one icon at a time. All methods are safe from any thread; `on_choice` must not block."""

    def __init__(self, on_choice: OnChoice) -> None:
        self._on_choice = on_choice
        self._lock = threading.Lock()
        self._icon: Any = None
        self._shown: Picture | None = None
        self._items: tuple[Item, ...] = ()

    def make_icon(self, backend: Any, picture: Picture) -> Any:
        """Make an icon that shows the picture once it runs and is attached."""
        from pystray import Menu

        self._items, self._shown = picture.items, picture
        menu = Menu(lambda: pystray_items(self._items, self._on_choice))
        return backend("tray-bridge", icon_image(picture.look, picture.ring), _clip(picture.title), menu)

    def attach(self, icon: Any) -> None:
        """Show the icon, whose event loop must run."""
        with self._lock:
            self._icon = icon
            icon.on_ui_thread(partial(_change, partial(setattr, icon, "visible", True)))

    def detach(self) -> None:
        """Forget the icon, which has ended."""
        with self._lock:
            self._icon = None

    def show(self, picture: Picture) -> None:
        """Change what differs from what was shown last."""
        with self._lock:
            before = self._shown
            if self._icon is not None and before is not None and picture != before:
                self._shown = picture
                self._icon.on_ui_thread(partial(_change, partial(self._repaint, self._icon, before, picture)))

    def notify(self, notification: Notification) -> None:
        """Show a notification, if the desktop can."""
        with self._lock:
            icon = self._icon
        if icon is not None and icon.HAS_NOTIFICATION:
            icon.notify(notification.text, notification.title)

    def stop(self) -> None:
        """End the icon's event loop."""
        with self._lock:
            if self._icon is not None:
                self._icon.on_ui_thread(self._icon.stop)

    def _repaint(self, icon: Any, before: Picture, now: Picture) -> None:
        if (now.look, now.ring) != (before.look, before.ring):
            icon.icon = icon_image(now.look, now.ring)
        if now.title != before.title:
            icon.title = _clip(now.title)
        if now.items != before.items:
            self._items = now.items
            icon.update_menu()


def _change(call: Callable[[], None]) -> None:
    """Change the icon; an error of a desktop's library must not end the calling loop."""
    try:
        call()
    except Exception:
        logger.exception("the tray icon could not be changed")


def pystray_items(items: tuple[Item, ...], on_choice: OnChoice) -> tuple[Any, ...]:
    """Make pystray's items. Each has a `key`, by which a backend recognises it."""
    from pystray import Menu, MenuItem

    made = []
    for item in items:
        if item.is_separator:
            made.append(Menu.SEPARATOR)
            continue
        action: Any = partial(_choose, on_choice, item)
        if item.items:
            action = Menu(*pystray_items(item.items, on_choice))
        line = MenuItem(
            # On Windows a single & marks the key to press.
            item.text.replace("&", "&&") if sys.platform == "win32" else item.text,
            action,
            checked=None if item.checked is None else partial(_checked, item),
            radio=item.radio,
            default=item.default,
            visible=item.visible,
            enabled=item.enabled,
        )
        line.key = item.identity
        made.append(line)
    return tuple(made)


def _choose(on_choice: OnChoice, item: Item, icon: Any, line: Any) -> None:
    if item.action:
        on_choice(item.action, item.value)


def _checked(item: Item, line: Any) -> bool | None:
    return item.checked


def _clip(title: str) -> str:
    return title[:LONGEST_TITLE]
