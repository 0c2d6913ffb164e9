"""What each framing sends: frames, silences, errors and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response

from tests.api.live_server import serve
from tests.resilience.faults import bound
from tray_bridge.api.framing import WIRES
from tray_bridge.api.streaming import FrameStream
from tray_bridge.bridge.dialect import Frame, Framing
from tray_bridge.errors import SessionLostError

Source = Callable[[], AsyncGenerator[Frame, None]]

ENCODED: dict[Framing, tuple[bytes, bytes, bytes]] = {
    "sse": (b'data: {"a":1}\n\n', b"data: {}\n\n", b"data: [DONE]\n\n"),
    "named_sse": (b'event: one\ndata: {"a":1}\n\n', b"event: two\ndata: {}\n\n", b""),
    "ndjson": (b'{"a":1}\n', b"{}\n", b""),
}
EACH = pytest.mark.parametrize("framing", ENCODED)


def app_of(
    source: Source,
    framing: Framing,
    keep_alive: Frame | None = None,
    *,
    seconds: float = 10,
    header_seconds: float = 10,
) -> FastAPI:
    app = FastAPI()

    @app.post("/")
    async def answer() -> Response:
        return FrameStream(
            source(),
            WIRES[framing],
            error_frames=lambda error: [Frame(b'{"wrong":1}', "wrong")],
            keep_alive=lambda: keep_alive,
            keepalive_seconds=seconds,
            header_seconds=header_seconds,
        )

    return app


async def post(app: FastAPI) -> httpx.Response:
    async with serve(app) as port, httpx.AsyncClient() as client:
        return await client.post(f"http://127.0.0.1:{port}/")


async def two() -> AsyncGenerator[Frame, None]:
    yield Frame(b'{"a":1}', "one")
    yield Frame(b"{}", "two")


async def failing() -> AsyncGenerator[Frame, None]:
    yield Frame(b'{"a":1}', "one")
    raise SessionLostError("Gone.")


async def silent() -> AsyncGenerator[Frame, None]:
    yield Frame(b'{"a":1}', "one")
    await asyncio.sleep(0.35)
    yield Frame(b"{}", "two")


@EACH
async def test_frames_and_end(framing: Framing) -> None:
    answer = await post(app_of(two, framing))
    assert answer.content == b"".join(ENCODED[framing])
    assert answer.headers["content-type"].startswith(WIRES[framing].media_type)


@EACH
async def test_an_error_after_the_first_frame_ends_the_stream_without_the_framings_end(framing: Framing) -> None:
    first, _, end = ENCODED[framing]
    answer = await post(app_of(failing, framing))
    assert answer.content == first + WIRES[framing].encode(Frame(b'{"wrong":1}', "wrong"))
    assert not end or end not in answer.content


@EACH
async def test_silence_is_filled_as_the_framing_allows(framing: Framing) -> None:
    first, second, end = ENCODED[framing]
    answer = await post(app_of(silent, framing, seconds=0.1))
    comment = b"" if framing == "ndjson" else b": keep-alive\n\n"
    assert answer.content.startswith(first)
    assert answer.content.endswith(second + end)
    between = answer.content.removeprefix(first).removesuffix(second + end)
    assert between == comment * (len(between) // (len(comment) or 1))
    assert bool(between) == bool(comment)


@EACH
async def test_a_dialect_may_fill_silence_with_a_frame_of_its_own(framing: Framing) -> None:
    ping = Frame(b'{"type":"ping"}', "ping")
    answer = await post(app_of(silent, framing, ping, seconds=0.1))
    assert WIRES[framing].encode(ping) in answer.content
    assert b": keep-alive" not in answer.content


async def test_lines_of_json_send_their_headers_early_and_no_empty_line() -> None:
    async def late() -> AsyncGenerator[Frame, None]:
        await asyncio.sleep(0.6)
        yield Frame(b"{}")

    async with (
        serve(app_of(late, "ndjson", seconds=0.1, header_seconds=0.1)) as port,
        httpx.AsyncClient() as client,
    ):
        began = asyncio.get_running_loop().time()
        async with client.stream("POST", f"http://127.0.0.1:{port}/") as answer:
            assert asyncio.get_running_loop().time() - began < bound(0.5)
            assert await answer.aread() == b"{}\n"
