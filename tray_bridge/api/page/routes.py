"""The local page and its JSON: one router for each resource, behind one guard.

Owns which routes the guard protects. The headers of `route` keep texts of users and models from running as code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Depends, Request

from ...machine.api_keys import ApiKeys
from ...session_log import Exchange, LogReader
from ..services import ServerView
from .access import DashboardAccess
from .key_routes import key_router
from .last_hour import LastHour
from .live_answer import live_router
from .log_routes import log_router
from .server_routes import server_router
from .static_routes import static_router
from .usage_routes import usage_router


def dashboard_router(
    server: ServerView,
    log: LogReader,
    last_hour: LastHour,
    access: DashboardAccess,
    *,
    doctor: Callable[[], Iterable[Any]],
    keys: ApiKeys | None = None,
    check_model: Callable[[str], object] = str,
    under_way: Callable[[str], Exchange | None] = lambda _id: None,
) -> APIRouter:
    """Make the routes of the page. Knows the server only as a `ServerView` and the log only as its reader."""

    def check(request: Request) -> None:
        access.check_place(request)
        access.check_person(request)

    behind = APIRouter(prefix="/dashboard/api", dependencies=[Depends(check)], include_in_schema=False)
    behind.include_router(server_router(server, log, last_hour, access, doctor=doctor))
    behind.include_router(live_router(under_way))
    behind.include_router(log_router(log))
    behind.include_router(usage_router(server, log))
    if keys is not None:
        behind.include_router(key_router(keys, access, check_model))
    router = APIRouter()
    router.include_router(static_router(access))
    router.include_router(behind)
    return router
