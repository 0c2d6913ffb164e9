"""Errors: one table from `TrayBridgeError` to an HTTP status, a neutral kind and whether to try again.

The dialect that owns the request's path writes the body, in handlers and middleware alike, and for unknown paths too.
"""

from __future__ import annotations

import difflib
import logging
import math
from collections.abc import Mapping
from typing import NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import errors
from ..bridge.all_dialects import dialect_of
from ..bridge.dialect import ErrorKind, Failure
from ..errors import TrayBridgeError, UpstreamError
from ..machine.bridge_log import log_file
from .invalid_fields import refusal_of
from .json_response import JsonResponse
from .paths import PAGE, is_page

logger = logging.getLogger(__name__)

LONGEST_ADVISED_WAIT = 60.0  # seconds; older OpenAI libraries ignore a longer one
DEFAULT_RETRY_WAIT = 5.0  # seconds, where Claude is busy and gives no time
BUSY_STATUSES = frozenset({429, 503, 529})
CLIENT_LEFT = 499
STATUS_TITLES = {404: "Not found", 405: "Not possible"}


class Row(NamedTuple):
    """What an error becomes. `code` is more exact than `kind`; `retry`: the same request may succeed soon."""

    status: int
    kind: ErrorKind
    code: str | None
    retry: bool = False


UNEXPECTED = Row(500, "internal", "internal_error", retry=True)

TABLE: dict[type[TrayBridgeError], Row] = {
    errors.InvalidRequestError: Row(400, "invalid_request", None),
    errors.ToolSchemaError: Row(400, "invalid_request", "invalid_schema"),
    errors.OutputSchemaError: Row(400, "invalid_request", "invalid_schema"),
    errors.BodyTimeoutError: Row(408, "request_timeout", "body_timeout"),
    errors.UnsupportedBodyError: Row(415, "unsupported_body", "unsupported_body"),
    errors.RequestTooLargeError: Row(413, "request_too_large", "request_too_large"),
    errors.ModelNotFoundError: Row(404, "model_not_found", "model_not_found"),
    errors.AccessDeniedError: Row(403, "access_denied", "access_denied"),
    errors.InvalidKeyError: Row(401, "invalid_key", "invalid_api_key"),
    errors.KeyLimitError: Row(429, "rate_limit", "rate_limit_exceeded", retry=True),
    errors.QueueFullError: Row(429, "rate_limit", "rate_limit_exceeded", retry=True),
    errors.SignedOutError: Row(401, "not_signed_in", "not_signed_in"),
    errors.PlanLimitError: Row(429, "quota", "insufficient_quota"),
    errors.BillingError: Row(402, "billing", "insufficient_quota"),
    errors.SessionLostError: Row(502, "internal", "session_lost", retry=True),
    errors.CliUnavailableError: Row(503, "unavailable", "cli_unavailable"),
    errors.TurnTimeoutError: Row(504, "timeout", "timeout"),
    errors.ServerStoppingError: Row(503, "unavailable", "server_stopping", retry=True),
    errors.ServerPausedError: Row(503, "unavailable", "server_paused", retry=True),
    errors.RequestCancelledError: Row(CLIENT_LEFT, "cancelled", "request_cancelled"),
    errors.KeyNameError: Row(400, "invalid_request", None),
    errors.UnknownKeyError: Row(404, "invalid_request", "no_such_key"),
    errors.KeyTakenError: Row(409, "invalid_request", "key_exists"),
    TrayBridgeError: UNEXPECTED,
}

UPSTREAM: dict[int, Row] = {
    401: Row(401, "not_signed_in", "upstream_authentication"),
    403: Row(403, "permission", "upstream_permission"),
    408: Row(408, "timeout", "timeout", retry=True),
    409: Row(409, "conflict", "conflict", retry=True),
    413: Row(413, "request_too_large", "request_too_large"),
    429: Row(429, "rate_limit", "rate_limit_exceeded", retry=True),
    529: Row(529, "overloaded", "overloaded", retry=True),  # the Messages API's own
}


def row_of(error: Exception) -> Row:
    """Look an error up in the table; any other error is an internal one."""
    if isinstance(error, UpstreamError):
        return _upstream_row(error.status)
    return next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), UNEXPECTED)


def _upstream_row(status: int) -> Row:
    if status in UPSTREAM:
        return UPSTREAM[status]
    if 400 <= status < 500:
        return Row(status, "invalid_request", None)
    return Row(status if 500 <= status < 600 else 502, "internal", "upstream_error", retry=True)


def failure_of(error: Exception, request_id: str = "") -> Failure:
    """Make what a dialect writes of an error. The text of an unexpected error is not shown."""
    row = row_of(error)
    message = "Internal error in Tray Bridge. Try again."
    if log_file() is not None:  # a program that embeds the server may have a log of its own
        message = "Internal error in Tray Bridge; bridge.log, beside the session log, says more. Try again."
    if isinstance(error, TrayBridgeError):
        message = str(error)
    code = getattr(error, "code", None) or row.code
    param = getattr(error, "param", None)
    return Failure(row.status, row.kind, message, param, code, request_id, _retry_wait(error, row))


