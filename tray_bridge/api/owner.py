"""Routes for the owner's own commands: a pass for the page, pause, end, a new sign-in.

Every route needs the token of the owner's note, which other users of the machine cannot read, even where there are no
API keys.
"""

from __future__ import annotations

import threading

from fastapi import APIRouter, Body, Request

from ..errors import InvalidKeyError
from ..machine.api_keys import OWNER
from .json_response import JsonResponse
from .services import Services


def owner_router(services: Services) -> APIRouter:
    """Make the routes, below `/owner`."""
    router = APIRouter(prefix="/owner", include_in_schema=False)

    def check(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or services.verify_key(token.strip()) != OWNER:
            raise InvalidKeyError("Only the owner's own commands may do this.", hint="Run `tray-bridge` as that user.")

    @router.post("/pass")
    async def page_pass(request: Request) -> JsonResponse:
        """Make a pass that opens the page once."""
        check(request)
        return JsonResponse({"pass": services.page_access.issue_pass()})

    @router.post("/pause")
    async def pause(request: Request, paused: bool = Body(embed=True)) -> JsonResponse:
        check(request)
        services.server.pause(paused)
        return JsonResponse({"paused": paused})

    @router.post("/end")
    async def end(request: Request, drain: bool = Body(embed=True)) -> JsonResponse:
        """End the whole app, after the requests under way if `drain` says so."""
        check(request)
        active = services.server.snapshot().active
        threading.Thread(target=services.server.on_end, args=(drain,), daemon=True).start()
        return JsonResponse({"ends": True, "active": active})

    @router.post("/signed-in")
    async def signed_in(request: Request) -> JsonResponse:
        """Start new workers with the account that Claude Code has now."""
        check(request)
        threading.Thread(target=services.server.account_changed, daemon=True).start()
        return JsonResponse({"restarts": True})

    return router
