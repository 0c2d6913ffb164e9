"""The local page, and the JSON that it reads: the log, clients' settings, the doctor's checks.

Owns routes under `/dashboard` and the headers that keep whatever users and models wrote from running. Knows
the server only as a `ServerView` and the log only as its reader.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response, StreamingResponse

from ...health import health_of
from ...known_clients import CLIENTS, NO_KEY, client_name
from ...machine.paths import resource
from ...session_log import LogReader
from ..json_response import JsonResponse
from ..services import ServerView
from .access import DashboardAccess
from .events import page_events
from .last_hour import LastHour

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
BLOB_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
STATIC_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
YOUR_KEY = "YOUR-KEY"


class _PageRoute(APIRoute):
    """Adds the page's headers to every answer."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def with_headers(request: Request) -> Response:
            response: Response = await handle(request)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return with_headers


def dashboard_router(
    server: ServerView,
    log: LogReader,
    last_hour: LastHour,
    access: DashboardAccess,
    *,
    default_model: str,
    doctor: Callable[[], Iterable[Any]],
) -> APIRouter:
    """Make the routes; `doctor` runs the checks, each a dataclass, and is called on a thread of its own."""
    router = APIRouter(route_class=_PageRoute, include_in_schema=False)
    static = _static_files()

    @router.get("/dashboard")
    @router.get("/dashboard/")
    def page(request: Request) -> Response:
        access.check_place(request)
        if given := request.query_params.get("pass"):
            response: Response = RedirectResponse("/dashboard", status_code=303)
            access.redeem(request, response, given)
            return response
        return Response(static["index.html"].content, media_type="text/html")

    @router.get("/dashboard/static/{name}")
    def static_file(request: Request, name: str) -> Response:
        access.check_place(request)
        if name not in static:
            return _missing("There is no such file.")
        file = static[name]
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers={"etag": file.etag, "cache-control": "no-cache"})
        headers = {"etag": file.etag, "cache-control": "no-cache"}
        return Response(file.content, media_type=file.media_type, headers=headers)

    @router.post("/dashboard/api/sign-in")
    def sign_in(request: Request, key: str = Body(embed=True, max_length=512)) -> Response:
        access.check_place(request)
        response = JsonResponse({"signed_in": True})
        access.sign_in(request, response, key)
        return response

    def check(request: Request) -> None:
        access.check_place(request)
        access.check_person(request)

    @router.get("/dashboard/api/snapshot")
    def snapshot(request: Request) -> Response:
        check(request)
        now = server.snapshot()
        return JsonResponse({**asdict(now), "health": health_of(now).as_json()})

    @router.get("/dashboard/api/last-hour")
    def hour(request: Request) -> Response:
        check(request)
        return JsonResponse(last_hour.as_json())

    @router.get("/dashboard/api/events")
    async def events(request: Request) -> Response:
        check(request)
        return StreamingResponse(page_events(server, last_hour), media_type="text/event-stream")

    @router.post("/dashboard/api/requests/{request_id}/cancel")
    def cancel(request: Request, request_id: str) -> Response:
        check(request)
        if not server.cancel_request(request_id):
            return _missing("This request has already ended.")
        return JsonResponse({"cancelled": True})

    @router.get("/dashboard/api/exchanges")
    def exchanges(
        request: Request,
        text: str | None = Query(None, max_length=1000),
        model: str | None = None,
        client: str | None = None,
        outcome: str | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = Query(60, ge=1, le=500),
        offset: int = Query(0, ge=0),
    ) -> Response:
        check(request)
        found = log.search(
            text,
            model=model,
            client=client,
            outcome=outcome,
            since=since,
            until=until,
            limit=limit,
            offset=offset,
        )
        return JsonResponse({"exchanges": found.exchanges, "total": found.total})

    @router.get("/dashboard/api/filters")
    def filters(request: Request) -> Response:
        check(request)
        return JsonResponse({f"{field}s": values[:200] for field, values in log.values().items()})

    @router.get("/dashboard/api/exchanges/{exchange_id}")
    def exchange(request: Request, exchange_id: str) -> Response:
        check(request)
        document = log.get(exchange_id)
        return _missing("The log has no such exchange.") if document is None else JsonResponse(document)

    @router.delete("/dashboard/api/exchanges/{exchange_id}")
    def delete_exchange(request: Request, exchange_id: str) -> Response:
        check(request)
        if not log.delete(exchange_id):
            return _missing("The log has no such exchange.")
        return JsonResponse({"deleted": 1})

    @router.delete("/dashboard/api/exchanges")
    def delete_exchanges(request: Request, day: str | None = None, all: bool = False) -> Response:  # noqa: A002
        check(request)
        deleted = log.delete_all() if all else log.delete_day(day or "")
        return JsonResponse({"deleted": deleted})

    @router.get("/dashboard/api/blobs/{name}")
    def blob(request: Request, name: str) -> Response:
        check(request)
        content = log.blob(name)
        if content is None:
            return _missing("The log has no such file.")
        media_type = PICTURE_TYPES.get(name.rpartition(".")[2])
        headers = {"content-security-policy": BLOB_POLICY, "etag": f'"{name}"'}
        if media_type is None:
            headers["content-disposition"] = f'attachment; filename="{name}"'
        return Response(content, media_type=media_type or "application/octet-stream", headers=headers)

    @router.get("/dashboard/api/connect")
    def connect(request: Request) -> Response:
        check(request)
        seen = _clients_seen(server, log, last_hour)
        key = YOUR_KEY if access.has_keys() else NO_KEY
        base_url = f"{request.url.scheme}://{request.headers['host']}/v1"
        clients = [
            {
                "id": client.name.lower().replace(" ", "-"),
                "name": client.name,
                "where": client.where,
                "settings": client.settings(base_url, default_model, key).rstrip("\n"),
                "recognised": client.user_agent is not None,
                "seen_at": seen.get(client.name),
            }
            for client in CLIENTS
        ]
        return JsonResponse({"clients": clients})

    @router.get("/dashboard/api/doctor")
    def run_doctor(request: Request) -> Response:
        check(request)
        return JsonResponse({"checks": [asdict(result) for result in doctor()]})

    return router


def _missing(message: str) -> JsonResponse:
    return JsonResponse({"error": {"message": message, "type": "not_found", "param": None, "code": None}}, 404)


class _StaticFile:
    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _static_files() -> dict[str, _StaticFile]:
    """The page's files, read once: names that a request brings never reach the disk."""
    types = STATIC_TYPES | {".html": "text/html"}
    return {
        path.name: _StaticFile(path.read_bytes(), types[path.suffix])
        for path in resource("dashboard").iterdir()
        if path.suffix in types
    }


def _clients_seen(server: ServerView, log: LogReader, last_hour: LastHour) -> dict[str, float]:
    """When each client was last heard of: in the log, since the start, or in this moment."""
    seen = log.clients_seen()
    seen |= last_hour.clients()
    seen |= {request.client: request.started_at for request in server.snapshot().requests}
    return seen | {client_name(client): at for client, at in seen.items() if "/" in client}
