"""Which Chromium the page's tests and pictures use, and how it is started."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from playwright.sync_api import Page

# No sandbox, since tests may run as root in a container; the rest keeps the browser from asking the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
Open = Callable[..., Page]


def find_chromium() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)
