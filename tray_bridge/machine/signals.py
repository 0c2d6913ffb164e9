"""The signals that end the program. A leaf. For the main thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def end_signals() -> list[signal.Signals]:
    """List the signals of this system that end the program, without those that were ignored when it began.

    `nohup` ignores SIGHUP, and it stays ignored.
    """
    there = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    return [number for number in there if signal.getsignal(number) != signal.SIG_IGN]


def on_end_signal(end: Callable[[], None]) -> None:
    """Call `end` at the first signal. A second Ctrl+C ends the process at once.

    CLI processes that are left then are ended by the guard of `claude.orphans`.
    """
    interrupts = 0

    def handle(number: int, _frame: object) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if interrupts > 1:
            os._exit(INTERRUPTED)
        end()

    for number in end_signals():
        signal.signal(number, handle)
