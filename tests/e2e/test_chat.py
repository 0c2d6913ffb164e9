"""The main job with the real CLI and the real `openai` client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import openai
import pytest

from tests.running_bridge import RunningBridge, directive, wait_for


def test_an_answer_comes_whole(bridge: RunningBridge) -> None:
    completion = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(text="Hello there.")}]
    )
    assert completion.choices[0].message.content == "Hello there."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None and completion.usage.total_tokens > 0
    assert bridge.standin.requests[0].body["model"].startswith("claude-sonnet")


def test_an_answer_streams_one_chunk_for_each_delta(bridge: RunningBridge) -> None:
    pieces = ["One", " two", " three", " four."]
    stream = bridge.client.chat.completions.create(
        model="haiku",
        messages=[{"role": "user", "content": directive(chunks=pieces)}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content] == pieces
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None and not chunks[-1].choices
    assert sum(c.usage is not None for c in chunks) == 1


def test_a_delta_goes_out_before_the_next_one_exists(bridge: RunningBridge) -> None:
    stream = bridge.client.chat.completions.create(
        model="sonnet",
        messages=[{"role": "user", "content": directive(chunks=["first", "never"], hang_after=1)}],
        stream=True,
    )
    for chunk in stream:
        if chunk.choices[0].delta.content == "first":
            stream.close()
            break
    else:
        pytest.fail("the first delta did not come")
    wait_for(lambda: all(received.ended is not None for received in bridge.standin.requests))


def test_a_client_that_leaves_frees_its_session_and_the_next_gets_its_own_answer(
    bridge: RunningBridge, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tray_bridge")
    bridge.wait_for(lambda s: not s.pool.busy)  # with what the test before asked
    stream = bridge.client.chat.completions.create(
        model="sonnet",
        messages=[{"role": "user", "content": directive(words=500, rate=50)}],
        stream=True,
    )
    next(iter(stream))
    busy = [s.pid for s in bridge.wait_for(lambda s: s.pool.busy == 1).pool.sessions if s.state == "busy"]
    stream.close()
    wait_for(lambda: bridge.snapshot().pool.busy == 0, 2.0)
    serves_on = set(busy) <= {session.pid for session in bridge.snapshot().pool.sessions}
    assert serves_on or "discarded: it is not needed" in caplog.text  # where earlier tests have left enough others
    answer = bridge.client.chat.completions.create(
        model="sonnet", messages=[{"role": "user", "content": directive(text="mine")}]
    )
    assert answer.choices[0].message.content == "mine"


async def test_eight_streams_at_once_each_get_their_own_answer(bridge_with: Callable[..., RunningBridge]) -> None:
    bridge = bridge_with(max_sessions=3)
    client = bridge.async_client()

    async def ask(number: int) -> str:
        stream = await client.chat.completions.create(
            model="sonnet",
            messages=[{"role": "user", "content": directive(chunks=[f"{number}:", "a", "b", "c"], rate=50)}],
            stream=True,
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert await asyncio.gather(*(ask(n) for n in range(8))) == [f"{n}:abc" for n in range(8)]
    await asyncio.to_thread(bridge.wait_for, lambda s: s.pool.busy == 0 and s.pool.queued == 0)
    await client.close()


def test_an_unknown_model_is_a_404_that_names_what_exists(bridge: RunningBridge) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        bridge.client.chat.completions.create(model="llama-99", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == "model_not_found"
    assert "sonnet" in caught.value.message


def test_each_model_is_listed_once_and_its_aliases_only_where_the_settings_say_so(
    bridge_with: Callable[..., RunningBridge],
) -> None:
    aliases = {"sonnet": "opus", "mine": "haiku", "none": "llama-99"}
    bridge = bridge_with(model_aliases=aliases)
    bridge.wait_for(lambda s: s.models)
    listed = [model.id for model in bridge.client.models.list()]
    assert len(listed) == len(set(listed))
    assert {"sonnet", "opus", "haiku", "mine", "gpt-4o"} <= set(listed) and "none" not in listed
    bridge = bridge_with(model_aliases=aliases, list_aliases=False)
    fewer = {model.id for model in bridge.client.models.list()}
    assert {"sonnet", "opus", "haiku"} <= fewer and not fewer & {"mine", "gpt-4o"}


def test_upstream_errors_keep_their_status(bridge: RunningBridge) -> None:
    for status in (400, 403, 404, 413, 429, 500, 529):
        error = {"status": status, "type": "api_error", "message": f"upstream says {status}"}
        with pytest.raises(openai.APIStatusError) as caught:
            bridge.client.chat.completions.create(
                model="sonnet", messages=[{"role": "user", "content": directive(error=error)}]
            )
        assert caught.value.status_code == status


def test_a_follow_up_goes_to_the_session_that_holds_the_conversation(bridge: RunningBridge) -> None:
    messages: list[openai.types.chat.ChatCompletionMessageParam] = [
        {"role": "system", "content": "Answer shortly."},
        {"role": "user", "content": directive(text="First.")},
    ]
    first = bridge.client.chat.completions.create(model="sonnet", messages=messages)
    before = dict(bridge.snapshot().pool.taken)["parked"]
    bridge.wait_for(lambda s: s.pool.parked >= 1)
    messages += [
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": directive(text="Second.")},
    ]
    second = bridge.client.chat.completions.create(model="sonnet", messages=messages)
    assert second.choices[0].message.content == "Second."
    bridge.wait_for(lambda s: dict(s.pool.taken)["parked"] == before + 1)
    sent = [m for m in bridge.standin.requests[-1].body["messages"] if m["role"] != "system"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
