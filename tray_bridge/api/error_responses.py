"""Errors as OpenAI's clients expect them: one table from our family to HTTP status, `type` and `code`.

Owns the mapping and the handlers that use it. Knows no endpoint.
"""

from __future__ import annotations

import logging
import math
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import errors
from ..errors import TrayBridgeError, UpstreamError
from .json_response import JsonResponse

logger = logging.getLogger(__name__)

LONGEST_RETRY_WAIT = 60.0  # seconds; older OpenAI libraries take a longer one for none
DEFAULT_RETRY_WAIT = 5.0  # seconds; when Claude is busy and does not say for how long
BUSY_STATUSES = frozenset({429, 503, 529})
CLIENT_LEFT = 499


class Shape(NamedTuple):
    """What an error becomes: `retry` says whether the same request may well succeed soon."""

    status: int
    type: str
    code: str | None
    retry: bool = False


UNEXPECTED = Shape(500, "server_error", "internal_error", retry=True)

TABLE: dict[type[TrayBridgeError], Shape] = {
    errors.InvalidRequestError: Shape(400, "invalid_request_error", None),
    errors.BodyTimeoutError: Shape(408, "invalid_request_error", "body_timeout"),
    errors.UnsupportedBodyError: Shape(415, "invalid_request_error", "unsupported_body"),
    errors.RequestTooLargeError: Shape(413, "invalid_request_error", "request_too_large"),
    errors.ModelNotFoundError: Shape(404, "invalid_request_error", "model_not_found"),
    errors.AccessDeniedError: Shape(403, "permission_error", "access_denied"),
    errors.InvalidKeyError: Shape(401, "invalid_request_error", "invalid_api_key"),
    errors.QueueFullError: Shape(429, "rate_limit_error", "rate_limit_exceeded", retry=True),
    errors.SignedOutError: Shape(401, "authentication_error", "not_signed_in"),
    errors.SessionLostError: Shape(502, "server_error", "session_lost", retry=True),
    errors.CliUnavailableError: Shape(503, "server_error", "cli_unavailable"),
    errors.TurnTimeoutError: Shape(504, "server_error", "timeout"),
    errors.ServerStoppingError: Shape(503, "server_error", "server_stopping", retry=True),
    errors.RequestCancelledError: Shape(CLIENT_LEFT, "request_cancelled", "request_cancelled"),
    TrayBridgeError: UNEXPECTED,
}

UPSTREAM: dict[int, Shape] = {
    401: Shape(401, "authentication_error", "upstream_authentication"),
    403: Shape(403, "permission_error", "upstream_permission"),
    408: Shape(408, "server_error", "timeout", retry=True),
    409: Shape(409, "server_error", "conflict", retry=True),
    413: Shape(413, "invalid_request_error", "request_too_large"),
    429: Shape(429, "rate_limit_error", "rate_limit_exceeded", retry=True),
    529: Shape(529, "server_error", "overloaded", retry=True),  # the Messages API's own
}


def shape_of(error: Exception) -> Shape:
    """Look an error up; one that is not of our family is unexpected."""
    if isinstance(error, UpstreamError):
        return _upstream_shape(error.status)
    return next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), UNEXPECTED)


def _upstream_shape(status: int) -> Shape:
    if status in UPSTREAM:
        return UPSTREAM[status]
    if 400 <= status < 500:
        return Shape(status, "invalid_request_error", None)
    return Shape(status if 500 <= status < 600 else 502, "server_error", "upstream_error", retry=True)


def error_body(error: Exception) -> dict[str, Any]:
    """The error in OpenAI's shape; nothing of an unexpected one's own text is shown."""
    shape = shape_of(error)
    message = "The bridge met an error of its own; its log says more. Sending the request again may help."
    if isinstance(error, TrayBridgeError):
        message = str(error)
    return _body(message, shape.type, getattr(error, "code", None) or shape.code, param=getattr(error, "param", None))


def _body(message: str, type_: str, code: str | None, *, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


def error_response(error: Exception) -> JsonResponse:
    """The whole answer, with the headers by which OpenAI's libraries decide whether and when to try again."""
    shape = shape_of(error)
    wait = _retry_wait(error, shape)
    headers = {"x-should-retry": "true" if shape.retry and (wait or 0.0) <= LONGEST_RETRY_WAIT else "false"}
    if wait is not None:
        headers["retry-after"] = str(math.ceil(wait))
        headers["retry-after-ms"] = str(math.ceil(wait * 1000))
    if isinstance(error, errors.InvalidKeyError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, errors.BodyTimeoutError):
        headers["connection"] = "close"  # the rest of the body may never come
    return JsonResponse(error_body(error), status_code=shape.status, headers=headers)


def _retry_wait(error: Exception, shape: Shape) -> float | None:
    """Seconds, where they are known or where the client had better not come back at once."""
    wait = getattr(error, "retry_after", None)
    if wait is None:
        return DEFAULT_RETRY_WAIT if shape.retry and shape.status in BUSY_STATUSES else None
    return max(0.0, float(wait))


def add_error_handlers(app: FastAPI) -> None:
    """Let every error of every route answer in OpenAI's shape."""

    def known(_request: Request, error: Exception) -> Response:
        return error_response(error)

    def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - FastAPI calls it for nothing else
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:])
        return error_response(errors.InvalidRequestError(f"{param}: {first['msg']}.", param=param or None))

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        return _http_error(app, request, error)

    def left(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_LEFT)  # nobody reads it, but the server wants an answer

    app.add_exception_handler(TrayBridgeError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, left)


def _http_error(app: FastAPI, request: Request, error: HTTPException) -> Response:
    asked = f"{request.method} {request.url.path[:200]}"
    message, code = str(error.detail), None
    if error.status_code == 404:
        message, code = f"There is no {asked} here. What exists: {_endpoints(app)}.", "unknown_url"
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message, code = f"{asked} is not possible; use {allowed}.", "method_not_allowed"
    kind = "server_error" if error.status_code >= 500 else "invalid_request_error"
    headers = {**(error.headers or {}), "x-should-retry": "false"}
    return JsonResponse(_body(message, kind, code), status_code=error.status_code, headers=headers)


def _endpoints(app: FastAPI) -> str:
    """The public endpoints, as the app's own description lists them (FastAPI keeps it once made)."""
    return ", ".join(
        f"{method.upper()} {path}"
        for path, methods in app.openapi().get("paths", {}).items()
        for method in methods
        if not path.startswith("/api/")
    )


class CatchUnexpected:
    """The innermost middleware: an error that no handler knows becomes a calm 500 that passes the others'
    hands.

    Starlette would answer it outside all middleware, without CORS headers and request id.
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
            await error_response(error)(scope, receive, send)
