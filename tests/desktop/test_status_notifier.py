"""The icon on the session bus, as a desktop that is quick or slow finds it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.desktop.fake_tray_host import FakeTrayHost
from tests.desktop.private_bus import PrivateBus
from tray_bridge.desktop.view import Picture, View


@asynccontextmanager
async def shown(
    icon_class: Any, bus: PrivateBus, before_end: Callable[[], None] = lambda: None
) -> AsyncIterator[FakeTrayHost]:
    """Show an icon to a desktop, and take it away afterwards."""
    view = View(lambda _action, _value: None)
    icon = view.make_icon(icon_class, Picture((), "ready", "Tray Bridge"))
    async with FakeTrayHost(bus.address) as host:
        running = threading.Thread(target=icon.run, kwargs={"setup": view.attach})
        running.start()
        try:
            await host.has_item()
            yield host
        finally:
            before_end()
            view.stop()
            await asyncio.to_thread(running.join, 10)


async def test_a_desktop_that_asks_at_once_is_told_that_the_icon_is_active(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    from tray_bridge.desktop.backends.status_notifier import Icon

    asked = threading.Event()

    class SlowIcon(Icon):
        """As on a busy machine: the desktop asks before pystray goes on."""

        def _show(self) -> None:
            super()._show()
            asked.wait(30)

    async with shown(SlowIcon, bus, asked.set) as host:
        status = (await host.item())["Status"]
    assert status == "Active"  # an icon that is passive is not drawn


async def test_icon_and_menu_answer_what_every_object_on_the_bus_is_asked(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    from tray_bridge.desktop.backends.status_notifier import Icon

    async with shown(Icon, bus) as host:
        described = [await host.description(path) for path in ("/StatusNotifierItem", "/MenuBar")]
    assert '"org.kde.StatusNotifierItem"' in described[0]
    assert '"com.canonical.dbusmenu"' in described[1]
