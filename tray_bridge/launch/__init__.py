"""The first second: what is imported when, and every change that Tray Bridge makes to its process as a whole.

`main` calls `begin` first of all, on the main thread. A program that embeds the server does not, so nothing of its
process is changed. `TRAY_BRIDGE_PLAIN_START=1` switches everything in this table off, to find out whether a fault is
one of its.

| what | where | it saves |
| --- | --- | --- |
| the SDK without `mcp` and `jsonschema` | `fast_imports.import_sdk` | 695 ms and 40 MB |
| FastAPI's models built when they are used | `fast_imports.import_fastapi` | 31 ms |
| the first worker starts before settings are read | `server.early_worker` | only where a core is free |
| loaded objects frozen, rarer collections | `collector.settle` | pauses in streams; no launch time |

The times are processor time on two cores, the least of 7 (SDK) and 15 runs. What saved less than 30 ms is gone: no
plugins of pydantic (9), no collection while the app is loaded (16), pydantic 1 hidden from FastAPI (18),
OpenTelemetry hidden from the SDK (11), `importlib.metadata` hidden from the SDK (0).
"""

from __future__ import annotations

import os

PLAIN_VARIABLE = "TRAY_BRIDGE_PLAIN_START"
_has_begun = False


def begin() -> None:
    """Allow the changes of this package in this process. For the main thread, before any other thread is there."""
    global _has_begun
    _has_begun = True


def is_plain() -> bool:
    """Return whether a person wants a start without any trick."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


def is_fast() -> bool:
    """Return whether this process is Tray Bridge's own, and started in the usual way."""
    return _has_begun and not is_plain()
