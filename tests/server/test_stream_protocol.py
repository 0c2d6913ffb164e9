"""The shorter way for the pieces of a stream gives the bytes that h11 gives, and is taken for chunks alone."""

from __future__ import annotations

import h11
import pytest

from tray_bridge.server.stream_protocol import StreamConnection

PIECES = (b"data: one\n\n", b"", b"x" * 4096)


def exchange(connection: h11.Connection, request: bytes, headers: list[tuple[str, str]]) -> bytes:
    """What this connection sends for a response to the request."""
    connection.receive_data(request)
    while not isinstance(connection.next_event(), h11.EndOfMessage):
        pass
    events = [h11.Response(status_code=200, headers=headers, reason=b"OK"), *(h11.Data(data=d) for d in PIECES)]
    written = b"".join(bytes(connection.send(event) or b"") for event in (*events, h11.EndOfMessage()))
    if connection.our_state is h11.DONE:
        connection.start_next_cycle()
    return written


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        (b"1.1", [("content-type", "text/event-stream")]),
        (b"1.1", [("content-length", str(sum(map(len, PIECES))))]),
        (b"1.0", [("content-type", "text/event-stream")]),
    ],
    ids=["in chunks", "with a length", "HTTP/1.0"],
)
def test_a_response_has_the_bytes_of_h11_each_time(version: bytes, headers: list[tuple[str, str]]) -> None:
    request = b"POST / HTTP/%b\r\nhost: x\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n" % version
    ours, plain = StreamConnection(h11.SERVER), h11.Connection(h11.SERVER)
    for _ in range(1 if version == b"1.0" else 2):
        assert exchange(ours, request, headers) == exchange(plain, request, headers)


def test_after_a_response_with_a_length_nothing_is_framed_as_a_chunk() -> None:
    ours = StreamConnection(h11.SERVER)
    request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    assert b"chunked" in exchange(ours, request, [])
    assert exchange(ours, request, [("content-length", str(sum(map(len, PIECES))))]).endswith(b"x" * 4096)
