"""How the stand-in fails when a prompt asks for it, and that it always stops."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tests.standin.messages_client import answer, directive, pieces, post, request_body, stream, text
from tray_bridge.standin import StandIn


def eventually_aborted(standin: StandIn) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if standin.requests and standin.requests[-1].aborted:
            return True
        time.sleep(0.02)
    return False


def test_an_error_comes_with_its_status_body_and_headers(standin: StandIn) -> None:
    error = {"status": 429, "type": "rate_limit_error", "message": "Slow down", "retry_after": 7}
    response = post(standin, directive(text="x", error=error))
    assert response.status_code == 429
    assert response.json() == {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}
    assert response.headers["retry-after"] == "7"
    assert response.headers["request-id"].startswith("req_")


def test_an_error_without_details_is_an_overloaded_api(standin: StandIn) -> None:
    response = post(standin, directive(error={}))
    assert (response.status_code, response.json()["error"]["type"]) == (529, "overloaded_error")


def test_error_times_lets_a_later_attempt_through(standin: StandIn) -> None:
    script = directive(text="Hello", error={"status": 500}, error_times=2)
    assert [post(standin, script).status_code for _ in range(4)] == [500, 500, 200, 200]
    standin.clear()
    assert post(standin, script).status_code == 500


def test_a_break_cuts_the_connection_after_so_many_deltas(standin: StandIn) -> None:
    got = []
    with pytest.raises(httpx.RemoteProtocolError):
        for event in stream(standin, directive(words=9, break_after=2)):
            got.append(event)  # noqa: PERF402 - what came before the break counts
    assert pieces(got) == ["word1", " word2"]
    with pytest.raises(httpx.RemoteProtocolError):
        post(standin, directive(words=9, break_after=2))


def test_break_times_lets_a_later_attempt_through(standin: StandIn) -> None:
    script = directive(words=2, break_after=1, break_times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        post(standin, script)
    assert text(answer(standin, script)) == "word1 word2"


def test_an_error_event_ends_a_stream(standin: StandIn) -> None:
    events = list(stream(standin, directive(words=9, error_event_after=2)))
    assert pieces(events) == ["word1", " word2"]
    assert events[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_an_error_event_can_be_worded(standin: StandIn) -> None:
    error = {"type": "api_error", "message": "Broken"}
    events = list(stream(standin, directive(words=9, error_event_after=0, error=error)))
    assert events == [{"type": "error", "error": error}]


def test_a_client_that_hangs_up_is_noticed(standin: StandIn) -> None:
    events = stream(standin, directive(words=1000, rate=50))
    for event in events:
        if event["type"] == "content_block_delta":
            break
    events.close()  # type: ignore[attr-defined]
    assert eventually_aborted(standin)


@pytest.mark.parametrize("script", [directive(hang=True), directive(words=3, hang_after=2), directive(hang=60)])
def test_a_hang_lasts_until_the_client_leaves(standin: StandIn, script: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{standin.url}/v1/messages", json=request_body(script, stream=True), timeout=0.3)
    assert eventually_aborted(standin)


def test_a_hang_of_some_seconds_ends_in_the_answer(standin: StandIn) -> None:
    started = time.perf_counter()
    assert text(answer(standin, directive(text="At last", hang=0.2))) == "At last"
    assert time.perf_counter() - started >= 0.2


def test_many_answers_flow_at_the_same_time(standin: StandIn) -> None:
    said: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: said.append("".join(pieces(list(stream(standin, directive(words=20, rate=40))))))
        )
        for _ in range(8)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 8
    assert len(set(said)) == 1
    assert time.perf_counter() - started < 4 * 19 / 40


def test_stopping_cuts_what_hangs_and_frees_the_port() -> None:
    standin = StandIn().start()
    port = int(standin.url.rsplit(":", 1)[1])
    failed: list[Exception] = []

    def ask() -> None:
        try:
            list(stream(standin, directive(words=3, hang_after=2)))
        except httpx.HTTPError as error:
            failed.append(error)

    client = threading.Thread(target=ask)
    client.start()
    while not standin.requests:
        time.sleep(0.01)
    started = time.perf_counter()
    standin.stop()
    standin.stop()
    client.join(30)
    assert failed
    assert time.perf_counter() - started < 3
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_taken_port_is_told_at_start(standin: StandIn) -> None:
    with pytest.raises(OSError, match=r"in use|only one usage"):
        StandIn(int(standin.url.rsplit(":", 1)[1])).start()


def test_it_runs_by_itself_and_prints_its_address() -> None:
    command = [sys.executable, "-m", "tray_bridge.standin", "--port", "0", "--rate", "100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert httpx.get(f"{url}/standin/requests").json() == []
        finally:
            process.terminate()
