"""The page's routes for usage, as JSON and as CSV."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from ...session_log import LogReader, as_csv, prices_of
from ..json_response import JsonResponse
from ..services import ServerView
from .log_routes import Moment
from .route import PageRoute


def usage_router(server: ServerView, log: LogReader) -> APIRouter:
    """Make the routes of usage."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/usage")
    def usage(
        by: Literal["day", "hour", "client", "model", "key", "dialect"] = "day",
        since: Moment = None,
        until: Moment = None,
        form: Literal["json", "csv"] = "json",
    ) -> Response:
        book = log.usage
        with suppress(sqlite3.Error):  # a full disk: those that are known do
            book.learn_prices(prices_of(server.snapshot().models), time.time())
        report = book.report(by, since, until)
        if form == "json":
            return JsonResponse({**report, "progress": log.progress})
        headers = {"content-disposition": f'attachment; filename="usage-by-{by}.csv"'}
        return Response(as_csv(report), media_type="text/csv", headers=headers)

    return router
