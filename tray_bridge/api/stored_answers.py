"""Further routes of the Responses API: stored answers, a count of tokens, and errors for what is not supported.

Stored answers hold conversations: these routes have the same checks of Host, Origin and key as all others, and the
answers of another key are not found.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..bridge.dialect import Failure
from ..bridge.estimate_tokens import estimate_turn
from ..bridge.fields import read_integer, refuse, shown
from ..bridge.openai_responses.dialect import Responses
from ..bridge.openai_responses.stored import is_response
from ..turns import JsonObject
from .answering import read_asked
from .body import read_json_body
from .json_response import JsonResponse
from .path_parameter import path_parameter
from .services import Services
from .token_count import count_header, count_turn

PREFIXES = ("/v1", "/api/v1")
PAGE, LARGEST_PAGE = 20, 100
_DIALECT = Responses()
BY_ID = path_parameter("response_id", "The id of an answer that was stored.")


def stored_answers_router(services: Services) -> APIRouter:
    """Make the routes, with and without `/api` before them."""
    router = APIRouter()
    for prefix in PREFIXES:
        router.include_router(_router(services), prefix=prefix)
    return router


def _router(services: Services) -> APIRouter:
    router = APIRouter(prefix="/responses")

    @router.get("", include_in_schema=False)
    async def no_list(request: Request) -> Response:
        """Answers cannot be listed; a client that asks for a WebSocket is told to use HTTP."""
        if request.headers.get("upgrade", "").lower() == "websocket":
            return _failure(426, "WebSockets are not supported; send POST requests.", {"upgrade": "HTTP/1.1"})
        return _failure(
            405,
            "Answers cannot be listed. Use POST, or GET with an answer's id.",
            {"allow": "POST"},
            code="method_not_allowed",
        )

    @router.post("/input_tokens")
    async def count_input_tokens(request: Request) -> Response:
        """Count the tokens of a request's input, upstream where that is possible; a header says which."""
        body = await read_json_body(request, limit_megabytes=services.settings.body_limit_mb)
        asked = await read_asked(services, _DIALECT, request, body)
        owner = request.scope["state"].get("key_name")
        names = await services.names_of(asked.turn.model, asked.requested_model, owner)
        services.limits.check(owner, _DIALECT.name, names)
        counted = await count_turn(services, asked.turn)
        tokens = await asyncio.to_thread(estimate_turn, asked.turn) if counted is None else counted
        return JsonResponse({"object": "response.input_tokens", "input_tokens": tokens}, headers=count_header(counted))

    @router.post("/compact", include_in_schema=False)
    async def no_compaction() -> Response:
        """Refuse: compaction is not supported."""
        return _failure(
            404, "Compaction is not supported; let the client shorten the conversation.", code="unknown_url"
        )

    @router.get("/{response_id}", openapi_extra=BY_ID)
    async def retrieve_response(request: Request) -> Response:
        """Give a stored answer as it was sent."""
        response_id = request.path_params["response_id"]
        if request.query_params.get("stream", "").lower() == "true":
            refuse("A stored answer cannot be streamed; leave `stream` out.", "stream")
        record = await _find(services, request, response_id)
        return _unknown(response_id) if record is None else JsonResponse(record["answer"])

    @router.delete("/{response_id}", openapi_extra=BY_ID)
    async def delete_response(request: Request) -> Response:
        """Forget a stored answer."""
        response_id = request.path_params["response_id"]
        if services.answers is None or await _find(services, request, response_id) is None:
            return _unknown(response_id)
        await services.answers.delete(response_id, request.scope["state"].get("key_name"))
        return JsonResponse({"id": response_id, "object": "response", "deleted": True})

    @router.get("/{response_id}/input_items", openapi_extra=BY_ID)
    async def list_input_items(request: Request) -> Response:
        """List the items that a stored answer's request came with, newest first."""
        response_id = request.path_params["response_id"]
        order, size = _read_query(request)
        record = await _find(services, request, response_id)
        if record is None:
            return _unknown(response_id)
        items = list(record["input"] if order == "asc" else reversed(record["input"]))
        after = request.query_params.get("after")
        begin = next((place + 1 for place, item in enumerate(items) if item["id"] == after), 0)
        return _page(items[begin : begin + size], has_more=begin + size < len(items))

    @router.post("/{response_id}/cancel", openapi_extra=BY_ID)
    async def cancel_response(request: Request) -> Response:
        """Refuse: only background answers can be cancelled by their id, and there are none."""
        response_id = request.path_params["response_id"]
        if await _find(services, request, response_id) is None:
            return _unknown(response_id)
        return _failure(400, "Only background responses can be cancelled; close the connection of any other.")

    return router


def _read_query(request: Request) -> tuple[str, int]:
    """Read the order and the size of a page of items."""
    order = request.query_params.get("order", "desc")
    if order not in ("asc", "desc"):
        refuse(f"{shown(order)} is not a known order. Known are asc and desc.", "order")
    limit = request.query_params.get("limit", str(PAGE))
    size = read_integer(int(limit) if re.fullmatch(r"\d{1,9}", limit) else None, "limit", least=1, most=LARGEST_PAGE)
    if size is None:
        refuse(f"`limit` must be a number from 1 to {LARGEST_PAGE}, not {shown(limit[:20])}.", "limit")
    return order, size


def _page(items: Sequence[JsonObject], *, has_more: bool) -> Response:
    ids = {"first_id": items[0]["id"] if items else None, "last_id": items[-1]["id"] if items else None}
    return JsonResponse({"object": "list", "data": items, **ids, "has_more": has_more})


async def _find(services: Services, request: Request, id_: str) -> JsonObject | None:
    if services.answers is None:
        return None
    record = (await services.answers.load([id_], request.scope["state"].get("key_name"))).get(id_)
    return record if record is not None and is_response(record) else None


def _unknown(id_: str) -> Response:
    return _failure(404, f"Response with id {shown(id_)} not found.", code="response_not_found")


def _failure(
    status: int, message: str, headers: Mapping[str, str] | None = None, *, code: str | None = None
) -> Response:
    failure = Failure(status, "invalid_request", message, code=code)
    return JsonResponse(
        _DIALECT.error(failure), status_code=status, headers={**(headers or {}), "x-should-retry": "false"}
    )
