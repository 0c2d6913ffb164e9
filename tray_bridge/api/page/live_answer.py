"""An answer as it is written: server-sent events with each new piece of an exchange that is under way.

Owns what of an exchange's events is sent. Must not know files.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from ...bridge.frames import encode_json
from ...session_log import Exchange
from ...turns import Restarted, TextDelta, ThinkingDelta
from .route import PageRoute, missing

LOOK = 0.1  # seconds between two looks at the exchange: a person sees no more


def live_router(under_way: Callable[[str], Exchange | None]) -> APIRouter:
    """Make the route; `under_way` gives an exchange that has not ended."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/exchanges/{exchange_id}/live")
    async def live(exchange_id: str) -> Response:
        exchange = under_way(exchange_id)
        if exchange is None or exchange.mode != "full":
            return missing("This exchange is not under way.")
        return StreamingResponse(pieces(exchange), media_type="text/event-stream")

    return router


async def pieces(exchange: Exchange) -> AsyncIterator[bytes]:
    """Yield what there is, then what comes, as `piece` events; the last event is `end`."""
    sent = 0
    while True:
        ended = exchange.ended
        news, sent = exchange.events[sent:], len(exchange.events)
        if piece := _joined(news):
            yield b"event: piece\ndata: %b\n\n" % encode_json(piece)
        if ended:
            yield b"event: end\ndata: {}\n\n"
            return
        await asyncio.sleep(LOOK)


def _joined(events: list[Any]) -> dict[str, Any]:
    """Join events to one piece; `restarted` says that what was sent before is void."""
    piece: dict[str, Any] = {}
    for event in events:
        if isinstance(event, Restarted):
            piece = {"restarted": True}
        elif isinstance(event, (TextDelta, ThinkingDelta)):
            name = "text" if isinstance(event, TextDelta) else "reasoning"
            piece[name] = piece.get(name, "") + event.text
    return piece
