"""The event stream over a real server: frames, keep-alives, errors, and its end when the client leaves."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from tests.api.live_server import serve
from tests.resilience.faults import bound
from tray_bridge.api.errors import add_error_handlers, failure_of
from tray_bridge.api.framing import WIRES
from tray_bridge.api.streaming import FrameStream, run_unless_disconnected
from tray_bridge.bridge.dialect import Frame
from tray_bridge.bridge.frames import json_frame
from tray_bridge.bridge.openai_chat.errors import write_error
from tray_bridge.errors import QueueFullError, SessionLostError, UpstreamError

Source = Callable[[], AsyncGenerator[Frame, None]]

MORE_THAN_BUFFERS_HOLD = 16 * 2**20


def chunk(text: str, **choice: Any) -> Frame:
    return json_frame(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}],
        }
    )


def error_frames(error: Exception) -> list[Frame]:
    return [json_frame(write_error(failure_of(error)))]


def app_of(source: Source, *, keepalive: float = 10, header_seconds: float = 10) -> FastAPI:
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/v1/chat/completions")
    async def answer(request: Request) -> Response:
        await request.body()
        return FrameStream(
            source(),
            WIRES["sse"],
            error_frames=error_frames,
            keepalive_seconds=keepalive,
            header_seconds=header_seconds,
            headers={"x-extra": "1"},
        )

    return app


async def post(app: FastAPI) -> httpx.Response:
    async with serve(app) as port, httpx.AsyncClient() as client:
        return await client.post(f"http://127.0.0.1:{port}/v1/chat/completions", content=b"{}")


async def test_chunks_become_frames_and_done_comes_last() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        yield json_frame({"a": "é\u2028\ud800"})
        yield Frame(b'{"b":2}')

    answer = await post(app_of(source))
    assert answer.content == b'data: {"a":"\\u00e9\\u2028\\ud800"}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-extra"] == "1"


async def test_a_chunk_goes_out_before_the_next_is_made() -> None:
    seen = asyncio.Event()

    async def source() -> AsyncGenerator[Frame, None]:
        yield chunk("first")
        await asyncio.wait_for(seen.wait(), 30)
        yield chunk("second")

    async with (
        serve(app_of(source)) as port,
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions") as answer,
    ):
        async for text in answer.aiter_text():
            if "first" in text:
                seen.set()
    assert seen.is_set()


async def test_silence_is_filled_with_comments_and_the_pending_read_goes_on() -> None:
    clock = asyncio.get_running_loop().time
    seen = asyncio.Event()
    silent = 0.0

    async def source() -> AsyncGenerator[Frame, None]:
        nonlocal silent
        yield chunk("a")
        began = clock()
        await asyncio.wait_for(seen.wait(), 30)
        silent = clock() - began
        yield chunk("b")

    text = ""
    async with (
        serve(app_of(source, keepalive=0.1)) as port,
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions") as answer,
    ):
        async for part in answer.aiter_text():
            text += part
            if text.count(": keep-alive") >= 3:
                seen.set()
    frames = text.split("\n\n")
    assert 3 <= frames.count(": keep-alive") <= silent / 0.1 + 1
    assert [frame for frame in frames if frame not in (": keep-alive", "")] == [
        f"data: {chunk('a').data.decode()}",
        f"data: {chunk('b').data.decode()}",
        "data: [DONE]",
    ]


async def test_a_comment_for_a_slow_reader_never_comes_after_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        yield Frame(b"1" * MORE_THAN_BUFFERS_HOLD)
        yield Frame(b"2")

    async with serve(app_of(source, keepalive=0.1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.5)  # the server wants to fill the silence, and cannot write
        answer = b""
        while not answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            answer += await asyncio.wait_for(reader.read(2**20), 30)
        await asyncio.sleep(0.3)
        writer.close()
    assert answer.count(b"data: ") == 3
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_busy_stream_has_no_comments() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        for _ in range(20):
            await asyncio.sleep(0.02)
            yield chunk("x")

    assert ": keep-alive" not in (await post(app_of(source, keepalive=0.2))).text


async def test_an_error_before_the_first_chunk_is_a_status() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        await asyncio.sleep(0.1)
        raise QueueFullError("All sessions are busy.", retry_after=2)
        yield Frame(b"{}")

    answer = await post(app_of(source, keepalive=0.01))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["code"] == "rate_limit_exceeded"


async def test_an_error_after_the_first_chunk_ends_the_stream_without_done() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        yield chunk("a")
        raise UpstreamError("Overloaded.", status=529)

    frames = (await post(app_of(source))).text.split("\n\n")
    assert frames[-1] == ""
    error = json.loads(frames[-2].removeprefix("data: "))["error"]
    assert (error["message"], error["code"]) == ("Overloaded.", "overloaded")
    assert not any("[DONE]" in frame for frame in frames)


async def test_an_unexpected_error_does_not_show_its_text() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        yield chunk("a")
        raise RuntimeError("a secret detail")

    answer = await post(app_of(source))
    assert '"error"' in answer.text
    assert "secret" not in answer.text


async def test_headers_go_out_when_the_first_chunk_is_long_in_coming() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        await asyncio.sleep(0.5)
        raise SessionLostError("Gone.")
        yield Frame(b"{}")

    began = asyncio.get_running_loop().time()
    async with (
        serve(app_of(source, keepalive=0.1, header_seconds=0.2)) as port,
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://127.0.0.1:{port}/v1/chat/completions") as answer,
    ):
        assert answer.status_code == 200
        assert asyncio.get_running_loop().time() - began < bound(0.5)
        text = (await answer.aread()).decode()
    assert re.fullmatch(r'(: keep-alive\n\n)+data: \{"error":.*\}\n\n', text)


async def test_the_openai_client_reads_through_comments_and_raises_on_an_error_event() -> None:
    async def source() -> AsyncGenerator[Frame, None]:
        yield chunk("a", delta={"role": "assistant", "content": ""})
        await asyncio.sleep(0.3)
        yield chunk("hello")
        raise SessionLostError("Claude Code stopped.")

    texts = []
    async with (
        serve(app_of(source, keepalive=0.05)) as port,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x") as client,
    ):
        stream = await client.chat.completions.create(model="m", messages=[], stream=True)
        with pytest.raises(openai.APIError, match=r"Claude Code stopped\.") as caught:
            async for part in stream:
                texts += [part.choices[0].delta.content]
    assert texts == ["", "hello"]
    assert caught.value.code == "session_lost"


class Work:
    """Something with a slow clean-up, and when it was begun, broken off and cleaned up."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cleaned = asyncio.Event()

    async def run(self) -> None:
        try:
            self.begun.set()
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)
            self.cleaned.set()

    async def waiting(self) -> AsyncGenerator[Frame, None]:
        yield chunk("a")
        await self.run()

    async def flooding(self) -> AsyncGenerator[Frame, None]:
        try:
            self.begun.set()
            while True:
                await asyncio.sleep(0)  # as every source that reads from a process gives way now and then
                yield chunk("x" * 100_000)
        finally:
            await asyncio.sleep(0.2)
            self.cleaned.set()

    async def silent(self) -> AsyncGenerator[Frame, None]:
        await self.run()
        yield Frame(b"{}")


