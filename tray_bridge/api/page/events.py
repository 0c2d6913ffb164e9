"""The page's event stream: snapshots, and the last hour's figures.

Owns how often events are sent. Knows the server only as a `ServerView`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from ...bridge.frames import encode_json
from ...doctor.health import Health, health_of
from ...snapshots import ServerSnapshot
from ..services import ServerView
from .last_hour import LastHour
from .snapshot import page_snapshot

LEAST_PAUSE = 0.25
"""Seconds between two snapshots at least: a person sees no more."""
POLL = 1.0
"""Seconds after which the state is read without a notice of a change."""
LAST_HOUR_PAUSE = 2.0
LAST_HOUR_REFRESH = 30.0


async def page_events(server: ServerView, last_hour: LastHour) -> AsyncIterator[bytes]:
    """Yield snapshots as they change, and the last hour's figures; ends when the server stops."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake(_snapshot: ServerSnapshot) -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = server.subscribe(wake)
    sent: tuple[ServerSnapshot, Health] | None = None
    version, due = -1, 0.0
    try:
        while True:
            changed.clear()
            snapshot = server.snapshot()
            health = health_of(snapshot)
            if (snapshot, health) != sent:
                sent = (snapshot, health)
                yield _event("snapshot", page_snapshot(snapshot, health))
            now = time.monotonic()
            if now >= due and (last_hour.version != version or now >= due + LAST_HOUR_REFRESH):
                version, due = last_hour.version, now + LAST_HOUR_PAUSE
                yield _event("last_hour", last_hour.as_json())
            if snapshot.state in ("stopping", "stopped"):
                return
            await asyncio.sleep(LEAST_PAUSE)
            await _wait(changed, POLL if not snapshot.requests else LEAST_PAUSE)
    finally:
        unsubscribe()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting}, timeout=seconds)
    finally:
        waiting.cancel()


def _event(name: str, value: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode_json(value))
