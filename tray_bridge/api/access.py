"""Access control: Host, Origin and API key are checked before anything else of the app runs.

Every program of the machine can reach 127.0.0.1, and so can every web page in its browser. Three checks:

- `Host` must name this machine: a page whose name was re-pointed to 127.0.0.1 (DNS rebinding) sends its own name.
- `Origin`, which browsers add to whatever a page sends, must be our own page's, one that the settings allow, or a page
  of this machine (`origins`), which may use the API alone; `null` is refused. This holds for requests without preflight
  too. Where a browser sends no Origin, `Sec-Fetch-Site` is checked.
- An API key, where one is needed: always on other than loopback, and everywhere once keys exist.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import AccessDeniedError, InvalidKeyError, SettingsError, TrayBridgeError
from ..machine.bridge_address import is_loopback
from .errors import error_response
from .origins import NO_ORIGINS, console_header, is_api, is_local_host, is_local_origin, spoken
from .paths import is_page

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
EXPOSED_HEADERS = (
    "x-request-id, request-id, openai-processing-ms, retry-after, retry-after-ms, x-should-retry, x-bridge-ignored, "
    "x-bridge-token-count"
)
LONGEST_KEY = 512  # characters: no key of ours is longer
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]/@]+)(:\d{0,5})?")
_HEADER_LIST = re.compile(r"[\w\-, ]{1,2000}", re.ASCII)


class AccessSettings(Protocol):
    """The part of the settings that is needed here."""

    @property
    def host(self) -> str:
        """Return the address that the server listens on."""
        ...

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Return the web origins that may call, exactly as a browser sends them."""
        ...

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Return the names that a Host header may have, besides this machine's own."""
        ...


def check_exposure(settings: AccessSettings, has_keys: bool) -> None:
    """Raise SettingsError if other machines could use the server without a key."""
    if is_loopback(settings.host) or has_keys:
        return
    raise SettingsError(
        f"host is {settings.host}, which other machines can reach, and there is no API key: "
        "anyone there could use your Claude account.",
        hint="Make a key with `tray-bridge key make NAME`, or set host to 127.0.0.1.",
    )


