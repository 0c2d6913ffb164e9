"""When the session that waits is gone, or is given something else, the conversation is rebuilt and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from tests.e2e.upstream import newest, turns
from tests.running_bridge import RunningBridge, directive, running_bridge
from tests.tool_loop import ToolConversation, Wire, call, function, result, sessions
from tray_bridge.standin import StandIn

Make = Callable[..., RunningBridge]


@pytest.fixture
def none_waits(bridge_with: Make) -> Make:
    """Give the shared bridge with settings of the test's own, and no conversation of another test that waits."""

    def with_settings(**settings: Any) -> RunningBridge:
        bridge_with(suspended_sessions=0).wait_for(lambda s: not s.pool.suspended)
        return bridge_with(**settings)

    return with_settings


@pytest.fixture(scope="module")
def server_of_one(running_standin: StandIn) -> Iterator[RunningBridge]:
    with running_bridge(running_standin, pool_size=1, max_sessions=1) as running:
        yield running


@pytest.fixture
def bridge_of_one(server_of_one: RunningBridge, standin: StandIn) -> RunningBridge:
    """A bridge with a single process; its port is another after a restart."""
    return RunningBridge(server_of_one.server, standin)


def taken(bridge: RunningBridge) -> dict[str, int]:
    return dict(bridge.snapshot().pool.taken)


def suspended(bridge: RunningBridge, *calls: Wire, then: Any = ({"text": "done"},)) -> ToolConversation:
    """A conversation that waits for the results of `calls`."""
    conversation = ToolConversation(bridge, function("f"), function("g"))
    conversation.ask(text="Let me see.", tools=list(calls or [call("f", x=1)]), then=list(then))
    return conversation


def assert_rebuilt(
    bridge: RunningBridge, conversation: ToolConversation, results: list[Wire], *, is_reset: bool = False
) -> None:
    """The newest request holds real calls and results; it came from another process, or `is_reset`, from any."""
    assert is_reset or sessions(bridge)[-1] not in sessions(bridge)[:-1]
    assert_valid(newest(bridge))
    (_, asked), (role, said), (_, got) = turns(newest(bridge))[:3]
    assert asked == [{"type": "text", "text": conversation.messages[0]["content"]}]
    calls = conversation.messages[1]["tool_calls"]
    assert role == "assistant"
    assert [block["id"] for block in said if block["type"] == "tool_use"] == [each["id"] for each in calls]
    assert [
        {key: block[key] for key in ("tool_use_id", "content")} for block in got if block["type"] == "tool_result"
    ] == [
        {"tool_use_id": each["tool_call_id"], "content": [{"type": "text", "text": each["content"]}]}
        for each in results
    ]


def assert_valid(body: Wire) -> None:
    """What the Messages API demands of calls and results."""
    sent = turns(body)
    seen: set[str] = set()
    for number, (role, blocks) in enumerate(sent):
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        given = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert not given or (role == "user" and blocks[0]["type"] == "tool_result"), "results stand first"
        assert not seen.intersection(asked)
        seen.update(asked)
        if asked:
            assert role == "assistant"
            following = [b["tool_use_id"] for b in sent[number + 1][1] if b["type"] == "tool_result"]
            assert sorted(following) == sorted(asked), "each call is answered at once"
        if given:
            before = {block["id"] for block in sent[number - 1][1] if block["type"] == "tool_use"}
            assert before == set(given)
    assert sent[-1][0] == "user"


def test_after_the_time_limit(none_waits: Make) -> None:
    bridge = none_waits(suspended_minutes=0.02)
    conversation = suspended(bridge)
    bridge.wait_for(lambda s: s.pool.suspended == 1)
    bridge.wait_for(lambda s: not s.pool.suspended)
    assert conversation.answer("late").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3], is_reset=True)


def test_after_its_place_was_needed(none_waits: Make) -> None:
    bridge = none_waits(suspended_sessions=1)
    before = taken(bridge)["suspended"]
    first, second = suspended(bridge), suspended(bridge)
    bridge.wait_for(lambda s: s.pool.suspended == 1)
    assert first.answer("one").content == "done"
    assert_rebuilt(bridge, first, first.messages[2:3], is_reset=True)
    assert second.answer("two").content == "done"
    assert sessions(bridge)[-1] == sessions(bridge)[1]
    bridge.wait_for(lambda s: dict(s.pool.taken)["suspended"] == before + 1)


