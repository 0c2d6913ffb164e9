"""Paths of base URLs that were given with or without `/v1`, and the paths that they mean."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "/dashboard"  # relative addresses on the page need the slash at the end
_AUTHORITY = re.compile(r"https?://[^/]*", re.IGNORECASE)
_TWICE = re.compile(r"/v1(?=/(v1|api)/)")
_AZURE = re.compile(r"\A/openai/(deployments/[^/]+|v1)(?=/)")
_BARE = re.compile(r"/(chat/completions|completions|messages|models|responses)(?=/|\Z)")


def is_page(path: str) -> bool:
    """Tell whether a path is the page's, or of its files and data."""
    return path == PAGE or path.startswith(f"{PAGE}/")


def meant_path(path: str) -> str:
    """`/v1/v1/…` and a bare `/responses` are `/v1/…`, `/v1/api/…` is `/api/…`.

    Azure's `/openai/deployments/NAME/…` and `/openai/v1/…` are `/v1/…` too; the model is the one that the body names.
    Doubled slashes count once, and one at the end not at all. A whole URL stands for its path, as RFC 9112 (3.2.2)
    demands.
    """
    if not path.startswith("/"):
        path = _AUTHORITY.sub("", path, count=1) or "/"
    path = re.sub(r"/{2,}", "/", path)
    if not path.startswith(PAGE):
        path = path.rstrip("/") or "/"
    path = _AZURE.sub("/v1", path)
    while found := _TWICE.match(path):
        path = path[found.end() :]
    return f"/v1{path}" if _BARE.match(path) else path


class MeantPathMiddleware:
    """Replace the path by the one that was meant. The outermost middleware, so that every check sees the same path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (meant := meant_path(scope["path"])) != scope["path"]:
            scope = {**scope, "path": meant, "raw_path": meant.encode("utf-8", "surrogateescape")}
        await self.app(scope, receive, send)
