"""Read a request's JSON body, within limits of size, time, depth and count.

Any content type is accepted: some clients send none, and a foreign page is refused by its Origin (`access`). The
result may hold lone surrogates (from `\\ud800` escapes): encode it with `json_response`, or with
`errors="surrogatepass"`, never with plain `str.encode`.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NoReturn

from fastapi import Request
from starlette.requests import ClientDisconnect

from ..bridge.fields import kind_of
from ..bridge.media_type import BYTE_ORDER_MARKS
from ..errors import BodyTimeoutError, InvalidRequestError, RequestTooLargeError, UnsupportedBodyError
from ..machine.time_limit import wait_within
from ..turns import MAX_DEPTH, UnusableNumberError, is_deeper, read_finite

CHUNK_SECONDS = 30.0  # the longest wait for the next piece
BODY_SECONDS = 300.0  # the longest wait for the whole
MAX_VALUES = 250_000  # of `[]`, say, 32 MB would become 1 GB of Python objects
_SLICE = 65_536
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w-]{1,40})", re.IGNORECASE)
_CHARSETS = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1"), "latin-1"),
    **dict.fromkeys(("windows-1252", "cp1252"), "cp1252"),
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be")},
}


async def read_json_body(
    request: Request, *, limit_megabytes: float, chunk_seconds: float = CHUNK_SECONDS
) -> dict[str, Any]:
    """Read the whole body and parse it.

    Raises InvalidRequestError or one of its children (400, 408, 413, 415), and ClientDisconnect.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedBodyError(f"Content-Encoding {encoding[:40]} is not read here; send the body plain.")
    body = await _read(request, int(limit_megabytes * 1024 * 1024), chunk_seconds)
    charset = _CHARSET.search(request.headers.get("content-type", ""))
    return parse_json_object(body, charset[1].lower() if charset else "")


async def _read(request: Request, limit: int, chunk_seconds: float) -> bytearray:
    too_large = RequestTooLargeError(
        f"The request's body is larger than {limit / 1024 / 1024:g} MB.",
        hint="Send less, or raise body_limit_mb in the settings.",
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise too_large
    body = bytearray()
    now = asyncio.get_running_loop().time
    deadline = now() + BODY_SECONDS
    while True:
        try:
            message = await wait_within(request.receive(), min(chunk_seconds, deadline - now()))
        except asyncio.TimeoutError:
            raise BodyTimeoutError("The request's body came too slowly.") from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise too_large
        if not message.get("more_body", False):
            return body


def parse_json_object(body: bytearray, charset: str = "") -> dict[str, Any]:
    """Parse `body`, and empty it meanwhile, so that bytes, text and result are never in memory together.

    It is UTF-8, or UTF-16 or UTF-32 with or without a byte order mark, or in the `charset` that its client names. The
    zero byte that ends a string in C is left out.
    """
    encoding = _CHARSETS.get(charset, "utf-8-sig")
    if body[:2] in BYTE_ORDER_MARKS or 0 in body[:2]:
        encoding = json.detect_encoding(body)
    elif body.endswith(b"\0"):
        del body[len(body.rstrip(b"\0")) :]
    _check_count(body)
    try:
        text = body.decode(encoding)
        body.clear()
        value = read_finite(text)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"The body is not {error.encoding.upper()}: byte {error.start} is wrong.",
            hint="Send UTF-8. Windows PowerShell sends a string in Latin-1: give it the bytes of the string in UTF-8.",
        ) from None
    except json.JSONDecodeError as error:
        if not text.strip():
            raise InvalidRequestError("The request has no body; a JSON object is needed.") from None
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequestError(f"The body is not valid JSON: {error.msg} ({where}).") from None
    except RecursionError:
        _refuse_depth()
    except UnusableNumberError as error:
        raise InvalidRequestError(f"The body holds {error}.") from None
    except ValueError:
        raise InvalidRequestError("The body holds a number that is too long.") from None
    if not isinstance(value, dict):
        raise InvalidRequestError(f"The body must be a JSON object, not {kind_of(value)}.")
    if is_deeper(value, MAX_DEPTH):
        _refuse_depth()
    return value


def _check_count(body: bytearray) -> None:
    """Refuse a body with more than `MAX_VALUES` values, before they become Python objects.

    Each value except the first follows one of `[{,`. Counting these is nearly free, and enough for most bodies. Only
    where there are too many are strings told apart from the rest.
    """
    if _count_structure(body) <= MAX_VALUES:
        return
    count, inside, escape = 0, False, b""
    for start in range(0, len(body), _SLICE):
        piece = _ESCAPE.sub(b"", escape + body[start : start + _SLICE])
        escape = b"\\" if piece.endswith(b"\\") else b""
        parts = piece.split(b'"')
        count += _count_structure(b" ".join(parts[1 if inside else 0 :: 2]))
        inside ^= len(parts) % 2 == 0
        if count > MAX_VALUES:
            raise RequestTooLargeError(f"The body holds more than {MAX_VALUES} values.")


_ESCAPE = re.compile(rb"\\.", re.DOTALL)


def _count_structure(data: bytes | bytearray) -> int:
    return data.count(b"[") + data.count(b"{") + data.count(b",")


def _refuse_depth() -> NoReturn:
    raise InvalidRequestError(f"The body is nested deeper than {MAX_DEPTH} levels.") from None