def test_after_its_process_was_reset_for_another_conversation(bridge_of_one: RunningBridge) -> None:
    bridge = bridge_of_one
    first, second = suspended(bridge), suspended(bridge)
    for conversation, said in ((first, "one"), (second, "two")):
        assert conversation.answer(said).content == "done"
        (_, asked), (_, called), (_, got) = turns(newest(bridge))[:3]
        assert asked == [{"type": "text", "text": conversation.messages[0]["content"]}]
        calls = [block["id"] for block in called if block["type"] == "tool_use"]
        assert calls == [each["id"] for each in conversation.messages[1]["tool_calls"]]
        assert said in str(got)
        assert_valid(newest(bridge))
    assert len(bridge.processes()) == 1
    bridge.wait_for(lambda s: dict(s.pool.taken)["suspended"] == 0 and dict(s.pool.taken)["reset"] >= 2)


def test_with_no_place_for_any(none_waits: Make) -> None:
    bridge = none_waits(suspended_sessions=0, parked_sessions=0)
    bridge.wait_for(lambda s: not s.pool.busy)
    before = taken(bridge)
    rounds = [{"tools": [call("f", x=number)]} for number in range(2, 4)]
    conversation = suspended(bridge, then=[*rounds, {"text": "done"}])
    for _ in rounds:
        assert conversation.answer("yes").tool_calls
    assert conversation.answer("last").content == "done"
    assert_valid(newest(bridge))
    assert [role for role, _ in turns(newest(bridge))] == ["user", "assistant"] * 3 + ["user"]
    bridge.wait_for(lambda s: sum(dict(s.pool.taken).values()) == sum(before.values()) + 4)
    assert taken(bridge)["suspended"] == before["suspended"]


def test_after_a_restart(bridge_of_one: RunningBridge) -> None:
    bridge = bridge_of_one
    conversation = suspended(bridge, call("f", x=1), call("g"))
    bridge.server.restart()
    bridge.wait_for(lambda s: s.state == "ready")
    conversation.bridge = RunningBridge(bridge.server, bridge.standin)  # the port is another
    assert conversation.answer("one", "two").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:4])


def test_after_the_process_was_killed(bridge_of_one: RunningBridge) -> None:
    bridge = bridge_of_one
    conversation = suspended(bridge)
    shown = bridge.wait_for(lambda s: s.pool.suspended == 1)
    (pid,) = [session.pid for session in shown.pool.sessions if session.state == "suspended"]
    next(process for process in bridge.processes() if process.pid == pid).kill()
    bridge.wait_for(lambda s: not s.pool.suspended)
    assert conversation.answer("one").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3])


def test_with_an_edited_past(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    conversation.messages[0]["content"] = "Edited.\n" + conversation.messages[0]["content"]
    assert conversation.answer("one").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3])


def test_with_edited_arguments(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    conversation.messages[1]["tool_calls"][0]["function"]["arguments"] = '{"x": 2}'
    assert conversation.answer("one").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3])
    assert turns(newest(bridge))[1][1][1]["input"] == {"x": 2}


def test_with_other_tools(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    conversation.options["tools"] = [function("f"), function("new")]
    assert conversation.answer("one").content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3])
    assert [tool["name"] for tool in newest(bridge)["tools"]] == ["f", "new"]


def test_with_a_message_instead_of_results(bridge: RunningBridge) -> None:
    """What the model called for is answered by an error that says so: the Messages API wants an answer."""
    conversation = suspended(bridge, call("f", x=1), call("g"))
    conversation.messages.append({"role": "user", "content": directive(text="As you wish.")})
    assert conversation.send().content == "As you wish."
    assert_valid(newest(bridge))
    first, second, said = turns(newest(bridge))[2][1]
    for block in (first, second):
        assert block["is_error"] and block["content"][0]["text"] == "No result was given for this call."
    assert said["text"] == conversation.messages[2]["content"]