async def leave_while_under_way(app: FastAPI, work: Work) -> None:
    async with serve(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        await asyncio.wait_for(work.begun.wait(), 30)
        await asyncio.sleep(0.1)
        assert not work.cleaned.is_set()
        writer.transport.abort()
        await asyncio.wait_for(work.cleaned.wait(), 20)


@pytest.mark.parametrize("kind", ["waiting", "flooding", "silent"])
async def test_when_the_client_leaves_the_source_cleans_up_to_its_end(kind: str) -> None:
    work = Work()
    await leave_while_under_way(app_of(getattr(work, kind)), work)


async def test_when_the_server_is_cancelled_the_source_still_cleans_up() -> None:
    work = Work()
    stream = FrameStream(work.waiting(), WIRES["sse"], error_frames=error_frames, keepalive_seconds=10)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(30)
        return {}

    async def send(_message: Any) -> None: ...

    serving = asyncio.create_task(stream({"type": "http"}, receive, send))
    await work.begun.wait()
    serving.cancel()
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    await asyncio.wait_for(work.cleaned.wait(), 20)


async def test_a_stream_adds_two_tasks_however_many_its_chunks() -> None:
    counts = set()

    async def source() -> AsyncGenerator[Frame, None]:
        for _ in range(200):
            counts.add(len(asyncio.all_tasks()))
            yield chunk("x")

    before = len(asyncio.all_tasks())
    await post(app_of(source))
    assert max(counts) <= before + 5  # server, connection and client have theirs
    assert max(counts) - min(counts) <= 1
    assert len(asyncio.all_tasks()) == before


async def test_work_without_a_stream_is_ended_when_the_client_leaves() -> None:
    work = Work()
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/v1/chat/completions")
    async def answer(request: Request) -> dict[str, str]:
        await request.body()
        await run_unless_disconnected(request, work.run())
        return {}

    await leave_while_under_way(app, work)


async def test_work_without_a_stream_gives_its_result_or_error() -> None:
    app = FastAPI()
    add_error_handlers(app)

    async def succeed() -> dict[str, int]:
        await asyncio.sleep(0.05)
        return {"answer": 42}

    async def fail() -> dict[str, int]:
        raise SessionLostError("Gone.")

    @app.post("/{what}")
    async def answer(what: str, request: Request) -> dict[str, int]:
        await request.body()
        return await run_unless_disconnected(request, succeed() if what == "succeed" else fail())

    async with (
        serve(app) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        assert (await client.post("/succeed", json={})).json() == {"answer": 42}
        assert (await client.post("/fail", json={})).status_code == 502
