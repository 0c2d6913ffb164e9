"""Reading a body over a real server: what is taken, what is refused, and how much memory that needs."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psutil
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from tests.api.live_server import exchange, serve
from tests.resilience.faults import bound
from tray_bridge.api import body
from tray_bridge.api.body import MAX_VALUES, parse_json_object, read_json_body
from tray_bridge.api.errors import add_error_handlers
from tray_bridge.api.json_response import JsonResponse
from tray_bridge.bridge.frames import encode_json
from tray_bridge.errors import InvalidRequestError, RequestTooLargeError
from tray_bridge.turns import MAX_DEPTH

MEGABYTE = 1024 * 1024


def echo_app(*, limit_megabytes: float = 1, chunk_seconds: float = 5) -> FastAPI:
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/")
    async def echo(request: Request) -> Response:
        read = await read_json_body(request, limit_megabytes=limit_megabytes, chunk_seconds=chunk_seconds)
        return JsonResponse(read)

    return app


async def post(content: Any, *, limit_megabytes: float = 1, headers: dict[str, str] | None = None) -> httpx.Response:
    async with serve(echo_app(limit_megabytes=limit_megabytes)) as port, httpx.AsyncClient() as client:
        return await client.post(f"http://127.0.0.1:{port}/", content=content, headers=headers)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"{}", {}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\\ud800 \\u0000 \xf0\x9f\x98\x80"}', {"a": "\ud800 \0 😀"}),
        (b'{"a": 1e3}', {"a": 1000.0}),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
    ],
)
def test_a_json_object_is_taken_as_it_is(sent: bytes, expected: dict[str, Any]) -> None:
    value = parse_json_object(bytearray(sent))
    assert value == expected
    assert json.loads(encode_json(value)) == expected


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", "no body"),
        (b" \n", "no body"),
        (b'{"a": 1,\n "b" 2}', r"line 2, column 6"),
        (b"{'a': 1}", r"line 1, column 2"),
        (b"[]", "not an array"),
        (b'"text"', "not a string"),
        (b"null", "not null"),
        (b"true", "not a boolean"),
        (b"1.5", "not a number"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "1e999"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": "\xff"}', "byte 7"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b"\x1f\x8b\x08\x00", "not UTF-8"),
        (nested(MAX_DEPTH + 1), "nested deeper"),
        (nested(900), "nested deeper"),
        (b"[" * 1_000_000, "nested deeper|more than"),
        (b'{"a":' * 200_000, "nested deeper"),
    ],
)
def test_anything_else_is_refused_with_the_reason(sent: bytes, told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        parse_json_object(bytearray(sent))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_whatever_json_a_client_writes_comes_out_the_same(value: dict[str, Any], ascii_only: bool) -> None:
    sent = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_json_object(bytearray(sent)) == value
    assert json.loads(encode_json(value)) == value


@given(st.binary() | st.text(alphabet='{}[]",:\\u0d8-1eE.NaInfitytrue \n').map(str.encode))
def test_whatever_bytes_come_they_are_an_object_or_refused(sent: bytes) -> None:
    try:
        assert isinstance(parse_json_object(bytearray(sent)), dict)
    except InvalidRequestError as error:
        assert error.message


def test_too_many_values_are_refused_but_not_text_that_looks_like_them() -> None:
    looks = '[{,\\"' * MAX_VALUES
    assert parse_json_object(bytearray(json.dumps({"a": looks, "b": "\\"}).encode()))["a"] == looks
    many = json.dumps({"a": looks, "b": [[]] * (MAX_VALUES + 1)}).encode()
    with pytest.raises(RequestTooLargeError, match="values"):
        parse_json_object(bytearray(many))


def test_the_count_is_the_same_wherever_a_slice_ends() -> None:
    text = json.dumps({"t": '\\"{[,' * 60_000, "b": [0] * (MAX_VALUES - 10)}).encode()
    for shift in range(2):  # a slice is no multiple of the pattern: each slice ends elsewhere in it
        parse_json_object(bytearray(b" " * shift + text))
        with pytest.raises(RequestTooLargeError):
            parse_json_object(bytearray(b" " * shift + text[:-2] + b",0,0,0,0,0,0,0,0,0,0]}"))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
async def test_any_content_type_is_taken(content_type: str) -> None:
    answer = await post(b'{"a": "\\ud800"}', headers={"content-type": content_type})
    assert answer.content == b'{"a":"\\ud800"}'


async def test_a_body_over_the_limit_is_413_announced_or_not() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    for content in (b" " * (2 * MEGABYTE), pieces()):
        answer = await post(content)
        assert answer.status_code == 413
        assert "larger than 1 MB" in answer.json()["error"]["message"]


async def test_an_announced_length_is_refused_before_the_body_comes() -> None:
    async with serve(echo_app()) as port:
        answer = await exchange(
            port, b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999\r\n\r\n"
        )
    assert answer.startswith(b"HTTP/1.1 413")


async def test_an_upload_over_the_limit_needs_no_memory() -> None:
    process = psutil.Process()
    peak = before = process.memory_info().rss

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal peak
        for _ in range(1600):  # 100 MB
            peak = max(peak, process.memory_info().rss)
            yield b" " * 65_536

    assert (await post(pieces(), limit_megabytes=4)).status_code == 413
    assert peak - before < 24 * MEGABYTE


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return gzip.compress(b" " * (64 * MEGABYTE))


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip"])
async def test_a_compressed_body_is_not_unpacked(bomb: bytes, encoding: str) -> None:
    before = psutil.Process().memory_info().rss
    answer = await post(bomb, headers={"content-encoding": encoding})
    assert answer.status_code == 415
    assert "plain" in answer.json()["error"]["message"]
    assert psutil.Process().memory_info().rss - before < 16 * MEGABYTE


async def test_a_bomb_of_many_small_values_needs_no_memory() -> None:
    bomb = b'{"a":[' + b"{}," * (10 * MEGABYTE) + b"{}]}"
    before = psutil.Process().memory_info().rss
    answer = await post(bomb, limit_megabytes=32)
    assert answer.status_code == 413
    assert psutil.Process().memory_info().rss - before < 80 * MEGABYTE  # the body itself, twice: client and server


async def test_a_body_that_stops_coming_is_408() -> None:
    async with serve(echo_app(chunk_seconds=0.2)) as port:
        began = asyncio.get_running_loop().time()
        answer = await exchange(port, b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"a"')
        assert asyncio.get_running_loop().time() - began < bound(1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


async def test_a_body_that_comes_in_single_bytes_is_taken() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in b'{"a": 1}':
            await asyncio.sleep(0.01)
            yield bytes([byte])

    assert (await post(pieces())).json() == {"a": 1}


async def test_a_body_that_drips_without_end_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "BODY_SECONDS", 0.3)

    async def drip() -> None:
        with contextlib.suppress(OSError):
            for _ in range(400):
                writer.write(b" ")
                await asyncio.sleep(0.05)

    async with serve(echo_app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n")
        dripping = asyncio.create_task(drip())
        assert await asyncio.wait_for(reader.readexactly(12), 15) == b"HTTP/1.1 408"
        dripping.cancel()
        writer.close()


async def test_a_client_that_leaves_while_sending_harms_nobody() -> None:
    async with serve(echo_app()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"a"')
        await asyncio.sleep(0.1)
        writer.transport.abort()
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"http://127.0.0.1:{port}/", content=b"{}")).json() == {}
