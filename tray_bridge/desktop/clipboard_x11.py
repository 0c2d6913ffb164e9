"""The X11 clipboard without a command: a window of ours owns it and sends the text to programs that paste.

The protocol: ICCCM, "Peer-to-Peer Communication by Means of Selections". The text is there for as long as Tray Bridge
runs and nothing else is copied; xclip's outlives it, so that is tried first.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from Xlib import X, Xatom
from Xlib.display import Display
from Xlib.error import ConnectionClosedError, DisplayError
from Xlib.protocol import event as events


def own_selection(text: str) -> bool:
    """Take the clipboard and serve it from a thread until another program takes it; return whether that worked."""
    try:
        display = Display()
    except (DisplayError, OSError):
        return False
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    clipboard = display.intern_atom("CLIPBOARD")
    window.set_selection_owner(clipboard, X.CurrentTime)
    if display.get_selection_owner(clipboard) != window:
        display.close()
        return False
    threading.Thread(target=_serve, args=(display, text.encode()), name="clipboard", daemon=True).start()
    return True


def _serve(display: Any, text: bytes) -> None:
    try:
        while True:
            event = display.next_event()
            if event.type == X.SelectionClear:
                return
            if event.type == X.SelectionRequest:
                _hand_over(display, event, text)
    except (OSError, ConnectionClosedError):
        return  # the display has gone
    finally:
        with suppress(OSError, ConnectionClosedError):
            display.close()


def _hand_over(display: Any, request: Any, text: bytes) -> None:
    utf8, targets = display.intern_atom("UTF8_STRING"), display.intern_atom("TARGETS")
    place = request.property or request.target  # an old client names no property
    if request.target == targets:
        request.requestor.change_property(place, Xatom.ATOM, 32, [targets, utf8, Xatom.STRING])
    elif request.target in (utf8, Xatom.STRING):
        request.requestor.change_property(place, request.target, 8, text)
    else:
        place = X.NONE
    request.requestor.send_event(
        events.SelectionNotify(
            time=request.time,
            requestor=request.requestor,
            selection=request.selection,
            target=request.target,
            property=place,
        )
    )
    display.flush()
