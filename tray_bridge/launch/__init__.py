"""The first second: what is imported when, and every change that Tray Bridge makes to its process as a whole.

`main` calls `begin` first of all, on the main thread. A program that embeds the server does not, so nothing of its
process is changed. `TRAY_BRIDGE_PLAIN_START=1` switches everything in this table off, to find out whether a fault is
one of its; `TRAY_BRIDGE_PLAIN_START=sdk` switches off one, or several with commas between them.

| name | what | where | it saves |
| --- | --- | --- | --- |
| `sdk` | the SDK without `mcp`, `jsonschema`, `importlib.metadata` | `fast_imports.import_sdk` | 444 ms |
| `early-worker` | a worker starts before settings are read | `server.early_worker` | 102 ms |
| `models` | FastAPI's models of a description, built at their use | `fast_imports.import_fastapi` | 28 ms |
| `collector` | rare collections, without what was loaded | here, and `collector.settle` | 21 ms, and 21 a collection |

The times are from launch to the first token, on two cores, the median of 9 pairs in one run; a collection would hold
up every stream for its time. `python -m tests.bench tricks --lines` measures them. The last two are below the 30 ms
that a trick should save: together they keep the launch within 5 % of what it was before there were five dialects.
What saved still less is gone: pydantic 1 hidden from FastAPI (18), OpenTelemetry hidden from the SDK (11), no plugins
of pydantic (9).
"""

from __future__ import annotations

import gc
import os

from . import fast_imports

PLAIN_VARIABLE = "TRAY_BRIDGE_PLAIN_START"
TRICKS = frozenset({"sdk", "models", "early-worker", "collector"})
THRESHOLD = 20_000  # allocations between two collections: only cycles need one, and those of the start find nothing
_has_begun = False


def begin() -> None:
    """Allow the changes of this package in this process. For the main thread, before any other thread is there."""
    global _has_begun
    _has_begun = True
    if is_used("sdk"):
        fast_imports.install()
    if is_used("collector"):
        gc.set_threshold(THRESHOLD)


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


def import_fastapi() -> None:
    """Import FastAPI in the way that this process starts. From any thread."""
    if is_used("models"):
        fast_imports.import_fastapi()
