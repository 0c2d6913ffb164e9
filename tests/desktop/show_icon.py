"""A program that shows the icon in one state, until it is ended: `python show_icon.py STATE`."""

from __future__ import annotations

import signal
import sys
from typing import Any, cast

from tray_bridge.desktop import tray_host
from tray_bridge.desktop.icon import IconState
from tray_bridge.desktop.menu import Item
from tray_bridge.desktop.view import Picture, View


def show(state: IconState) -> None:
    view = View(lambda action, value: None)
    icon: Any = view.make_icon(
        tray_host.icon_class(tray_host.probe().kind), Picture((Item(state, "nothing"),), state, state)
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    icon.run(setup=view.attach)


if __name__ == "__main__":
    show(cast(IconState, sys.argv[1]))
