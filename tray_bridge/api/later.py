"""Routes that are built by the first request to them: a start is for the first answer, and few starts need the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Lock

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send


class LaterRoutes(BaseRoute):
    """Every path at `prefix` or below it. `build` is called once, in a thread, and gives the routes with full paths."""

    def __init__(self, prefix: str, build: Callable[[], APIRouter]) -> None:
        self._prefix = prefix
        self._build = build
        self._router: APIRouter | None = None
        self._lock = Lock()

    def router(self) -> APIRouter:
        """Return the routes; the first call builds them. From any thread."""
        with self._lock:
            if self._router is None:
                self._router = self._build()
            return self._router

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        path = scope.get("path", "")
        is_ours = scope["type"] == "http" and (path == self._prefix or path.startswith(f"{self._prefix}/"))
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes: ASGIApp | None = self._router
        if routes is None:
            routes = await asyncio.to_thread(self.router)
        await routes(scope, receive, send)
