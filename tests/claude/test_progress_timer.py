"""When a turn is late: after a silence of Claude, not of the client."""

from __future__ import annotations

import asyncio

from tray_bridge.claude.mailbox import Mailbox
from tray_bridge.claude.progress_timer import ProgressTimer


async def test_claude_is_not_late_while_something_of_it_is_still_to_be_read() -> None:
    unread: Mailbox[str] = Mailbox()
    late = asyncio.Event()
    timer = ProgressTimer(late.set, lambda: not unread.empty())
    unread.put_nowait("a word")
    timer.start(0.02)
    await asyncio.sleep(0.1)
    assert not late.is_set()
    unread.get_nowait()
    await asyncio.wait_for(late.wait(), 30)


async def test_a_timer_that_is_cancelled_says_nothing() -> None:
    late = asyncio.Event()
    timer = ProgressTimer(late.set, lambda: False)
    timer.start(0.02)
    timer.cancel()
    await asyncio.sleep(0.1)
    assert not late.is_set()
