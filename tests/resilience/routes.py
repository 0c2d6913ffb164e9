"""What the running server answers to, told by an application like its own and not by a list."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from tests.running_bridge import RunningBridge
from tray_bridge.api.app import create_app
from tray_bridge.api.later import LaterRoutes
from tray_bridge.api.page.access import DashboardAccess
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.api.services import Services
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.paths import log_folder
from tray_bridge.session_log import SessionLog


def routes_of(bridge: RunningBridge) -> list[RouteContext]:
    """Every route, under the path that it has in the end."""
    nothing: Any = None  # what only requests need
    settings, keys = bridge.server.settings, ApiKeys()
    log, access = SessionLog(settings.log_folder or log_folder()), DashboardAccess(keys.verify, keys.exist)
    services = Services(settings, log, bridge.server, nothing, LastHour(), nothing, keys, access)
    routes = list(create_app(services).routes)
    for later in [route for route in routes if isinstance(route, LaterRoutes)]:
        routes += later.router().routes
    found = [route for route in iter_route_contexts(routes) if route.path and route.methods]
    assert len(found) > 20
    return found


def describe_page(bridge: RunningBridge, without: Collection[str]) -> dict[str, Any]:
    """A description of the page's endpoints but these, as the public description leaves them out."""
    described = []
    for found in routes_of(bridge):
        if str(found.path).startswith("/dashboard") and found.path not in without:
            route = copy.copy(found.original_route)
            assert isinstance(route, APIRoute)
            route.include_in_schema = True
            described.append(route)
    return get_openapi(title="The page", version="1", routes=described)