class ForeignPageError(AccessDeniedError):
    """A web page that may not use the server; `origin` is as the browser sent it."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"The page {spoken(origin)} may not use this server.",
            hint="If you trust it, add exactly this to allowed_origins in the settings.",
        )
        self.origin = origin


class AccessMiddleware:
    """Refuse requests that fail a check, answer preflights, and name in each answer the one origin that may read it.

    `verify_key` gives the name of a key or None, in constant time. `has_keys` tells whether there are keys: then each
    request needs one. `scope["state"]["key_name"]` gets the key's name; the key itself is not kept. `refused` is called
    with each origin that is refused. `allowed_origins` gives those of the moment, if they may change while the server
    runs. `keys_problem` tells why the keys cannot be read: then all requests are refused, with that reason.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: AccessSettings,
        verify_key: Callable[[str], str | None],
        has_keys: Callable[[], bool],
        open_paths: Collection[str] = ("/health",),
        refused: Callable[[str], None] = lambda _origin: None,
        is_same_user: Callable[[Scope], bool] = lambda scope: True,
        allowed_origins: Callable[[], Collection[str]] | None = None,
        keys_problem: Callable[[], TrayBridgeError | None] = lambda: None,
    ) -> None:
        self.app = app
        self._keys_problem = keys_problem
        self._refused = refused
        self._verify_key = verify_key
        self._has_keys = has_keys
        self._open_paths = frozenset(open_paths)
        self._is_same_user = is_same_user
        self._allowed_origins = allowed_origins or (lambda: settings.allowed_origins)
        self._loopback = is_loopback(settings.host)
        self._hosts = frozenset(_names_of_this_machine(settings.host, settings.allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":  # WebSockets are not served
                await send({"type": "websocket.close"})
            else:
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        foreign: str | None = None
        try:
            self._check_host(scope, headers)
            foreign = self._foreign_origin(scope, headers)
            if scope["method"] == "OPTIONS":
                await _with_headers(_options(headers), foreign)(scope, receive, send)
                return
            scope.setdefault("state", {})["key_name"] = self._check_key(scope, headers)
        except ForeignPageError as error:
            self._refused(error.origin)
            # An origin that no page has: no page can read the answer, but the browser's console shows it.
            await _with_headers(error_response(error, scope), console_header(error.origin))(scope, receive, send)
            return
        except TrayBridgeError as error:
            await _with_headers(error_response(error, scope), foreign)(scope, receive, send)
            return
        await _with_headers(self.app, foreign)(scope, receive, send)

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        values = headers.getlist("host")
        if not values and scope.get("http_version") == "1.0":
            return  # that version has no Host header, and no browser speaks it
        match = _HOST.fullmatch(values[0].lower()) if len(values) == 1 else None
        if match and (match[1] in self._hosts or is_local_host(match[1]) or self._is_own_address(scope, match[1])):
            return
        named = (values[0][:100] if values else "") or "nothing"
        raise AccessDeniedError(
            f"The Host header names {named}, which is not this machine.",
            hint="Use http://127.0.0.1, or add the name to allowed_hosts in the settings.",
        )

    def _is_own_address(self, scope: Scope, host: str) -> bool:
        """Off loopback, allow the address that the client connected to: a page cannot re-point an address."""
        server = scope.get("server")
        return not self._loopback and server is not None and host.strip("[]") == server[0]

    def _foreign_origin(self, scope: Scope, headers: Headers) -> str | None:
        """Return the foreign origin that may read the answer, or None without an Origin or for our own page."""
        origins = headers.getlist("origin")
        if not origins:
            self._check_fetch_site(scope, headers)
            return None
        if origins == [f"{scope['scheme']}://{headers.get('host', '')}"]:
            return None
        if len(origins) == 1 and (self._is_allowed(origins[0]) or self._is_local(scope, origins[0])):
            return origins[0]
        raise ForeignPageError(origins[0])

    def _is_allowed(self, origin: str) -> bool:
        return origin not in NO_ORIGINS and origin in self._allowed_origins()

    def _is_local(self, scope: Scope, origin: str) -> bool:
        """Return whether a page of this machine asks for the API. Always False where other machines can connect."""
        return self._loopback and is_local_origin(origin) and is_api(scope["path"])

    def _check_fetch_site(self, scope: Scope, headers: Headers) -> None:
        """Refuse what a foreign page loads as image, script or frame; allow it to link to our page.

        `same-site` counts as foreign: browsers send it for every other port of this machine.
        """
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return
        followed = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
        if not (followed and scope["method"] in ("GET", "HEAD")):
            raise AccessDeniedError("Another web page may not use this server.")

    def _is_open(self, path: str) -> bool:
        """Return whether no key is needed here. The page cannot send a key with its files: `page.access` guards its
        data.
        """
        return path in self._open_paths or is_page(path)

    def _check_key(self, scope: Scope, headers: Headers) -> str | None:
        if scope["path"] in self._open_paths:
            return None
        is_same_user = not self._loopback or self._is_same_user(scope)
        scope.setdefault("state", {})["is_same_user"] = is_same_user
        if (self._loopback and is_same_user and not self._has_keys()) or self._is_open(scope["path"]):
            return None
        candidates = [key for key in _sent_keys(headers) if len(key) <= LONGEST_KEY]
        for candidate in candidates:
            if name := self._verify_key(candidate):
                return name
        if is_same_user and (unreadable := self._keys_problem()):
            raise InvalidKeyError(unreadable.message, hint=unreadable.hint)
        problem = "The API key is not one of this server's." if candidates else "An API key is needed here."
        if not candidates and not is_same_user:
            problem = "This Tray Bridge belongs to another user: an API key of theirs is needed."
        raise InvalidKeyError(problem, hint="`tray-bridge key make NAME` makes one.")


def _names_of_this_machine(bound: str, allowed: Iterable[str]) -> Iterable[str]:
    yield from ("127.0.0.1", "localhost", "[::1]")
    if bound not in ("", "0.0.0.0", "::"):
        yield f"[{bound}]".lower() if ":" in bound and not bound.startswith("[") else bound.lower()
    if not is_loopback(bound):
        name = socket.gethostname().lower()
        yield from (name, f"{name.split('.')[0]}.local")
    for host in allowed:
        if match := _HOST.fullmatch(host.lower()):
            yield match[1]


def _sent_keys(headers: Headers) -> list[str]:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    sent = [
        bearer.strip() if scheme.lower() == "bearer" else "",
        headers.get("x-api-key", "").strip(),
        headers.get("api-key", "").strip(),
    ]
    return [key for key in dict.fromkeys(sent) if key]


def _options(headers: Headers) -> Response:
    """Answer a preflight, whose origin has been checked, with what it asks for; any other OPTIONS with the methods."""
    if "access-control-request-method" not in headers:
        return Response(status_code=204, headers={"allow": METHODS})
    answer = {"access-control-allow-methods": METHODS, "access-control-max-age": "600"}
    requested = headers.get("access-control-request-headers", "")
    if _HEADER_LIST.fullmatch(requested):
        answer["access-control-allow-headers"] = requested
    if headers.get("access-control-request-private-network") == "true":
        answer["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=answer)


def _with_headers(app: ASGIApp, foreign: str | None) -> ASGIApp:
    """Wrap `app` so that no foreign page can read its answer, except one of the origin `foreign`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                headers["cross-origin-resource-policy"] = "same-origin"
                headers["x-content-type-options"] = "nosniff"
                if foreign is not None:
                    headers["access-control-allow-origin"] = foreign
                    headers["access-control-expose-headers"] = EXPOSED_HEADERS
            await send(message)

        await app(scope, receive, mark)

    return answer
