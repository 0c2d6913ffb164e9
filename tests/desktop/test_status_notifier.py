"""The icon on the session bus, as a desktop that is quick or slow finds it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.desktop.fake_tray_host import FakeTrayHost
from tests.desktop.private_bus import PrivateBus
from tray_bridge.desktop.view import Picture, View


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

    view = View(lambda _action, _value: None)
    icon = view.make_icon(SlowIcon, Picture((), "ready", "Tray Bridge"))
    async with FakeTrayHost(bus.address) as host:
        running = threading.Thread(target=icon.run, kwargs={"setup": view.attach})
        running.start()
        try:
            await host.has_item()
            status = (await host.item())["Status"]
        finally:
            asked.set()
            view.stop()
            await asyncio.to_thread(running.join, 10)
    assert status == "Active"  # an icon that is passive is not drawn


async def test_icon_and_menu_answer_what_every_object_on_the_bus_is_asked(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    from tray_bridge.desktop.backends.status_notifier import Icon

    view = View(lambda _action, _value: None)
    icon = view.make_icon(Icon, Picture((), "ready", "Tray Bridge"))
    async with FakeTrayHost(bus.address) as host:
        running = threading.Thread(target=icon.run, kwargs={"setup": view.attach})
        running.start()
        try:
            await host.has_item()
            described = [await host.description(path) for path in ("/StatusNotifierItem", "/MenuBar")]
        finally:
            view.stop()
            await asyncio.to_thread(running.join, 10)
    assert '"org.kde.StatusNotifierItem"' in described[0]
    assert '"com.canonical.dbusmenu"' in described[1]
