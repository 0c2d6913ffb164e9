"""The macOS icon, real pystray on a simulated AppKit: all changes on the main thread, sharp at 2x, and a clean end."""

from __future__ import annotations

import io
import signal
import sys
import threading
from collections.abc import Iterator

import PIL.Image
import pytest

from tests.desktop.simulated_mac import SimulatedMac
from tests.running_bridge import wait_for
from tray_bridge.desktop import tray_host
from tray_bridge.desktop.menu import Item
from tray_bridge.desktop.view import Picture, View


def picture(text: str, title: str = "Tray Bridge") -> Picture:
    items = (
        Item(text, key="text", enabled=False),
        Item(key="gap"),
        Item("Open dashboard", "open_dashboard", default=True),
        Item("Settings", key="settings", items=(Item("On", "toggle", checked=True),)),
    )
    return Picture(items, "ready", title)


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedMac]:
    if sys.platform == "darwin":
        pytest.skip("macOS is here")
    mac = SimulatedMac()
    mac.install(monkeypatch)
    monkeypatch.setattr(sys, "platform", "darwin")
    yield mac
    import pystray

    from tray_bridge.desktop import backends

    for package, name in ((pystray, "_darwin"), (backends, "mac")):
        sys.modules.pop(f"{package.__name__}.{name}", None)
        package.__dict__.pop(name, None)


def test_everything_happens_on_the_main_thread(mac: SimulatedMac) -> None:
    chosen: list[str] = []
    view = View(lambda action, value: chosen.append(action))
    icon = view.make_icon(tray_host.icon_class("mac"), picture("one"))
    main = threading.Thread(target=icon.run, args=(view.attach,))
    main.start()
    wait_for(lambda: not mac.button.hidden)
    view.show(picture("two", "New title"))
    wait_for(lambda: mac.menu is not None and mac.menu.items[0].title == "two")
    assert mac.menu is not None
    assert mac.button.tooltip == "New title"
    assert [item.title for item in mac.menu.items] == ["two", "---", "Open dashboard", "Settings"]
    assert mac.menu.items[3].submenu is not None
    assert mac.menu.items[3].submenu.items[0].checked

    mac.calls.put(mac.menu.items[2].click)
    wait_for(lambda: chosen == ["open_dashboard"])

    view.stop()
    main.join(30)
    assert not main.is_alive()
    assert mac.removed
    assert mac.policy == "NSApplicationActivationPolicyAccessory"


def test_the_image_has_twice_as_many_pixels_as_points(mac: SimulatedMac) -> None:
    view = View(lambda action, value: None)
    icon = view.make_icon(tray_host.icon_class("mac"), picture("one"))
    main = threading.Thread(target=icon.run, args=(view.attach,))
    main.start()
    wait_for(lambda: not mac.button.hidden)
    view.stop()
    main.join(30)
    assert mac.button.image is not None
    assert mac.button.image.size == (22, 22)
    assert PIL.Image.open(io.BytesIO(mac.button.image.data)).width == 44


def test_signals_and_log_out_reach_us(mac: SimulatedMac, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    view = View(lambda action, value: None)
    icon = view.make_icon(tray_host.icon_class("mac"), picture("one"))
    icon.on_log_out = lambda: ended.append("log-out")
    main = threading.Thread(target=icon.run, args=(view.attach,))
    main.start()
    wait_for(lambda: not mac.button.hidden)
    assert {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} <= set(mac.signals)
    mac.observers["NSApplicationWillTerminateNotification"](None)
    assert ended == ["log-out"]
    view.stop()
    main.join(30)
