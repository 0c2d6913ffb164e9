"""The environment for programs that are not ours. A leaf."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def outside_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for programs that are not ours.

    A PyInstaller program finds its own libraries through LD_LIBRARY_PATH, which would break theirs; the
    bootloader keeps the original beside it (https://pyinstaller.org, "LD_LIBRARY_PATH / LIBPATH
    considerations").
    """
    found = dict(os.environ if environ is None else environ)
    if getattr(sys, "frozen", False):
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH"):
            original = found.pop(f"{name}_ORIG", None)
            found.pop(name, None)
            if original:
                found[name] = original
    return found
