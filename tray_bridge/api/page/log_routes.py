"""The page's routes for the log: search, show, export and delete exchanges; their pictures and files."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from ... import __version__
from ...bridge.fields import shown
from ...errors import InvalidRequestError
from ...session_log import FORMS, Filter, LogReader, as_report, export
from ...session_log.index import DAY
from ..json_response import JsonResponse
from .route import PageRoute, missing

Form = Literal["jsonl", "har", "md", "sh", "py"]
BLOB_POLICY = "default-src 'none'; sandbox"
PICTURE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
# Seconds since 1970, in the years 1 to 9999.
Moment = Annotated[float | None, Query(ge=-62135596800, le=253402300799, allow_inf_nan=False)]


@dataclass(frozen=True)
class Sought(Filter):
    """A search, as the query of the address gives it."""

    text: str | None = Query(None, max_length=1000)
    since: Moment = None
    until: Moment = None


def origin_of(request: Request) -> str:
    """Give the server's address as the browser knows it, without a path."""
    return f"{request.url.scheme}://{request.headers['host']}"


def _download(content: Iterable[str], name: str, media_type: str) -> Response:
    safe = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    headers = {"content-disposition": f'attachment; filename="{safe}"'}
    pieces = (piece.encode("utf-8", "backslashreplace") for piece in content)
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def log_router(log: LogReader) -> APIRouter:
    """Make the routes of the log."""
    router = APIRouter(include_in_schema=False)
    router.include_router(_search_router(log))
    router.include_router(_exchange_router(log))
    return router


def _search_router(log: LogReader) -> APIRouter:
    """Make the routes that are about many exchanges."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/exchanges")
    def exchanges(
        sought: Annotated[Sought, Depends()],
        limit: int = Query(60, ge=1, le=500),
        offset: int = Query(0, ge=0),
    ) -> Response:
        found = log.search(**asdict(sought), limit=limit, offset=offset)
        return JsonResponse({**found._asdict(), "progress": log.progress})

    @router.get("/export")
    def export_found(
        request: Request,
        sought: Annotated[Sought, Depends()],
        form: Form,
    ) -> Response:
        pieces = export(log.documents(**asdict(sought)), form, origin_of(request), log.blob)
        return _download(pieces, f"exchanges.{form}", FORMS[form])

    @router.get("/filters")
    def filters() -> Response:
        return JsonResponse({f"{field}s": values[:200] for field, values in log.values().items()})

    @router.get("/threads/{thread}")
    def thread(thread: str) -> Response:
        return JsonResponse(log.thread(thread)._asdict())

    @router.delete("/exchanges")
    def delete_exchanges(day: str | None = None, all: bool = False) -> Response:  # noqa: A002
        if not all and not DAY.fullmatch(day or ""):
            raise InvalidRequestError(f"`day` must be a day such as 2025-01-31, not {shown(day)}.", param="day")
        deleted = log.delete_all() if all else log.delete_day(day or "")
        return JsonResponse({"deleted": deleted})

    return router


def _exchange_router(log: LogReader) -> APIRouter:
    """Make the routes that are about one exchange or one of its files."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/exchanges/{exchange_id}")
    def exchange(exchange_id: str) -> Response:
        document = log.get(exchange_id)
        return missing("The log has no such exchange.") if document is None else JsonResponse(document)

    @router.get("/exchanges/{exchange_id}/export")
    def export_one(
        request: Request,
        exchange_id: str,
        form: Literal[Form, "report"],
        without: Annotated[list[Literal["texts", "names"]], Query()] = [],  # noqa: B006
    ) -> Response:
        document = log.get(exchange_id)
        if document is None:
            return missing("The log has no such exchange.")
        if form != "report":
            pieces = export([document], form, origin_of(request), log.blob)
            return _download(pieces, f"{exchange_id}.{form}", FORMS[form])
        versions = f"Tray Bridge {__version__}, Python {platform.python_version()}, {platform.platform()}"
        report = as_report(document, versions, texts="texts" not in without, names="names" not in without)
        return Response(report.encode("utf-8", "backslashreplace"), media_type="text/markdown")

    @router.delete("/exchanges/{exchange_id}")
    def delete_exchange(exchange_id: str) -> Response:
        if not log.delete(exchange_id):
            return missing("The log has no such exchange.")
        return JsonResponse({"deleted": 1})

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
