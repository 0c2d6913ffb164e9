"""The log as the page reads it: found, shown, deleted; its pictures and files."""

from __future__ import annotations

from fastapi import APIRouter, Query
from starlette.responses import Response

from ...session_log import LogReader
from ..json_response import JsonResponse
from .route import PageRoute, missing

BLOB_POLICY = "default-src 'none'; sandbox"
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


def log_router(log: LogReader) -> APIRouter:
    """Make the routes of the log."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/exchanges")
    def exchanges(
        text: str | None = Query(None, max_length=1000),
        model: str | None = None,
        client: str | None = None,
        outcome: str | None = None,
        since: float | None = None,
        until: float | None = None,
        limit: int = Query(60, ge=1, le=500),
        offset: int = Query(0, ge=0),
    ) -> Response:
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

    @router.get("/filters")
    def filters() -> Response:
        return JsonResponse({f"{field}s": values[:200] for field, values in log.values().items()})

    @router.get("/exchanges/{exchange_id}")
    def exchange(exchange_id: str) -> Response:
        document = log.get(exchange_id)
        return missing("The log has no such exchange.") if document is None else JsonResponse(document)

    @router.delete("/exchanges/{exchange_id}")
    def delete_exchange(exchange_id: str) -> Response:
        if not log.delete(exchange_id):
            return missing("The log has no such exchange.")
        return JsonResponse({"deleted": 1})

    @router.delete("/exchanges")
    def delete_exchanges(day: str | None = None, all: bool = False) -> Response:  # noqa: A002
        deleted = log.delete_all() if all else log.delete_day(day or "")
        return JsonResponse({"deleted": deleted})

    @router.get("/blobs/{name}")
    def blob(name: str) -> Response:
        content = log.blob(name)
        if content is None:
            return missing("The log has no such file.")
        media_type = PICTURE_TYPES.get(name.rpartition(".")[2])
        headers = {"content-security-policy": BLOB_POLICY, "etag": f'"{name}"'}
        if media_type is None:
            headers["content-disposition"] = f'attachment; filename="{name}"'
        return Response(content, media_type=media_type or "application/octet-stream", headers=headers)

    return router
