"""The page's routes that change this user's machine: sign-in, clients' setup and pause, behind one guard."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends, Request

from ...machine.api_keys import ApiKeys
from ...session_log import LogReader
from ...settings.schema import Settings
from ..services import OwnServer
from .access import DashboardAccess
from .account_routes import account_router
from .last_hour import LastHour
from .setup_routes import lamp_router, setup_router


def first_run_router(
    server: OwnServer,
    access: DashboardAccess,
    keys: ApiKeys,
    settings: Callable[[], Settings],
    log: LogReader,
    last_hour: LastHour,
) -> APIRouter:
    """Make the routes, below `/dashboard/api`."""

    def check(request: Request) -> None:
        access.check_place(request)
        access.check_person(request)

    router = APIRouter(prefix="/dashboard/api", dependencies=[Depends(check)], include_in_schema=False)
    router.include_router(account_router(server, access, settings))
    router.include_router(lamp_router(log, last_hour))
    router.include_router(setup_router(server, keys, settings))
    return router
