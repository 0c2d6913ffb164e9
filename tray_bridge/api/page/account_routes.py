"""The page's routes for signing in, for pausing the server and for web pages that were refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

from fastapi import APIRouter, Body
from starlette.responses import Response

from ...doctor.health import health_of
from ...errors import InvalidRequestError
from ...machine.sign_in import ACCOUNT_KINDS
from ...settings.schema import Settings
from ...setup.claude_account import found_accounts, has_account
from ..json_response import JsonResponse
from ..origins import NO_ORIGINS
from ..services import OwnServer
from .access import DashboardAccess
from .route import PageRoute


def account_router(server: OwnServer, access: DashboardAccess, settings: Callable[[], Settings]) -> APIRouter:
    """Make the routes of the account and of what the server lets in."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    router.include_router(_sign_in_router(server, settings))

    @router.get("/account")
    def account() -> Response:
        """Tell how Claude Code is signed in, and which other accounts are set up here."""
        snapshot = server.snapshot()
        return JsonResponse(
            {
                "health": health_of(snapshot).as_json(),
                "account": asdict(snapshot.account),
                "demo": snapshot.demo,
                "sign_in": server.sign_in.state.as_json(),
                "found": found_accounts(),
                "settings": {"usable": has_account(), "used": settings().claude_settings},
                "key": access.page_key,
                "has_keys": access.has_keys(),
            }
        )

    @router.post("/pause")
    def pause(paused: bool = Body(embed=True)) -> Response:
        server.pause(paused)
        return JsonResponse({"paused": paused})

    @router.post("/allowed-origins")
    def let_in(origin: str = Body(embed=True, max_length=200)) -> Response:
        """Let a page in that was refused: no other, so that the person has seen its name here."""
        if origin in NO_ORIGINS or all(page.origin != origin for page in server.snapshot().refused_pages):
            raise InvalidRequestError(f"{origin!r} is not a page that was refused.", param="origin")
        server.let_page_in(origin)
        return JsonResponse({"allowed": True})

    return router


def _sign_in_router(server: OwnServer, settings: Callable[[], Settings]) -> APIRouter:
    router = APIRouter(route_class=PageRoute, prefix="/account", include_in_schema=False)

    @router.post("/sign-in")
    def sign_in(kind: str = Body(embed=True, max_length=20)) -> Response:
        if kind not in ACCOUNT_KINDS:
            raise InvalidRequestError(f"{kind!r} is not a kind of account.", param="kind")
        server.sign_in.start(settings().cli_path, kind)
        return JsonResponse(server.sign_in.state.as_json())

    @router.post("/settings")
    def use_settings(used: bool = Body(embed=True)) -> Response:
        """Use the account that Claude Code's settings.json sets up, or not; the server starts again for it."""
        threading.Thread(target=server.use_claude_settings, args=(used,), daemon=True).start()
        return JsonResponse({"used": used})

    @router.post("/code")
    def code(code: str = Body(embed=True, max_length=4096)) -> Response:
        server.sign_in.give_code(code)
        return JsonResponse(server.sign_in.state.as_json())

    @router.post("/cancel")
    def cancel() -> Response:
        server.sign_in.cancel()
        return JsonResponse(server.sign_in.state.as_json())

    return router
