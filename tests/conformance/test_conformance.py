"""Every dialect over the same list, streamed and whole, with the real CLI against the stand-in.

What a dialect adds is its folder, its line in `all_dialects` and a small client in `client_adapters`.
"""

from __future__ import annotations

import functools
import html
import http.client
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import httpx
import pytest

import tray_bridge
from tests.conformance.client_adapters import CLIENTS, Adapter, Heard, Question
from tests.conformance.talk import BY_NAME, TOOL, WRITERS, Talk, check_kept
from tests.conformance.tiny_dialect import Tiny, TinyClient
from tests.e2e.upstream import turns
from tests.running_bridge import RunningBridge, directive, running_bridge, wait_for
from tray_bridge.api import answering
from tray_bridge.bridge import all_dialects
from tray_bridge.standin import StandIn

PACKAGE = Path(tray_bridge.__file__).parent
STORY = "answering.py"
STARTS = ("answering_router",)  # called by the app before there is a request
ENTRIES: list[tuple[str, str]] = []  # the file that calls, and the function of the story that it calls
SERVED = [dialect.name for dialect in all_dialects.DIALECTS]
ADAPTERS = [client for client in (*CLIENTS, TinyClient()) if client.dialect in (*SERVED, "tiny")]
EACH = pytest.mark.parametrize("client", ADAPTERS, ids=[client.dialect for client in ADAPTERS])
BOTH = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
# What no dialect has a hand in is shown in one of them; `-m full` shows it in each.
ONE = pytest.mark.parametrize(
    "client",
    [
        pytest.param(client, id=client.dialect, marks=[pytest.mark.full] * (client.dialect != "openai_chat"))
        for client in ADAPTERS
    ],
)


def noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Note the calls that stand in another file. That a coroutine or a generator goes on later is no call."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        caller = Path(sys._getframe(1).f_code.co_filename).name
        if caller != STORY:
            ENTRIES.append((caller, function.__name__))
        found = function(*arguments, **named)
        return noted_endpoint(found) if inspect.iscoroutinefunction(found) else found

    return call


