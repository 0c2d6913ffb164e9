"""The icon as a StatusNotifierItem: what KDE, XFCE, LXQt and GNOME (with an extension) show in their trays.

Needs a session bus and nothing else: no GTK, no display. Texts, ticks and greyed lines change one by one, so that an
open menu stays open; pystray's own Linux backends replace the whole menu each time, which closes it. The protocols:
https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/ and com.canonical.dbusmenu.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from jeepney import DBusAddress, HeaderFields, MatchRule, Message, MessageType, message_bus, new_method_call
from pystray import _base

from .dbus_menu import MenuModel
from .session_bus import SessionBus
from .status_notifier_xml import ITEM_XML, MENU_XML

logger = logging.getLogger(__name__)

ITEM = DBusAddress("/StatusNotifierItem", interface="org.kde.StatusNotifierItem")
MENU = DBusAddress("/MenuBar", interface="com.canonical.dbusmenu")
WATCHER = DBusAddress("/StatusNotifierWatcher", "org.kde.StatusNotifierWatcher", "org.kde.StatusNotifierWatcher")
NOTIFICATIONS = DBusAddress(
    "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
)
PATIENCE = 10.0  # seconds to wait for a lost bus


class Icon(_base.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon over D-Bus. `run` returns after `stop`, or when the bus was lost and did not come back."""

    HAS_DEFAULT_ACTION = HAS_MENU = HAS_MENU_RADIO = HAS_NOTIFICATION = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bus: SessionBus | None = None
        self._stopping = threading.Event()
        self._lock = threading.RLock()  # for the menu model and the order in which its changes are told
        self._model = MenuModel()
        self._pixmaps: list[tuple[int, int, bytes]] = []
        self._notification = 0

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        """Run `call` at once: every thread may change this icon."""
        call()

    # What pystray needs of a backend

    def _run(self) -> None:
        self._connect()
        self._mark_ready()
        try:
            while not self._stopping.is_set():
                if not self._answer_next() and not self._reconnect():
                    break
        finally:
            self._close()

    def _run_detached(self) -> None:
        threading.Thread(target=self._run, name="status-notifier").start()

    def _stop(self) -> None:
        self._stopping.set()
        if bus := self._bus:
            bus.wake()

    # pystray changes `visible` only afterwards; but the desktop asks for it at once, and may not ask again.
    def _show(self) -> None:
        self._visible = True
        self._register()
        self._emit(ITEM, "NewStatus", "s", ("Active",))

    def _hide(self) -> None:
        self._visible = False
        self._emit(ITEM, "NewStatus", "s", ("Passive",))

    def _update_icon(self) -> None:
        self._pixmaps = pixmaps(self._icon)
        self._icon_valid = True
        self._emit(ITEM, "NewIcon")

    def _update_title(self) -> None:
        self._emit(ITEM, "NewTitle")
        self._emit(ITEM, "NewToolTip")

    def _update_menu(self) -> None:
        with self._lock:
            changes = self._model.update(self._menu)
            if changes.properties:
                self._emit(MENU, "ItemsPropertiesUpdated", "a(ia{sv})a(ias)", (changes.properties, []))
            for node in changes.layouts:
                self._emit(MENU, "LayoutUpdated", "ui", (self._model.revision, node))

    def _notify(self, message: str, title: str | None = None) -> None:
        hints = {"desktop-entry": ("s", self.name), "image-data": ("(iiibiiay)", image_data(self._icon))}
        body: tuple[Any, ...] = (
            self.title,
            self._notification,
            "",
            title or self.title,
            message,
            [],
            hints,
            -1,
        )
        call = new_method_call(NOTIFICATIONS, "Notify", "susssasa{sv}i", body)
        if self._bus:
            self._bus.call(call, self._keep_notification)

    def _remove_notification(self) -> None:
        if self._bus and self._notification:
            self._bus.call(new_method_call(NOTIFICATIONS, "CloseNotification", "u", (self._notification,)))

    # The connection

    def _connect(self) -> None:
        """Connect to the bus; raises OSError if there is none."""
        bus = SessionBus()
        owners = MatchRule(type="signal", interface="org.freedesktop.DBus", member="NameOwnerChanged")
        owners.add_arg_condition(0, WATCHER.bus_name)
        bus.call(message_bus.RequestName(self._bus_name))
        bus.call(message_bus.AddMatch(owners))
        self._bus = bus

    def _reconnect(self) -> bool:
        """Wait for the bus to come back, and show the icon on it again."""
        self._close()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and not self._stopping.wait(0.3):
            try:
                self._connect()
            except OSError:
                continue
            if self.visible:
                self._register()
            return True
        return False

    def _close(self) -> None:
        bus, self._bus = self._bus, None
        if bus:
            bus.close()

    @property
    def _bus_name(self) -> str:
        return f"org.kde.StatusNotifierItem-{os.getpid()}-1"

    def _register(self) -> None:
        if self._bus:
            call = new_method_call(WATCHER, "RegisterStatusNotifierItem", "s", (self._bus_name,))
            self._bus.call(call, _log_refusal)

    def _emit(self, sender: DBusAddress, name: str, signature: str | None = None, body: tuple[Any, ...] = ()) -> None:
        if bus := self._bus:
            bus.emit(sender, name, signature, body)

    def _keep_notification(self, reply: Message) -> None:
        if reply.header.message_type == MessageType.method_return:
            self._notification = reply.body[0]
        else:
            _log_refusal(reply)

    # Calls of the desktop

    def _answer_next(self) -> bool:
        """Wait for one message and answer it; return whether the bus is still there."""
        try:
            self._answer(self._bus.receive())  # type: ignore[union-attr]  # closed on this thread alone
        except OSError as error:
            logger.info("the session bus was lost: %s", error)
            return False
        return True

    def _answer(self, message: Message) -> None:
        fields = message.header.fields
        interface, member = fields.get(HeaderFields.interface), fields.get(HeaderFields.member, "")
        if message.header.message_type == MessageType.signal:
            if member == "NameOwnerChanged" and message.body[2] and self.visible:
                self._register()  # the tray host has come (back)
            return
        bus = self._bus
        if bus is None:
            return
        try:
            if interface == ITEM.interface:
                bus.reply(message)
                if member in ("Activate", "SecondaryActivate"):
                    self._menu(self)
            elif interface == MENU.interface:
                self._answer_for_menu(bus, message, member)
            else:
                signature, body = self._answer_for_object(interface, member, message)
                bus.reply(message, signature, body)
        except (KeyError, IndexError, TypeError):
            bus.refuse(message, "InvalidArgs", f"{interface}.{member}: unknown, or not with these arguments")

    def _answer_for_object(self, interface: str | None, member: str, message: Message) -> tuple[str | None, Any]:
        """Answer the calls that every D-Bus object has."""
        path = message.header.fields[HeaderFields.path]
        if (interface, member) == ("org.freedesktop.DBus.Properties", "GetAll"):
            return "a{sv}", (self._properties(path),)
        if (interface, member) == ("org.freedesktop.DBus.Properties", "Get"):
            return "v", (self._properties(path)[message.body[1]],)
        if (interface, member) == ("org.freedesktop.DBus.Introspectable", "Introspect"):
            return "s", ({ITEM.object_path: ITEM_XML, MENU.object_path: MENU_XML}.get(path, "<node/>"),)
        if (interface, member) == ("org.freedesktop.DBus.Peer", "Ping"):
            return None, ()
        raise KeyError(member)

    def _answer_for_menu(self, bus: SessionBus, message: Message, member: str) -> None:
        body = message.body
        with self._lock:
            model = self._model
            if member == "GetLayout":
                bus.reply(message, "u(ia{sv}av)", (model.revision, model.layout(body[0], body[1])))
            elif member == "GetGroupProperties":
                bus.reply(message, "a(ia{sv})", (model.group(body[0]),))
            elif member == "GetProperty":
                bus.reply(message, "v", (model.properties(body[0])[body[1]],))
            elif member == "AboutToShow":
                bus.reply(message, "b", (False,))  # changes were sent when they came
            elif member == "AboutToShowGroup":
                bus.reply(message, "aiai", ([], []))
            elif member == "Event":
                bus.reply(message)
            elif member == "EventGroup":
                bus.reply(message, "ai", ([],))
            else:
                raise KeyError(member)
        for number, event, *_ in [body] if member == "Event" else body[0] if member == "EventGroup" else []:
            if event == "clicked":
                self._click(number)

    def _click(self, number: int) -> None:
        with self._lock:
            item = self._model.item(number)
        if item is not None:
            item(self)

    def _properties(self, path: str) -> dict[str, tuple[str, Any]]:
        if path == MENU.object_path:
            return {
                "Version": ("u", 3),
                "Status": ("s", "normal"),
                "TextDirection": ("s", "ltr"),
                "IconThemePath": ("as", []),
            }
        return {
            "Category": ("s", "ApplicationStatus"),
            "Id": ("s", self.name),
            "Title": ("s", self.title),
            "Status": ("s", "Active" if self.visible else "Passive"),
            "WindowId": ("i", 0),
            "IconName": ("s", ""),
            "IconThemePath": ("s", ""),
            "IconPixmap": ("a(iiay)", self._pixmaps),
            "OverlayIconName": ("s", ""),
            "OverlayIconPixmap": ("a(iiay)", []),
            "AttentionIconName": ("s", ""),
            "AttentionIconPixmap": ("a(iiay)", []),
            "ToolTip": ("(sa(iiay)ss)", ("", [], self.title, "")),
            "Menu": ("o", MENU.object_path),
            "ItemIsMenu": ("b", False),
        }


def pixmaps(image: Any) -> list[tuple[int, int, bytes]]:
    """Return an image as the protocol has it, in each size that it was drawn in: ARGB, big-endian."""
    from PIL import Image

    drawn = []
    for each in (*image.info.get("sizes", ()), image):
        red, green, blue, alpha = each.convert("RGBA").split()
        drawn.append((each.width, each.height, Image.merge("RGBA", (alpha, red, green, blue)).tobytes()))
    return drawn


def image_data(image: Any) -> tuple[int, int, int, bool, int, int, bytes]:
    """Return an image as a notification's `image-data` hint: RGBA, 8 bits each."""
    return image.width, image.height, image.width * 4, True, 8, 4, image.convert("RGBA").tobytes()


def _log_refusal(reply: Message) -> None:
    if reply.header.message_type == MessageType.error:
        logger.info("the desktop refused: %s", reply.body[0] if reply.body else "no reason given")
