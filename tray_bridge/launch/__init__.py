"""The first second: what is imported when, and every change that Tray Bridge makes to its process as a whole.

`main` calls `begin` first of all, on the main thread. A program that embeds the server does not, so nothing of its
process is changed. `TRAY_BRIDGE_PLAIN_START=1` switches everything in this table off, to find out whether a fault is
one of its; `TRAY_BRIDGE_PLAIN_START=sdk` switches off one, or several with commas between them.

| name | what | where | it saves |
| --- | --- | --- | --- |
| `sdk` | the SDK without `mcp` and `jsonschema` | `fast_imports.import_sdk` | 695 ms and 40 MB |
| `early-worker` | a worker starts before settings are read | `server.early_worker` | only where a core is free |
| `collector` | loaded objects frozen, rarer collections | `collector.settle` | pauses in streams; no launch time |

The times are processor time on two cores, the least of 7 (SDK) and 15 runs. `python -m tests.bench tricks` measures
each. What saved less than 30 ms is gone: FastAPI's models built when they are used (24), pydantic 1 hidden from
FastAPI (18), no collection while the app is loaded (16), OpenTelemetry hidden from the SDK (11), no plugins of
pydantic (9), `importlib.metadata` hidden from the SDK (0).
"""

from __future__ import annotations

import os

from . import fast_imports

PLAIN_VARIABLE = "TRAY_BRIDGE_PLAIN_START"
TRICKS = frozenset({"sdk", "early-worker", "collector"})
_has_begun = False


def begin() -> None:
    """Allow the changes of this package in this process. For the main thread, before any other thread is there."""
    global _has_begun
    _has_begun = True
    if is_used("sdk"):
        fast_imports.install()


def switched_off() -> frozenset[str]:
    """Return the tricks that a person does not want: those that the variable names, or all for any other value."""
    value = os.environ.get(PLAIN_VARIABLE, "").strip()
    if value in ("", "0"):
        return frozenset()
    named = frozenset(name.strip() for name in value.split(","))
    return TRICKS if named - TRICKS else named


def is_used(trick: str) -> bool:
    """Return whether this process is Tray Bridge's own, and this trick is not switched off."""
    return _has_begun and trick not in switched_off()
