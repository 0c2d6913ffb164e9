"""The two D-Bus services of a desktop that a tray icon talks to.

Their annotations are wire types, read at run time.
"""

from collections.abc import Callable
from typing import Annotated

from dbus_fast import PropertyAccess
from dbus_fast.annotations import DBusBool, DBusDict, DBusInt32, DBusSignature, DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"


class Watcher(ServiceInterface):
    """Where items register; a host is there, as far as it says."""

    def __init__(self, on_item: Callable[[str], None]) -> None:
        super().__init__(WATCHER)
        self._on_item = on_item

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:  # noqa: N802
        self._on_item(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> None:  # noqa: N802
        pass

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:  # noqa: N802
        return True


class Notifications(ServiceInterface):
    """Where notifications go."""

    def __init__(self, on_notification: Callable[[str, str], int]) -> None:
        super().__init__(NOTIFICATIONS)
        self._on_notification = on_notification

    @dbus_method()
    def Notify(  # noqa: N802
        self,
        app: DBusStr,
        replaces: DBusUInt32,
        icon: DBusStr,
        summary: DBusStr,
        body: DBusStr,
        actions: Annotated[list[str], DBusSignature("as")],
        hints: DBusDict,
        timeout: DBusInt32,
    ) -> DBusUInt32:
        return self._on_notification(summary, body)
