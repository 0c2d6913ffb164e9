"""Which web origins and host names belong to this machine, and which pages were refused.

A page that this machine serves, or an app that is installed on it, may use the API. Any other site, or a browser
extension, may do so only once `allowed_origins` names it. A refused page sees only a network error. So each refusal is
kept for log, status, page and tray, and is also in the one header whose value browsers print in their console.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection

from ..bridge import all_dialects
from ..machine.bridge_address import OWN_NAMES, leads_here
from ..snapshots import RefusedPage

logger = logging.getLogger(__name__)

_LOOPBACK_PAGE = re.compile(rf"https?://{OWN_NAMES}")
_APP = re.compile(
    r"app://obsidian\.md|vscode-webview://[a-z0-9-]{1,64}|vscode-file://vscode-app|tauri://localhost"
    r"|https?://tauri\.localhost"
)
# The names by which a container reaches the machine that runs it. Public DNS has no names in `.internal`.
_CONTAINER_HOSTS = frozenset(
    """
    host.docker.internal gateway.docker.internal host.containers.internal host.orb.internal host.lima.internal
    host.rancher-desktop.internal
    """.split()
)
_SHORT_LOOPBACK = re.compile(r"127(\.\d{1,8}){1,2}")  # `127.1`, as inet_aton reads it
MOST_REMEMBERED = 20
LOG_EVERY = 60.0  # seconds, for one page
NO_ORIGINS = frozenset({"null", "*"})  # ignored in the settings
LONGEST_ORIGIN = 100


def is_local_origin(origin: str) -> bool:
    """Return whether the page was served by this machine, or is part of an app on it."""
    return bool(_LOOPBACK_PAGE.fullmatch(origin) or _APP.fullmatch(origin))


def is_local_host(host: str) -> bool:
    """Return whether every resolver takes the name for this machine, or only a container resolves it.

    An address cannot be re-pointed.
    """
    name = host.lower().removesuffix(".") if not host.endswith("..") else host
    return name in _CONTAINER_HOSTS or leads_here(name) or _SHORT_LOOPBACK.fullmatch(name) is not None


def is_api(path: str) -> bool:
    """Return whether a local page may use the path: the API only, without the page and `/status`."""
    if path in ("/", "/health") or (path.startswith(("/v1/", "/api/")) and not path.endswith("/status")):
        return True
    return any(path in dialect.paths for dialect in all_dialects.DIALECTS)


def spoken(origin: str) -> str:
    """Give an origin in a form that a message and a header may hold."""
    return re.sub(r"[^!-~]", "?", origin[:LONGEST_ORIGIN]) or "?"


def console_header(origin: str) -> str:
    """Make a value of `access-control-allow-origin` that matches no origin, and that the browser's console shows."""
    if origin == "null":
        return "Tray Bridge refuses pages without an origin"
    return f"Tray Bridge: to allow this page, add {spoken(origin)} to allowed_origins in its settings"


class RefusedPages:
    """Keep the pages that were refused, newest last. Use in the server's event loop only."""

    def __init__(self, changed: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.time) -> None:
        self._changed = changed
        self._clock = clock
        self._pages: OrderedDict[str, RefusedPage] = OrderedDict()
        self._logged: dict[str, float] = {}

    def add(self, origin: str) -> None:
        """Remember a refusal, and log it at most once a minute for each page."""
        origin, now = spoken(origin), self._clock()
        before = self._pages.pop(origin, None)
        self._pages[origin] = RefusedPage(origin, now, (before.count if before else 0) + 1)
        if now - self._logged.get(origin, 0.0) >= LOG_EVERY:
            self._logged[origin] = now
            advice = "It cannot be allowed." if origin == "null" else f"To allow it: allowed_origins = [{origin!r}]"
            logger.warning("Refused the page %s. %s", origin, advice)
        while len(self._pages) > MOST_REMEMBERED:
            gone, _ = self._pages.popitem(last=False)
            self._logged.pop(gone, None)
        self._changed()

    def snapshot(self, allowed: Collection[str] = ()) -> tuple[RefusedPage, ...]:
        """Those that are not `allowed` meanwhile."""
        return tuple(page for page in self._pages.values() if page.origin not in allowed)