def noted_endpoint(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """FastAPI must find it asynchronous, and calls it once for each request."""

    @functools.wraps(endpoint)
    async def call(*arguments: Any, **named: Any) -> Any:
        ENTRIES.append(("the router", endpoint.__name__))
        return await endpoint(*arguments, **named)

    return call


@pytest.fixture(scope="module")
def all_served(running_standin: StandIn) -> Iterator[RunningBridge]:
    """A bridge that serves the tiny dialect too, and notes each call of the file that tells a request's story."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(all_dialects, "DIALECTS", (*all_dialects.DIALECTS, Tiny()))
        for owner in (answering, answering.Answering):
            for name, found in list(vars(owner).items()):
                if inspect.isfunction(found) and found.__module__ == answering.__name__ and name not in STARTS:
                    patch.setattr(owner, name, noted(found))
        with running_bridge(running_standin, suspended_sessions=1) as running:
            yield running


@pytest.fixture
def bridge(all_served: RunningBridge, standin: StandIn) -> RunningBridge:
    return all_served


def send(bridge: RunningBridge, client: Adapter, question: Question) -> httpx.Response:
    return httpx.post(f"{bridge.url}{client.path}", json=client.ask(question), timeout=60)


def hear(bridge: RunningBridge, client: Adapter, question: Question) -> Heard:
    """Ask, and check what holds for every answer that ends well."""
    response, stream = send(bridge, client, question), question.stream
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].split(";")[0] == (client.media_type if stream else "application/json")
    assert response.headers["x-request-id"].startswith("req_")
    heard = client.stream(response.text) if stream else client.whole(response.json())
    assert heard.error == ""
    assert heard.complete
    return heard


@BOTH
def test_the_walk_of_a_request_enters_the_file_of_its_story_once(bridge: RunningBridge, stream: bool) -> None:
    """From the body to the process and back, nothing but the router calls `api/answering`: it is read from top down."""
    ENTRIES.clear()
    hear(bridge, TinyClient(), Question(directive(text="A story."), stream))
    print(f"{'streamed' if stream else 'whole'}: {len(ENTRIES)} entry, by {ENTRIES}")
    assert ENTRIES == [("the router", "answer")]


def skip_without_words(client: Adapter, case: str) -> None:
    if case in client.cannot:
        pytest.skip(f"{client.dialect} has no words for it: {case}")


def test_every_dialect_has_a_client_here() -> None:
    assert sorted(client.dialect for client in ADAPTERS) == sorted([*SERVED, "tiny"])


@EACH
def test_a_page_of_this_machine_may_ask(bridge: RunningBridge, client: Adapter) -> None:
    asks = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    assert httpx.options(f"{bridge.url}{client.path}", headers=asks).status_code == 204
    below = httpx.options(f"{bridge.url}/dashboard{client.path}", headers=asks)
    assert below.status_code == 403


@EACH
@BOTH
def test_text(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    text = 'Two words, "quoted",\n é ☕ \u2028.'
    heard = hear(bridge, client, Question(directive(text=text), stream))
    assert (heard.text, heard.calls, heard.ending) == (text, [], client.endings["end"])


@EACH
@BOTH
def test_thinking(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    skip_without_words(client, "thinking")
    heard = hear(bridge, client, Question(directive(thinking="First this.", text="Then that."), stream, think=True))
    assert (heard.thinking, heard.text) == ("First this.", "Then that.")


@pytest.mark.full  # the next one has calls after a text, too
@EACH
@BOTH
def test_one_call(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    skip_without_words(client, "one call")
    spec = directive(text="I look.", tools=[{"name": "look", "input": {"where": "here"}}])
    heard = hear(bridge, client, Question(spec, stream, tools=["look"]))
    assert (heard.text, heard.calls) == ("I look.", [("look", {"where": "here"})])
    assert heard.ending == client.endings["calls"]


@EACH
@BOTH
def test_parallel_calls_one_of_them_without_arguments(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    skip_without_words(client, "parallel calls")
    calls = [{"name": "look", "input": {"n": 1}}, {"name": "wait", "raw": ""}, {"name": "look", "input": {"n": 2}}]
    spec = directive(text="I look.", tools=calls)
    heard = hear(bridge, client, Question(spec, stream, tools=["look", "wait"]))
    assert heard.text == "I look."
    assert heard.calls == [("look", {"n": 1}), ("wait", {}), ("look", {"n": 2})]
    assert heard.ending == client.endings["calls"]


@EACH
@BOTH
def test_a_refusal(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    heard = hear(bridge, client, Question(directive(text="Well", refusal=True), stream))
    assert heard.text.startswith("Well")
    assert heard.ending == client.endings["refusal"]


@EACH
@BOTH
def test_an_answer_that_is_cut_at_its_limit(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    heard = hear(bridge, client, Question(directive(words=50), stream, limit=3))
    words = " ".join(f"word{number + 1}" for number in range(3 + client.beyond_limit))
    assert (heard.text, heard.ending) == (words, client.endings["limit"])


@EACH
@BOTH
def test_a_stop_string(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    skip_without_words(client, "stop string")
    heard = hear(bridge, client, Question(directive(chunks=["one E", "ND two"]), stream, stop="END"))
    assert (heard.text, heard.ending) == ("one ", client.endings["stop"])
    if heard.output_tokens is not None:
        assert heard.output_tokens == 3  # a token for four of the characters that came


# Whole ones keep their status in `test_fidelity_endings`; the words are the same.
@EACH
@pytest.mark.parametrize(
    "stream", [pytest.param(True, id="streamed"), pytest.param(False, id="whole", marks=pytest.mark.full)]
)
def test_an_error_before_the_first_byte_is_a_status_in_the_dialects_words(
    bridge: RunningBridge, client: Adapter, stream: bool
) -> None:
    failure = {"status": 400, "type": "invalid_request_error", "message": "not for you"}
    response = send(bridge, client, Question(directive(error=failure), stream))
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert "not for you" in client.error(response.json())


@EACH
def test_an_error_in_mid_stream_ends_it_in_the_dialects_words(bridge: RunningBridge, client: Adapter) -> None:
    response = send(bridge, client, Question(directive(words=6, rate=8, error_event_after=3), True))
    assert response.status_code == 200
    heard = client.stream(response.text)
    assert heard.error != ""
    assert not heard.complete
    assert "word1 word2 word3".startswith(heard.text)


@ONE  # each has its words for the error above
def test_a_stream_that_restarts_after_it_was_shown_is_an_error_and_says_nothing_twice(
    bridge: RunningBridge, client: Adapter
) -> None:
    response = send(bridge, client, Question(directive(words=6, rate=8, break_after=3, break_times=1), True))
    heard = client.stream(response.text)
    assert heard.text.count("word1") == 1
    assert heard.error != ""
    assert not heard.complete


@ONE
def test_a_whole_answer_that_restarts_is_that_of_the_second_time(bridge: RunningBridge, client: Adapter) -> None:
    heard = hear(bridge, client, Question(directive(words=6, rate=8, break_after=3, break_times=1), False))
    assert heard.text == "word1 word2 word3 word4 word5 word6"


@ONE
@BOTH
def test_a_client_that_leaves_frees_its_worker(bridge: RunningBridge, client: Adapter, stream: bool) -> None:
    body = client.ask(Question(directive(words=2000, rate=20), stream))
    if stream:
        with httpx.stream("POST", f"{bridge.url}{client.path}", json=body, timeout=60) as response:
            pieces = response.iter_bytes()  # kept: a client that drops it leaves
            next(pieces)
            bridge.wait_for(lambda s: s.pool.busy == 1)
    else:
        url = httpx.URL(bridge.url)
        connection = http.client.HTTPConnection(url.host, url.port)
        connection.request("POST", client.path, json.dumps(body), {"Content-Type": "application/json"})
        wait_for(lambda: bridge.standin.requests and bridge.snapshot().pool.busy == 1)
        connection.close()
    bridge.wait_for(lambda s: s.pool.busy == 0 and not s.requests, 5)
    wait_for(lambda: all(received.ended for received in bridge.standin.requests), 5)


@EACH
def test_what_the_bridge_itself_refuses_is_in_the_dialects_words(bridge: RunningBridge, client: Adapter) -> None:
    url = f"{bridge.url}{client.path}"
    below = httpx.get(f"{url}/nothing/here")
    wrong_method = httpx.put(url)
    foreign = httpx.post(url, json={}, headers={"Host": "evil.example"})
    no_object = httpx.post(url, content=b"[]")
    refused = {404: below, 405: wrong_method, 403: foreign, 400: no_object}
    for status, response in refused.items():
        assert response.status_code == status
        assert len(client.error(response.json())) > 10
        assert response.headers["x-request-id"].startswith("req_")
    assert bridge.standin.requests == []


def test_a_conversation_goes_on_through_every_dialect_after_every_other(bridge: RunningBridge) -> None:
    a, b, c, d = WRITERS
    assert set(WRITERS) == set(BY_NAME)
    talk = Talk(bridge)
    order = (a, b, a, c, a, d, b, c, b, d, c, d, a)
    for number, dialect in enumerate(order):
        asked = directive(text=f"Answer {number}.")
        assert talk.ask(dialect, asked, stream=number % 2 == 0).text == f"Answer {number}."
    check_kept(bridge, len(order))


# The usual run has each dialect once on either side.
NEXT = list(pairwise([*WRITERS, next(iter(WRITERS))]))
PAIRS = [pytest.param(*pair, marks=[pytest.mark.full] * (pair not in NEXT)) for pair in permutations(WRITERS, 2)]


@pytest.mark.parametrize(("asks", "goes_on"), PAIRS)
def test_a_call_of_one_dialect_is_answered_through_another(bridge: RunningBridge, asks: str, goes_on: str) -> None:
    talk = Talk(bridge)
    call = {"tools": [{"name": TOOL, "input": {"x": 1}}]}
    assert talk.ask(asks, directive(**call, then=[{"text": "Found."}])).calls == [(TOOL, {"x": 1})]
    assert talk.result(goes_on, "It is here.").text == "Found."
    check_kept(bridge, 2)
    assert "It is here." in str(turns(bridge.standin.requests[-1].body)[-1])


def test_the_page_names_every_dialect_without_a_change_of_its_own(bridge: RunningBridge) -> None:
    """Log, exchange, usage and keys show a dialect's title, which comes with the page."""
    page = httpx.get(f"{bridge.url}/dashboard").text
    titles = {dialect.name: dialect.title for dialect in all_dialects.DIALECTS}
    assert titles["tiny"] == "Tiny"
    written = html.unescape(page.split('<meta name="dialects" content="')[1].split('"')[0])
    assert json.loads(written) == titles
    scripts = PACKAGE / "dashboard"
    naming = [path.name for path in scripts.glob("*.js") if 'Chat Completions"' in path.read_text("utf-8")]
    assert naming == []
