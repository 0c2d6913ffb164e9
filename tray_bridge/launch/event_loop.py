"""The event loop that the server runs in: the fastest there is, and one that can have child processes."""

from __future__ import annotations

import asyncio
import contextlib
import sys


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make the event loop of the server: uvloop where it is installed."""
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.new_event_loop()
        return asyncio.new_event_loop()
    return asyncio.ProactorEventLoop()
