"""What all of the page's routes share: their headers, and their 404."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from ..json_response import JsonResponse

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
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
    """Add the page's headers to every answer."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler, so that each answer gets the headers."""
        handle = super().get_route_handler()

        async def with_headers(request: Request) -> Response:
            response: Response = await handle(request)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return with_headers


def missing(message: str) -> JsonResponse:
    """Make a 404."""
    error = {"title": "Not found", "message": message, "type": "not_found", "param": None, "code": None}
    return JsonResponse({"error": error}, 404)
