"""The icon on macOS: pystray's, with all changes on the main thread, sharp at 2x, and a clean end."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from typing import Any

import AppKit
import Foundation
import PyObjCTools.MachSignals
from PyObjCTools import AppHelper
from pystray import _darwin

from ...machine.signals import end_signals


class Icon(_darwin.Icon):  # type: ignore[misc]  # pystray has no types
    """pystray's icon; `on_log_out` is called when the system ends the app, which then has a few seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_log_out: Callable[[], None] = lambda: None
        self._app.setActivationPolicy_(AppKit.NSApplicationActivationPolicyAccessory)  # no icon in the Dock

    def on_ui_thread(self, call: Callable[[], None]) -> None:
        """Run `call` on the main thread: AppKit ends the process when anything else touches the icon."""
        AppHelper.callAfter(call)

    def _run(self) -> None:
        """pystray's own would let SIGINT end the process on the spot, with the server still up."""
        self._mark_ready()
        # The event loop is not Python's: only Mach signals reach a handler during it.
        for number in end_signals():
            PyObjCTools.MachSignals.signal(number, signal.getsignal(number))
        Foundation.NSNotificationCenter.defaultCenter().addObserverForName_object_queue_usingBlock_(
            AppKit.NSApplicationWillTerminateNotification, None, None, lambda _: self.on_log_out()
        )
        try:
            self._app.run()
        finally:
            self._status_bar.removeStatusItem_(self._status_item)

    def _assert_image(self) -> None:
        """Set the image at twice the bar's height in pixels, and at its height in points."""
        points = int(self._status_bar.thickness())
        drawn = (*self._icon.info.get("sizes", ()), self._icon)
        source = next((image for image in drawn if image.width >= 2 * points), self._icon)
        png = io.BytesIO()
        source.save(png, "png")
        image = AppKit.NSImage.alloc().initWithData_(Foundation.NSData(png.getvalue()))
        image.setSize_((points, points))
        self._icon_image = image
        self._status_item.button().setImage_(image)