def test_with_a_message_beside_the_results(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    conversation.messages.append(result(conversation.calls[0], "one"))
    conversation.messages.append({"role": "user", "content": directive(text="And that.")})
    assert conversation.send().content == "And that."
    assert_rebuilt(bridge, conversation, conversation.messages[2:3])
    assert turns(newest(bridge))[2][1][1]["text"] == conversation.messages[3]["content"]


def test_a_missing_result_is_completed_and_the_turn_goes_on_where_it_waits(bridge: RunningBridge) -> None:
    conversation = suspended(bridge, call("f", x=1), call("g"))
    given, missing = conversation.calls
    conversation.messages.append(result(given, "one"))
    assert conversation.send().content == "done"
    got = {block["tool_use_id"]: block for block in turns(newest(bridge))[-1][1]}
    assert got[given]["content"] == [{"type": "text", "text": "one"}]
    assert got[missing]["is_error"] and got[missing]["content"][0]["text"] == "No result was given for this call."
    assert len(set(sessions(bridge))) == 1


def test_of_two_results_for_one_call_the_last_counts(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    (id_,) = conversation.calls
    conversation.messages += [result(id_, "first"), result(id_, "second")]
    assert conversation.send().content == "done"
    (block,) = turns(newest(bridge))[-1][1]
    assert block["content"] == [{"type": "text", "text": "second"}]


@pytest.mark.parametrize("id_", ["toolu_unknown", "call_1"])
def test_a_result_that_fits_no_call_is_refused_by_name(bridge: RunningBridge, id_: str) -> None:
    conversation = suspended(bridge)
    waiting = conversation.calls[0]
    conversation.messages += [result(waiting), result(id_)]
    with pytest.raises(openai.BadRequestError) as caught:
        conversation.send()
    assert id_ in caught.value.message and waiting in caught.value.message
    assert caught.value.param == "messages[3].tool_call_id"
    assert len(bridge.standin.requests) == 1
    conversation.messages.pop()
    assert conversation.send().content == "done"
    assert len(set(sessions(bridge))) == 1, "the refused request did not disturb the session that waits"


def test_a_request_sent_twice_is_answered_twice(bridge: RunningBridge) -> None:
    conversation = suspended(bridge)
    conversation.messages.append(result(conversation.calls[0], "one"))
    assert conversation.send().content == "done"
    conversation.messages.pop()
    assert conversation.send().content == "done"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3], is_reset=True)


def test_after_a_client_left_in_the_continued_turn(bridge: RunningBridge) -> None:
    conversation = suspended(bridge, then=[{"words": 400, "rate": 50}])
    conversation.messages.append(result(conversation.calls[0], "one"))
    create: Any = bridge.client.chat.completions.create
    with create(**conversation.options, messages=conversation.messages, stream=True) as stream:
        next(iter(stream))
    bridge.wait_for(lambda s: not s.pool.busy)
    conversation.messages[0]["content"] = conversation.messages[0]["content"].replace('"words": 400', '"words": 4')
    assert conversation.send().content == "word1 word2 word3 word4"
    assert_rebuilt(bridge, conversation, conversation.messages[2:3], is_reset=True)


def test_calls_cut_by_the_length_limit_leave_no_session_that_waits(bridge: RunningBridge) -> None:
    waiting = bridge.snapshot().pool.suspended
    conversation = ToolConversation(bridge, function("f"), max_tokens=3)
    conversation.ask(tools=[call("f", text="x" * 100)])
    assert conversation.finish_reason == "length"
    bridge.wait_for(lambda s: not s.pool.busy)
    assert bridge.snapshot().pool.suspended == waiting


def test_a_past_full_of_calls_is_laid_down_as_real_turns(bridge: RunningBridge) -> None:
    """What another provider's model called, with its ids, goes on here."""
    tools = [function("f"), function("g")]
    conversation = ToolConversation(bridge, *tools)

    def called(id_: str, name: str, arguments: str) -> Wire:
        return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}

    conversation.messages = [
        {"role": "user", "content": "Add."},
        {"role": "assistant", "content": None, "tool_calls": [called("call_1", "f", "{}"), called("call.2", "g", "")]},
        result("call.2", "two"),
        result("call_1", "one"),
        {"role": "assistant", "content": "", "tool_calls": [called("call_1", "f", '{"x": 2}')]},
        result("call_1", [{"type": "text", "text": "again"}]),
        {"role": "assistant", "content": "Three."},
        {"role": "user", "content": directive(text="done")},
    ]
    assert conversation.send().content == "done"
    sent = turns(newest(bridge))
    assert [role for role, _ in sent] == ["user", "assistant"] * 3 + ["user"]
    assert_valid(newest(bridge))
    assert [block["content"][0]["text"] for block in sent[2][1]] == ["one", "two"]
