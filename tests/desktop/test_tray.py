"""What the tray does when a desktop fails it, seen in one process."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.desktop.private_bus import PrivateBus
from tray_bridge.desktop import tray_host
from tray_bridge.desktop.tray import Tray
from tray_bridge.server.thread import ServerThread
from tray_bridge.settings.schema import Settings


def test_an_icon_that_fails_leaves_no_thread_that_keeps_the_process(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    monkeypatch.setattr(tray_host, "POLL_SECONDS", 0)
    settings = Settings(start_server_on_launch=False)
    before = set(threading.enumerate())
    assert not Tray(settings, ServerThread(settings), {}).run_icon("status_notifier")
    deadline = time.monotonic() + 30
    while set(threading.enumerate()) - before:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.01)


def test_an_end_that_comes_before_the_icon_is_up_ends_the_icon(
    own_home: Path, bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    settings = Settings(start_server_on_launch=False)
    tray = Tray(settings, ServerThread(settings), {})
    tray.ended.set()
    running = threading.Thread(target=tray.run_icon, args=("status_notifier",))
    running.start()
    running.join(30)
    assert not running.is_alive()
