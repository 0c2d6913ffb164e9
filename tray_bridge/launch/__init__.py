"""The first second: what is imported when, and every change that Tray Bridge makes to its process as a whole.

`main` calls `begin` first of all, on the main thread. A program that embeds the server does not, so nothing of its
process is changed. `TRAY_BRIDGE_PLAIN_START=1` switches everything in this table off, to find out whether a fault is
one of its; `TRAY_BRIDGE_PLAIN_START=sdk` switches off one, or several with commas between them.

| name | what | where | it saves |
| --- | --- | --- | --- |
| `sdk` | the SDK without `mcp` and `jsonschema` | `fast_imports.import_sdk` | 562 ms |
| `early-worker` | a worker starts before settings are read | `server.early_worker` | 105 ms |
| `models` | FastAPI's models of a description, built at their use | `fast_imports.import_fastapi` | 51 ms |
| `collector` | loaded objects frozen, rarer collections | `collector.settle` | 28 ms in streams, per collection |

The times are from launch to the first token, on two cores, the median of 9 pairs; the collector's is what each full
collection would hold up every stream. `python -m tests.bench tricks --lines` measures them. What saved less than 30 ms
is gone: pydantic 1 hidden from FastAPI (18), no collection while the app is loaded (16), OpenTelemetry hidden from the
SDK (11), no plugins of pydantic (9), `importlib.metadata` hidden from the SDK (0).
"""

from __future__ import annotations

import os

from . import fast_imports

PLAIN_VARIABLE = "TRAY_BRIDGE_PLAIN_START"
TRICKS = frozenset({"sdk", "models", "early-worker", "collector"})
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


def import_fastapi() -> None:
    """Import FastAPI in the way that this process starts. From any thread."""
    if is_used("models"):
        fast_imports.import_fastapi()
