"""The page's routes for API keys: make, limit, pause and revoke them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from ...machine.api_keys import ApiKey, ApiKeys
from ...machine.key_use import KeyUse, Use
from ..json_response import JsonResponse
from .access import DashboardAccess
from .limits_body import LimitsBody, limits_of
from .route import PageRoute


def key_router(keys: ApiKeys, access: DashboardAccess, check_model: Callable[[str], object]) -> APIRouter:
    """Make the routes. Only the answer to its creation holds a key itself.

    `check_model` raises ModelNotFoundError for a name that no request may ask for.
    """
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    use = KeyUse()

    def today(key: ApiKey) -> Use:
        try:
            return use.of(key, str(date.today()))
        except (OSError, sqlite3.Error):
            return Use()  # the bridge's log says why

    @router.get("/keys")
    def list_keys() -> Response:
        found = [
            {
                "name": key.name,
                "made_at": key.made_at,
                "limits": key.limits._asdict(),
                "today": asdict(today(key)),
            }
            for key in keys.list()
        ]
        return JsonResponse({"keys": found})

    @router.post("/keys")
    def make_key(request: Request, name: Annotated[str, Body(embed=True)]) -> Response:
        key = keys.make(name)
        response = JsonResponse({"name": keys.verify(key), "key": key})
        access.sign_in(request, response, key)  # with the first key the page wants one too: this browser has it
        return response

    @router.put("/keys/{name}")
    def limit_key(name: str, body: LimitsBody) -> Response:
        limits = limits_of(body, keys.known(name).limits, check_model)
        keys.limit(name, limits)
        return JsonResponse({"name": name, "limits": limits._asdict()})

    @router.delete("/keys/{name}")
    def revoke_key(name: str) -> Response:
        keys.revoke(name)
        return JsonResponse({"revoked": True})

    return router
