"""The page's files, and the routes that take a pass or a key. Everybody at this machine may load them."""

from __future__ import annotations

import hashlib
import html
import json

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import RedirectResponse, Response

from ...bridge import all_dialects
from ...machine.paths import resource
from ..json_response import JsonResponse
from .access import DashboardAccess
from .route import PageRoute, missing

NO_DIALECTS = b'<meta name="dialects" content="{}">'
STATIC_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def static_router(access: DashboardAccess) -> APIRouter:
    """Make the routes of the page's files and of its sign-in."""
    router = APIRouter(
        route_class=PageRoute, include_in_schema=False, prefix="/dashboard", dependencies=[Depends(access.check_place)]
    )
    static = _static_files()
    whole_page = with_dialects(static["index.html"].content)

    @router.get("")
    @router.get("/")
    def page(request: Request) -> Response:
        if given := request.query_params.get("pass"):
            response: Response = RedirectResponse("/dashboard", status_code=303)
            access.redeem(request, response, given)
            return response
        return Response(whole_page, media_type="text/html")

    @router.get("/static/{name}")
    def static_file(request: Request, name: str) -> Response:
        if name not in static:
            return missing("There is no such file.")
        file = static[name]
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers={"etag": file.etag, "cache-control": "no-cache"})
        headers = {"etag": file.etag, "cache-control": "no-cache"}
        return Response(file.content, media_type=file.media_type, headers=headers)

    @router.post("/api/sign-in")
    def sign_in(request: Request, key: str = Body(embed=True, max_length=512)) -> Response:
        response = JsonResponse({"signed_in": True})
        access.sign_in(request, response, key)
        return response

    return router


def with_dialects(page: bytes) -> bytes:
    """Write the dialects' titles, by name, into the page."""
    titles = json.dumps({dialect.name: dialect.title for dialect in all_dialects.DIALECTS})
    written = page.replace(NO_DIALECTS, NO_DIALECTS.replace(b"{}", html.escape(titles).encode("ascii")))
    assert written != page  # noqa: S101 - the page has its place for them
    return written


class _StaticFile:
    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _static_files() -> dict[str, _StaticFile]:
    """Read the page's files once: the name in a request is only looked up, never opened."""
    types = STATIC_TYPES | {".html": "text/html"}
    return {
        path.name: _StaticFile(path.read_bytes(), types[path.suffix])
        for path in resource("dashboard").iterdir()
        if path.suffix in types
    }
