"""What the running server answers to, told by its own application and not by a list."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from tests.running_bridge import RunningBridge


def routes_of(bridge: RunningBridge) -> list[RouteContext]:
    """Every route, under the path that it has in the end."""
    server = bridge.server._running._server  # type: ignore[union-attr]
    assert server is not None
    app: Any = server.config.app
    found = [route for route in iter_route_contexts(app.routes) if route.path and route.methods]
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
