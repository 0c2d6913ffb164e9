"""A tray host without a screen: reads and clicks a tray icon's menu with the same D-Bus calls as a desktop.

It owns `org.kde.StatusNotifierWatcher` and `org.freedesktop.Notifications`, and keeps what an item signals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.desktop.fake_tray_services import NOTIFICATIONS, WATCHER, Notifications, Watcher

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One line of a menu as the desktop would draw it; invisible ones are not lines."""

    id: int
    text: str
    enabled: bool = True
    kind: str = ""
    checked: bool | None = None
    lines: tuple[Line, ...] = ()

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __getitem__(self, text: str) -> Line:
        """The line that has this text, or begins with it."""
        matches = [line for line in self.lines if line.text == text]
        matches = matches or [line for line in self.lines if text and line.text.startswith(text)]
        if not matches:
            raise KeyError(f"{text!r} is not in {self.texts}")
        return matches[0]

    def __contains__(self, text: str) -> bool:
        return any(line.text.startswith(text) for line in self.lines)

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]

    def at(self, *path: str) -> Line:
        line = self
        for text in path:
            line = line[text]
        return line


@dataclass(frozen=True)
class Told:
    """A notification."""

    title: str
    text: str


@dataclass
class Signalled:
    """A signal of the item or its menu, and when it came."""

    name: str
    body: list[Any]
    at: float = field(default_factory=time.monotonic)


class FakeTrayHost:
    """Use `start` and `stop`, or `async with`. Reads the item that registered last."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._bus: MessageBus | None = None
        self.items: list[str] = []
        self.told: list[Told] = []
        self.signals: list[Signalled] = []

    async def start(self) -> None:
        self.items.clear()
        bus = self._bus = await MessageBus(bus_address=self._address).connect()
        bus.add_message_handler(self._keep_signal)
        for interface in (ITEM, MENU):
            rule = f"type='signal',interface='{interface}'"
            await self._call("org.freedesktop.DBus", "/org/freedesktop/DBus", "AddMatch", "s", rule)
        bus.export("/StatusNotifierWatcher", Watcher(self.items.append))
        bus.export("/org/freedesktop/Notifications", Notifications(self._keep_notification))
        await bus.request_name(NOTIFICATIONS)
        await bus.request_name(WATCHER)

    async def stop(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()
            with suppress(Exception):
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
            self._bus = None

    async def __aenter__(self) -> FakeTrayHost:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # Reading

    async def item(self) -> dict[str, Any]:
        """The icon's properties."""
        answer = await self._ask_item("/StatusNotifierItem", "org.freedesktop.DBus.Properties", "GetAll", "s", ITEM)
        return {name: variant.value for name, variant in answer.items()}

    async def description(self, path: str) -> str:
        """An object's own description, after it has answered a ping, which is how a desktop looks whether it lives."""
        await self._ask_item(path, "org.freedesktop.DBus.Peer", "Ping", "")
        return str(await self._ask_item(path, "org.freedesktop.DBus.Introspectable", "Introspect", ""))

    async def menu(self) -> Line:
        """The menu as it would be drawn now."""
        path = (await self.item())["Menu"]
        _, root = await self._ask_item(path, MENU, "GetLayout", "iias", 0, -1, [])
        return _line(root)

    async def click(self, *path: str) -> None:
        """Chooses the line at this path of texts; fails where a person could not."""
        line = (await self.menu()).at(*path)
        await self.click_line(line)

    async def click_line(self, line: Line) -> None:
        assert line.enabled, f"{line.text!r} cannot be chosen"
        await self._ask_item("/MenuBar", MENU, "Event", "isvu", line.id, "clicked", Variant("s", ""), 0)

    async def click_icon(self) -> None:
        await self._ask_item("/StatusNotifierItem", ITEM, "Activate", "ii", 0, 0)

    async def shows(self, *path: str, timeout: float = 30.0) -> Line:
        """Waits until there is a line at this path, and returns it."""

        async def line() -> Line | None:
            try:
                return (await self.menu()).at(*path)
            except (KeyError, IndexError):
                return None

        return await until(line, timeout, f"a line {path}")

    async def lacks(self, *path: str, timeout: float = 30.0) -> None:
        """Waits until no line of the menu at the path begins with the path's last text."""
        *above, text = path

        async def lacking() -> bool:
            return text not in (await self.menu()).at(*above)

        await until(lacking, timeout, f"no line {text!r}")

    async def has_item(self, timeout: float = 30.0) -> None:
        async def registered() -> bool:
            return bool(self.items)

        await until(registered, timeout, "an icon", pause=0.005)

    async def settle(self) -> None:
        """Gives the bus a moment to be answered."""
        await asyncio.sleep(0.02)

    # The bus

    async def _ask_item(self, path: str, interface: str, member: str, signature: str, *body: Any) -> Any:
        answer = await self._call(self.items[-1], path, member, signature, *body, interface=interface)
        return answer[0] if len(answer) == 1 else answer

    async def _call(
        self, to: str, path: str, member: str, signature: str, *body: Any, interface: str | None = None
    ) -> list[Any]:
        assert self._bus is not None
        message = Message(to, path, interface or to, member, signature=signature, body=list(body))
        answer = await asyncio.wait_for(self._bus.call(message), 30)
        assert answer is not None
        if answer.message_type == MessageType.ERROR:
            raise RuntimeError(f"{member}: {answer.error_name}: {answer.body}")
        return answer.body

    def _keep_signal(self, message: Message) -> None:
        if message.message_type == MessageType.SIGNAL and message.interface in (ITEM, MENU):
            self.signals.append(Signalled(message.member or "", message.body))

    def _keep_notification(self, title: str, text: str) -> int:
        self.told.append(Told(title, text))
        return len(self.told)


async def until(look: Callable[[], Awaitable[T | None]], timeout: float, what: str, pause: float = 0.05) -> T:
    """Looks again and again until there is something; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (seen := await look()):
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        await asyncio.sleep(pause)
    return seen


def _line(node: list[Any]) -> Line:
    number, properties, children = node
    values = {name: variant.value for name, variant in properties.items()}
    lines = (_line(child.value) for child in children if _is_visible(child.value))
    return Line(
        number,
        "" if values.get("type") == "separator" else values.get("label", "").replace("__", "_"),
        values.get("enabled", True),
        values.get("toggle-type", ""),
        bool(values["toggle-state"]) if "toggle-state" in values else None,
        tuple(lines),
    )


def _is_visible(node: list[Any]) -> bool:
    visible = node[1].get("visible")
    return visible is None or bool(visible.value)
