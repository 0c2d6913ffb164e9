"""Errors in the Messages API's words. https://platform.claude.com/docs/en/api/errors"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialect import ErrorKind, Failure

TYPES: Mapping[ErrorKind, str] = {
    "invalid_request": "invalid_request_error",
    "unknown_url": "not_found_error",
    "method_not_allowed": "invalid_request_error",
    "model_not_found": "not_found_error",
    "request_too_large": "request_too_large",
    "unsupported_body": "invalid_request_error",
    "request_timeout": "timeout_error",
    "access_denied": "permission_error",
    "invalid_key": "authentication_error",
    "not_signed_in": "authentication_error",
    "rate_limit": "rate_limit_error",
    "quota": "rate_limit_error",
    "billing": "billing_error",
    "permission": "permission_error",
    "conflict": "invalid_request_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "unavailable": "api_error",
    "cancelled": "api_error",
    "internal": "api_error",
}
# Clients decide by these what to do next; the more exact codes of other dialects are left out.
THREAD_CODES = ("thread_unsupported_request", "thread_not_found", "thread_already_continued")


def write_error(failure: Failure) -> dict[str, Any]:
    """Write the body of an error; by the outer `type` Zed and others tell it from an event."""
    error: dict[str, Any] = {"type": TYPES[failure.kind], "message": failure.message_with_field}
    if failure.code in THREAD_CODES:
        error["type"] = "not_found_error" if failure.status == 404 else "invalid_request_error"
        error["details"] = {"error_code": failure.code}
        if failure.code == "thread_unsupported_request":
            error["details"]["unsupported"] = ["thread"]
    body = {"type": "error", "error": error}
    return {**body, "request_id": failure.request_id} if failure.request_id else body