def error_response(error: Exception, scope: Scope) -> JsonResponse:
    """Make the whole HTTP answer, in the dialect that owns the request's path."""
    failure = failure_of(error, request_id_of(scope))
    if is_page(scope["path"]) and isinstance(error, TrayBridgeError):
        told = {"title": error.title, "message": error.message, "hint": error.hint}
        return _for_the_page(failure, told, _headers(error))
    return _worded(failure, scope, _headers(error))


def _worded(failure: Failure, scope: Scope, headers: Mapping[str, str]) -> JsonResponse:
    if is_page(scope["path"]):
        title = STATUS_TITLES.get(failure.status, TrayBridgeError.title)
        return _for_the_page(failure, {"title": title, "message": failure.message, "hint": ""}, headers)
    dialect = dialect_of(scope["path"], Headers(scope=scope))
    return JsonResponse(dialect.error(failure), status_code=failure.status, headers=headers)


def _for_the_page(failure: Failure, told: Mapping[str, str], headers: Mapping[str, str]) -> JsonResponse:
    """Make the page's error, which a person reads: in three parts, as the tray and the terminal show it."""
    error = {**dialect_of(PAGE, {}).error(failure)["error"], **told}
    return JsonResponse({"error": error}, status_code=failure.status, headers=headers)


def request_id_of(scope: Scope) -> str:
    """Return the id that `stamp` gave to the request."""
    return str(scope.get("state", {}).get("request_id", ""))


def _headers(error: Exception) -> dict[str, str]:
    """Make the headers from which clients' libraries decide whether and when to try again."""
    row = row_of(error)
    wait = _retry_wait(error, row)
    headers = {"x-should-retry": "true" if row.retry and (wait or 0.0) <= LONGEST_ADVISED_WAIT else "false"}
    if wait is not None:
        headers["retry-after"] = str(math.ceil(wait))
        headers["retry-after-ms"] = str(math.ceil(wait * 1000))
    if isinstance(error, errors.InvalidKeyError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, errors.BodyTimeoutError):
        headers["connection"] = "close"  # the rest of the body was not read
    return headers


def _retry_wait(error: Exception, row: Row) -> float | None:
    """Give the seconds to wait, where they are known or where an immediate retry would fail."""
    wait = getattr(error, "retry_after", None)
    if wait is None:
        return DEFAULT_RETRY_WAIT if row.retry and row.status in BUSY_STATUSES else None
    return max(0.0, float(wait))


def add_error_handlers(app: FastAPI) -> None:
    """Handle every error of every route in the dialect that owns its path."""

    def known(request: Request, error: Exception) -> Response:
        return error_response(error, request.scope)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - FastAPI calls it for nothing else
        return error_response(refusal_of(error), request.scope)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        return _http_error(app, request, error)

    def left(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_LEFT)  # the client has left, but the framework needs an answer

    app.add_exception_handler(TrayBridgeError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, left)


def _http_error(app: FastAPI, request: Request, error: HTTPException) -> Response:
    asked = f"{request.method} {request.url.path[:200]}"
    message, code = str(error.detail), None
    kind: ErrorKind = "internal" if error.status_code >= 500 else "invalid_request"
    if error.status_code == 404:
        meant = _meant(app, request.url.path)
        message = f"There is no {asked} here.{meant} What exists: {_endpoints(app)}, GET {PAGE}."
        kind, code = "unknown_url", "unknown_url"
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message, kind, code = f"{asked} is not possible; use {allowed}.", "method_not_allowed", "method_not_allowed"
    failure = Failure(error.status_code, kind, message, None, code, request_id_of(request.scope))
    return _worded(failure, request.scope, {**(error.headers or {}), "x-should-retry": "false"})


def _meant(app: FastAPI, path: str) -> str:
    """Guess which endpoint a wrong path meant."""
    known = [*app.openapi().get("paths", ()), PAGE]
    close = difflib.get_close_matches(path[:200], known, 1)
    return f" Did you mean {close[0]}?" if close else ""


def _endpoints(app: FastAPI) -> str:
    """List the public endpoints, as the app's OpenAPI description has them (FastAPI caches it)."""
    return ", ".join(
        f"{method.upper()} {path}"
        for path, methods in app.openapi().get("paths", {}).items()
        for method in methods
        if not path.startswith(("/api/v1/", "/v1/v1/"))  # the same endpoints again
    )


class CatchUnexpected:
    """The innermost middleware: turn an unexpected error into a plain 500, which then passes the outer middleware.

    Starlette would answer outside all middleware, without CORS headers and request id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            logger.exception("An unexpected error in %s %s", scope["method"], scope["path"])
            await error_response(error, scope)(scope, receive, send)
