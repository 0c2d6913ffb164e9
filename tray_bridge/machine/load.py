"""How long a program may take on this machine now: longer where there is more work than cores."""

from __future__ import annotations

import os

MOST = 8.0  # times as long, at most


def stretched(seconds: float, most: float = MOST) -> float:
    """Give a time limit that was meant for a quiet machine, as it is where the load exceeds the cores.

    A process that gets a tenth of its time is slow, not broken: killing it would add the start of another to the load.
    """
    if not hasattr(os, "getloadavg"):
        return seconds  # Windows counts no load
    return seconds * min(most, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
