"""A smoke on a real XFCE panel: the icon in every state, and the open menu, which changes under the eyes.

The pictures are kept in `.artifacts/tray/` for a person to look at; the best of them are in `docs/images/`.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageChops

from tests.desktop.real_panel import PANEL_HEIGHT, RealPanel
from tests.desktop.tray_app import REPOSITORY, free_port
from tray_bridge.desktop.icon import LOOKS

pytestmark = pytest.mark.skipif(
    not RealPanel.is_available(), reason="needs Debian's xvfb, openbox, xfce4-panel and dbus"
)
PICTURES = REPOSITORY / ".artifacts" / "tray"
LONG = 'standin: {"words": 150, "rate": 10}'  # an answer that lasts fifteen seconds
ADVANCED = 0.77  # of the menu's height
ICON = 24  # pixels of an icon on this panel


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"waited {timeout} s for {what}"
        time.sleep(0.1)


def keep(picture: Image.Image, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture.save(PICTURES / f"{name}.png")


@pytest.mark.parametrize(
    ("dark", "scale"),
    [
        pytest.param(False, 1, id="light", marks=pytest.mark.full),
        pytest.param(False, 2, id="light-2x", marks=pytest.mark.full),
        pytest.param(True, 2, id="dark-2x"),
    ],
)
def test_every_state_has_its_icon(tmp_path: Path, dark: bool, scale: int) -> None:
    with RealPanel(tmp_path / "desktop", dark=dark, scale=scale) as panel:
        for number, state in enumerate(reversed(LOOKS), 1):  # the newest stands left
            panel.start_python("tests.desktop.show_icon", state, environment={"PYSTRAY_BACKEND": "dummy"})
            wait_until(partial(_has_icons, panel, number), 60, f"icon {number}")
        time.sleep(0.5)
        whole, places = panel.panel_picture(), panel.icon_places()
        keep(whole.crop((places[0][0] - 20 * scale, 0, whole.width, whole.height)), f"states-{_name(dark, scale)}")
    half = ICON * scale // 2
    icons = [whole.crop((x - half, y - half, x + half, y + half)) for x, y in places]
    for index, icon in enumerate(icons):
        for other in icons[index + 1 :]:
            assert ImageChops.difference(icon, other).getbbox() is not None


def test_the_menu_opens_and_changes_while_it_is_open(tmp_path: Path) -> None:
    port = free_port()
    with RealPanel(tmp_path / "desktop", scale=2, size="1400x900") as panel:
        environment = {
            "TRAY_BRIDGE_HOME": str(tmp_path / "tray"),
            "PORT": str(port),
            "POOL_SIZE": "1",
        }
        app = panel.start_python("tray_bridge", "--demo", environment=environment)
        wait_until(partial(_has_icons, panel, 1), 60, "the icon")
        wait_until(lambda: _pool_is_ready(port), 60, f"a ready pool; {panel.errors.read_text()}")
        time.sleep(1.5)
        closed = panel.picture()
        panel.click(panel.icon_places()[0], button=3)
        time.sleep(1)
        opened = panel.picture()
        left, top, right, foot = ImageChops.difference(closed, opened).getbbox() or (0, 0, 0, 0)
        assert foot - top > 300, "a menu is higher than that"
        inside = (left + 5, PANEL_HEIGHT * 2 + 5, right - 5, foot - 5)
        framed = (left - 40, 0, closed.width, foot + 30)
        keep(opened.crop(framed), "menu")

        body = {"model": "sonnet", "stream": True, "messages": [{"role": "user", "content": LONG}]}
        url = f"http://127.0.0.1:{port}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, timeout=30, headers={"user-agent": "curl/8"}) as answer:
            lines = answer.iter_lines()  # kept: without it the client hangs up
            next(lines)
            time.sleep(2.5)
            changed = panel.picture().crop(inside)
            assert ImageChops.difference(changed, closed.crop(inside)).getbbox(), "it closed"
            assert ImageChops.difference(changed, opened.crop(inside)).getbbox(), "it is as it was"
            # Over "Advanced", whose place in the menu is where it is since the menu has its order.
            panel.move((left + 100, top + round((foot - top) * ADVANCED)))
            time.sleep(1.5)
            keep(panel.picture().crop((max(0, left - 560), 0, closed.width, closed.height)), "menu-busy")
        app.send_signal(signal.SIGTERM)
        assert app.wait(30) == 0


def _has_icons(panel: RealPanel, number: int) -> bool:
    return len(panel.icon_places()) == number


def _pool_is_ready(port: int) -> bool:
    try:
        status = httpx.get(f"http://127.0.0.1:{port}/status", timeout=30).json()
    except httpx.HTTPError:
        return False
    return bool(status["state"] == "ready" and status["pool"]["warm"] + status["pool"]["fitting"] == 1)


def _name(dark: bool, scale: int) -> str:
    return ("dark" if dark else "light") + ("-2x" if scale == 2 else "")
