"""How answers end: each reason once, a break never hidden, an error never an answer."""

from __future__ import annotations

import time

import pytest

from tests.e2e.upstream import (
    Wire,
    answer,
    chunks_of,
    deltas,
    finish_reasons,
    newest,
    nothing_went_on,
    post,
    turns,
)
from tests.running_bridge import RunningBridge, directive

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
REFUSAL = "Claude declined to answer this request."


def asking(**spec: object) -> Wire:
    return {"messages": [{"role": "user", "content": directive(**spec)}]}


ENDINGS: dict[str, tuple[Wire, str, Wire]] = {
    "end_turn": ({"text": "Done."}, "stop", {"content": "Done."}),
    "stop_sequence": ({"text": "Done.", "stop_reason": "stop_sequence"}, "stop", {"content": "Done."}),
    "pause_turn": ({"text": "Done.", "stop_reason": "pause_turn"}, "stop", {"content": "Done."}),
    "max_tokens": ({"text": "Cut", "stop_reason": "max_tokens"}, "length", {"content": "Cut"}),
    "window": (
        {"text": "Cut", "stop_reason": "model_context_window_exceeded"},
        "length",
        {"content": "Cut"},
    ),
    "refusal": ({"refusal": True}, "content_filter", {"content": None, "refusal": REFUSAL}),
    "refusal after text": (
        {"text": "Well", "refusal": True},
        "content_filter",
        {"content": "Well", "refusal": REFUSAL},
    ),
    "tool_use": ({"text": "I look.", "tools": [{"name": "look"}]}, "tool_calls", {"content": "I look."}),
    "no text": ({"text": ""}, "stop", {"content": ""}),
    "blank text": ({"chunks": [" ", "\n"]}, "stop", {"content": " \n"}),
    "thinking alone": ({"thinking": "Hm."}, "stop", {"content": "", "reasoning_content": "Hm."}),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_ending_comes_once_in_both_forms_and_the_cli_does_not_go_on(bridge: RunningBridge, ending: str) -> None:
    spec, reason, message = ENDINGS[ending]
    # Where the CLI goes on, the stand-in reads the same question again, delay included: a model takes its time as well.
    goes_on = reason in ("length", "content_filter") or not (message["content"] or "").strip()
    spec["first_delay"] = 1.0 if goes_on else 0
    body = {**asking(**spec), "tools": [TOOL]} if "tools" in spec else asking(**spec)
    (choice,) = post(bridge, body).json()["choices"]
    assert choice["finish_reason"] == reason
    assert message.items() <= choice["message"].items()
    nothing_went_on(bridge)
    bridge.standin.clear()
    response = post(bridge, {**body, "stream": True})
    chunks = chunks_of(response)
    assert finish_reasons(chunks) == [reason]
    assert deltas(chunks, "content") == (message["content"] or "")
    assert deltas(chunks, "refusal") == (message.get("refusal") or "")
    assert response.text.endswith("data: [DONE]\n\n")
    nothing_went_on(bridge)


def test_a_conversation_goes_on_after_an_answer_without_words(bridge: RunningBridge) -> None:
    body = asking(thinking="Hm.")
    messages = [*body["messages"], answer(bridge, body), {"role": "user", "content": directive(text="Here.")}]
    assert answer(bridge, {"messages": messages})["content"] == "Here."
    ((role, asked),) = turns(newest(bridge))
    assert role == "user"
    assert [block["text"] for block in asked] == [message["content"] for message in (messages[0], messages[2])]


def test_usage_counts_what_was_cached(bridge: RunningBridge) -> None:
    figures = {
        "input_tokens": 7,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens": 11,
    }
    expected = {
        "prompt_tokens": 127,
        "completion_tokens": 11,
        "total_tokens": 138,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    body = asking(text="ok", usage=figures)
    assert post(bridge, body).json()["usage"] == expected
    *chunks, last = chunks_of(post(bridge, {**body, "stream": True, "stream_options": {"include_usage": True}}))
    assert (last["choices"], last["usage"]) == ([], expected)
    assert not any("usage" in chunk for chunk in chunks)
    assert not any("usage" in chunk for chunk in chunks_of(post(bridge, {**body, "stream": True})))


# Breaks. The stand-in's rate leaves the CLI time to hand on what came before the break.


@pytest.mark.parametrize("how", ["break_after", "error_event_after"])
def test_a_stream_that_breaks_upstream_ends_in_an_error_and_says_nothing_twice(bridge: RunningBridge, how: str) -> None:
    response = post(bridge, {**asking(words=6, rate=8, **{how: 3}), "stream": True})
    assert response.status_code == 200
    *chunks, last = chunks_of(response)
    content = deltas(chunks, "content")
    assert content.startswith("word1") and "word1 word2 word3".startswith(content)
    assert finish_reasons(chunks) == []
    assert last["error"]["message"]
    assert "[DONE]" not in response.text
    assert all(received.body.get("stream") for received in bridge.standin.requests), "asked again without a stream"


def test_a_whole_answer_survives_a_break_by_the_clis_own_retry(bridge: RunningBridge) -> None:
    message = answer(bridge, asking(words=6, rate=8, break_after=3, break_times=1))
    assert message["content"] == "word1 word2 word3 word4 word5 word6"
    assert len(bridge.standin.requests) == 2


@pytest.mark.parametrize("how", [{"break_after": 3}, {"error_event_after": 3}])
def test_an_answer_that_always_breaks_is_an_error_and_never_half_an_answer(bridge: RunningBridge, how: Wire) -> None:
    response = post(bridge, asking(words=6, rate=8, **how))
    assert response.status_code >= 500
    assert "choices" not in response.json()


def test_a_break_before_the_first_word_is_not_seen(bridge: RunningBridge) -> None:
    chunks = chunks_of(post(bridge, {**asking(text="All of it.", break_after=0, break_times=1), "stream": True}))
    assert deltas(chunks, "content") == "All of it."
    assert finish_reasons(chunks) == ["stop"]


# Errors before the first byte


def failing(status: int, **more: object) -> Wire:
    kind = "rate_limit_error" if status == 429 else "api_error"
    return {"status": status, "type": kind, "message": f"upstream says {status}", **more}


STATUSES = (400, 401, 403, 404, 413, 429, 500, 503, 529)
AT_ONCE = (400, 429)  # one error that a client may send again, and one that it may not


@pytest.mark.parametrize(
    ("status", "stream"),
    [(status, False) for status in STATUSES]
    + [pytest.param(s, True, marks=() if s in AT_ONCE else pytest.mark.full) for s in STATUSES],
)
def test_an_upstream_error_keeps_its_status_streamed_or_not(bridge: RunningBridge, status: int, stream: bool) -> None:
    response = post(bridge, {**asking(error=failing(status)), "stream": stream})
    assert response.status_code == status
    error = response.json()["error"]
    assert error["message"] and error["type"] and set(error) == {"message", "type", "param", "code"}
    assert response.headers["x-should-retry"] == ("true" if status in (429, 500, 503, 529) else "false")
    assert response.headers["x-request-id"].startswith("req_")
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert len(bridge.standin.requests) <= 3, "Claude Code tries twice more at most: clients try again by themselves"


@pytest.mark.parametrize("wait", [30, 3600])
def test_a_429_with_a_long_wait_is_passed_on_at_once(bridge: RunningBridge, wait: int) -> None:
    """The CLI tells the wait where it would wait itself; of a longer one it says nothing, so a minute is advised."""
    began = time.monotonic()
    response = post(bridge, asking(error=failing(429, retry_after=wait)))
    assert time.monotonic() - began < 15
    assert response.status_code == 429
    assert len(bridge.standin.requests) == 1
    assert min(wait, 60) <= int(response.headers["retry-after"]) <= max(wait, 60)
    assert int(response.headers["retry-after-ms"]) > 1000


def test_a_short_wait_is_waited_for(bridge: RunningBridge) -> None:
    message = answer(bridge, asking(text="ok", error=failing(429, retry_after=1), error_times=1))
    assert message["content"] == "ok"
    assert len(bridge.standin.requests) == 2


def test_an_overload_that_passes_is_not_seen(bridge: RunningBridge) -> None:
    assert answer(bridge, asking(text="ok", error=failing(529), error_times=1))["content"] == "ok"


def test_a_prompt_that_is_too_long_is_named_as_openai_does(bridge: RunningBridge) -> None:
    words = "word " * 800_000
    response = post(bridge, {"messages": [{"role": "user", "content": words}]})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert bridge.standin.requests == []
