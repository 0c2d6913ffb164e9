"""The signals that end the program. A leaf. For the main thread."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def on_end_signal(end: Callable[[], None]) -> None:
    """Call `end` at the first signal. A second Ctrl+C ends the process at once.

    CLI processes that are left then are ended by the guard of `claude.orphans`. A signal that was ignored when the
    program began, as `nohup` ignores SIGHUP, stays ignored.
    """
    interrupts = 0

    def handle(number: int, _frame: object) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if interrupts > 1:
            os._exit(INTERRUPTED)
        end()

    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
