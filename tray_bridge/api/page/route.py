"""What all of the page's routes share: their headers, how their bodies are read, and their 404."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Scope

from ...errors import InvalidRequestError
from ...turns import JsonObject
from ..body import read_json_body
from ..json_response import JsonResponse

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
BODY_MEGABYTES = 1
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class PageRoute(APIRoute):
    """Add the page's headers to every answer, and read each body with a limit."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler, so that it gets a body that has been read, and each answer the headers."""
        handle = super().get_route_handler()

        async def with_headers(request: Request) -> Response:
            refused = None
            if self.body_field is not None:
                body = None  # no route's body is optional, so that none runs without it
                try:
                    body = await read_json_body(request, limit_megabytes=BODY_MEGABYTES)
                except InvalidRequestError as error:
                    refused = error
                request = _Understood(request.scope, body)
            try:
                response: Response = await handle(request)
            except RequestValidationError:  # the guard has let it in
                if refused is None:
                    raise
                raise refused from None
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return with_headers


class _Understood(Request):
    """A request whose body has been read, by the rules of all other bodies and whatever its content type."""

    def __init__(self, scope: Scope, body: JsonObject | None) -> None:
        headers = [header for header in scope["headers"] if header[0] != b"content-type"]
        super().__init__({**scope, "headers": [*headers, (b"content-type", b"application/json")]})
        self._understood = body

    async def body(self) -> bytes:
        """Return what says that there is a body."""
        return b"{}"

    async def json(self) -> JsonObject | None:
        """Return the body; None if it could not be read."""
        return self._understood


def missing(message: str) -> JsonResponse:
    """Make a 404."""
    error = {
        "title": "Not found",
        "message": message,
        "hint": "",
        "type": "not_found",
        "param": None,
        "code": None,
    }
    return JsonResponse({"error": error}, 404)
