"""Errors in OpenAI's shape: the kind → `type`. Chat Completions, Responses and legacy completions share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..dialect import ErrorKind, Failure

TYPES: Mapping[ErrorKind, str] = {
    "access_denied": "permission_error",
    "permission": "permission_error",
    "not_signed_in": "authentication_error",
    "rate_limit": "rate_limit_error",
    "quota": "insufficient_quota",
    "billing": "insufficient_quota",
    "conflict": "server_error",
    "overloaded": "server_error",
    "timeout": "server_error",
    "unavailable": "server_error",
    "internal": "server_error",
    "cancelled": "request_cancelled",
}


def write_error(failure: Failure) -> dict[str, Any]:
    """Write the error's body; a kind that is not in the table is an error of the request."""
    return {
        "error": {
            "message": failure.message,
            "type": TYPES.get(failure.kind, "invalid_request_error"),
            "param": failure.param,
            "code": failure.code,
        }
    }
