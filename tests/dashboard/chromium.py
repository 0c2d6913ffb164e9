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
    # One process for all pages: to start one for each takes a fifth of a page's time.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
]
# The first is the same browser without its windows, which takes a third less.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
Open = Callable[..., Page]


def find_chromium() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)
