"""What can show an icon here: what is looked for, what is said when there is nothing, and the old X11 tray."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop.fake_tray_host import FakeTrayHost
from tests.desktop.fake_xembed_tray import FakeXembedTray
from tests.desktop.private_bus import PrivateBus
from tests.desktop.tray_app import TrayApp
from tests.desktop.virtual_display import virtual_display
from tray_bridge.desktop import tray_host

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a tray")


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nothing"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


@pytest.fixture
def display() -> Iterator[str]:
    with virtual_display() as name:
        yield name


@pytest.mark.parametrize(
    ("address", "display", "reason"),
    [
        (None, None, "no session bus; no display"),
        ("unix:path=/nonexistent/bus", ":987", "no session bus; no display answers"),
        ("tcp:host=nowhere", None, "no session bus; no display"),
        ("rubbish", None, "no session bus; no display"),
    ],
)
def test_nothing_is_told_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, address: str | None, display: str | None, reason: str
) -> None:
    for name, value in (("DBUS_SESSION_BUS_ADDRESS", address), ("DISPLAY", display)):
        if value:
            monkeypatch.setenv(name, value)
    assert tray_host.probe() == tray_host.TrayHost("none", reason)
    assert tray_host.desktop_is_gone()


def test_a_bus_without_a_watcher_shows_nothing(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    assert tray_host.probe().reason.startswith("nothing owns org.kde.StatusNotifierWatcher")
    assert not tray_host.desktop_is_gone()


async def test_a_watcher_with_a_host_is_found_and_waited_for(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    stop = threading.Event()
    waiting = threading.Thread(target=tray_host.wait_for_host, args=(stop,))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()
    async with FakeTrayHost(bus.address) as host:
        waiting.join(30)
        assert not waiting.is_alive()
        probing = threading.Thread(target=lambda: found.append(tray_host.probe().kind))
        found: list[str] = []
        probing.start()
        while probing.is_alive():
            await host.settle()
    assert found == ["status_notifier"]


def test_waiting_ends_when_it_is_told_to(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    stop = threading.Event()
    waiting = threading.Thread(target=tray_host.wait_for_host, args=(stop,))
    waiting.start()
    stop.set()
    waiting.join(30)
    assert not waiting.is_alive()


def test_the_systems_that_always_have_a_tray(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, kind in (("win32", "windows"), ("darwin", "mac")):
        monkeypatch.setattr(sys, "platform", platform)
        assert tray_host.probe().kind == kind
        assert not tray_host.desktop_is_gone()


def test_a_desktop_whose_wayland_display_answers_has_not_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-9")
    assert tray_host.desktop_is_gone()
    with socket.socket(socket.AF_UNIX) as compositor:
        compositor.bind(str(tmp_path / "wayland-9"))
        compositor.listen()
        assert not tray_host.desktop_is_gone()
    assert tray_host.desktop_is_gone()


def test_an_old_x11_tray_shows_an_icon_whose_click_opens_the_dashboard(tmp_path: Path, display: str) -> None:
    app = TrayApp(tmp_path, None)
    tray = FakeXembedTray(display)
    try:
        app.start(environment={"DISPLAY": display})
        tray.dock()
        deadline = time.monotonic() + 60
        while app.get("/health") is None or len(tray.colours()) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        tray.click()
        while app.commands.arguments("xdg-open") is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert app.commands.arguments("xdg-open") == [f"{app.url}/dashboard"]

        # The tray restarts: the icon docks again.
        tray.close()
        time.sleep(0.5)
        tray = FakeXembedTray(display)
        tray.dock(30)
        assert app.get("/health")
    finally:
        tray.close()
        app.kill()
