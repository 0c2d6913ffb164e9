"""The page's routes for the server: snapshot, events, cancelling, clients' settings, the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ...doctor.health import health_of
from ...known_clients import NO_KEY, RECOGNISED, client_name
from ...machine import bridge_log
from ...session_log import LogReader
from ...setup.snippets import CLIENTS
from ..json_response import JsonResponse
from ..services import ServerView
from .access import DashboardAccess
from .events import page_events
from .last_hour import LastHour
from .route import PageRoute, missing
from .snapshot import page_snapshot

YOUR_KEY = "YOUR-KEY"
SHOWN_LOG_LINES = 100


def server_router(
    server: ServerView,
    log: LogReader,
    last_hour: LastHour,
    access: DashboardAccess,
    *,
    doctor: Callable[[], Iterable[Any]],
) -> APIRouter:
    """Make the routes; `doctor` runs the checks, each a dataclass, and is called on a thread of its own."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/snapshot")
    def snapshot() -> Response:
        now = server.snapshot()
        return JsonResponse(page_snapshot(now, health_of(now)))

    @router.get("/last-hour")
    def hour() -> Response:
        return JsonResponse(last_hour.as_json())

    @router.get("/events")
    async def events() -> Response:
        return StreamingResponse(page_events(server, last_hour), media_type="text/event-stream")

    @router.post("/requests/{request_id}/cancel")
    def cancel(request_id: str) -> Response:
        if not server.cancel_request(request_id):
            return missing("This request has already ended.")
        return JsonResponse({"cancelled": True})

    @router.get("/connect")
    def connect(request: Request) -> Response:
        seen = _clients_seen(server, log, last_hour)
        key = YOUR_KEY if access.has_keys() else NO_KEY
        base_url = f"{request.url.scheme}://{request.headers['host']}/v1"
        clients = [
            {
                "id": client.name.lower().replace(" ", "-"),
                "name": client.name,
                "where": client.where,
                "settings": client.settings(base_url, server.snapshot().default_model, key).rstrip("\n"),
                "recognised": client.name in RECOGNISED,
                "seen_at": seen.get(client.name),
            }
            for client in CLIENTS
        ]
        return JsonResponse({"clients": clients})

    @router.get("/doctor")
    def run_doctor() -> Response:
        log, file = bridge_log.last_lines(SHOWN_LOG_LINES), bridge_log.log_file()
        checks = [asdict(result) for result in doctor()]
        return JsonResponse({"checks": checks, "log": log, "log_file": str(file) if file else None})

    return router


def _clients_seen(server: ServerView, log: LogReader, last_hour: LastHour) -> dict[str, float]:
    """Give the time of each client's newest request: in the log, since the start, or in flight."""
    seen = log.clients_seen()
    seen |= last_hour.clients()
    seen |= {request.client: request.started_at for request in server.snapshot().requests}
    return seen | {client_name(client): at for client, at in seen.items() if "/" in client}
