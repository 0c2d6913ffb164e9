"""Access to the page: for a person at this machine, and for no other web page.

The page shows whole conversations, so these checks come after those of `api.access`. Only this machine may connect,
under a name that is only this machine's (a container uses `host.docker.internal`). No other origin may, not even one
that may use the API. A change needs a header that a foreign form cannot send. Once API keys exist, one is needed, or
the pass with which the tray opens the page: either is exchanged for a cookie that is valid as long as the server runs.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable

from fastapi import Request
from starlette.responses import Response

from ...errors import AccessDeniedError, InvalidKeyError
from ...machine.bridge_address import OWN_NAMES, is_loopback

OWN_HEADER = "x-tray-bridge"
_OWN_NAMES = re.compile(OWN_NAMES)
_READING = ("GET", "HEAD")


class DashboardAccess:
    """Check requests for the page. `verify_key` and `has_keys` are as in `AccessMiddleware`. Safe from any thread."""

    def __init__(self, verify_key: Callable[[str], str | None], has_keys: Callable[[], bool]) -> None:
        self._verify_key = verify_key
        self.has_keys = has_keys
        self._session = secrets.token_urlsafe(32)
        self.page_key = "page-" + secrets.token_urlsafe(32)  # with it the page asks questions
        self._passes: set[str] = set()
        self._lock = threading.Lock()

    def issue_pass(self) -> str:
        """Make a pass that opens the page once, for `/dashboard?pass=…`."""
        with self._lock:
            self._passes.add(new := secrets.token_urlsafe(32))
        return new

    def check_place(self, request: Request) -> None:
        """Raise AccessDeniedError unless the request comes from this machine, and from our own page or by hand."""
        headers = request.headers
        peer = request.client.host if request.client else ""
        host = headers.get("host", "").lower()
        if not is_loopback(peer) or not _OWN_NAMES.fullmatch(host):
            raise AccessDeniedError(
                "The page can be seen only on the machine where Tray Bridge runs.",
                hint="Open http://127.0.0.1 with this server's port there.",
            )
        origin = headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{host}":
            raise AccessDeniedError("Other web pages may not read this one.")
        if request.method not in _READING and headers.get(OWN_HEADER) != "1":
            raise AccessDeniedError(f"A change needs the header {OWN_HEADER}: 1.")

    def check_person(self, request: Request) -> None:
        """Raise InvalidKeyError if keys exist and the browser has not sent one. For all that is private."""
        cookie = request.cookies.get(self._cookie_name(request), "")
        is_same_user = request.scope.get("state", {}).get("is_same_user", True)
        needs_one = self.has_keys() or not is_same_user
        if needs_one and not secrets.compare_digest(cookie.encode(), self._session.encode()):
            raise InvalidKeyError("This server has API keys: the page needs one of them.")

    def sign_in(self, request: Request, response: Response, key: str) -> None:
        """Set the cookie for a browser that sends a valid key; raises InvalidKeyError."""
        if self._verify_key(key) is None:
            raise InvalidKeyError("The API key is not one of this server's.")
        self._set_cookie(request, response)

    def redeem(self, request: Request, response: Response, given: str) -> bool:
        """Set the cookie for a browser that sends an unused pass."""
        with self._lock:
            known = given in self._passes
            self._passes.discard(given)
        if known:
            self._set_cookie(request, response)
        return known

    def _set_cookie(self, request: Request, response: Response) -> None:
        name = self._cookie_name(request)
        response.set_cookie(name, self._session, path="/dashboard", httponly=True, samesite="strict")

    def _cookie_name(self, request: Request) -> str:
        # Cookies ignore ports, and two servers on one machine must not overwrite each other's.
        return f"tray_bridge_{request.url.port}"
