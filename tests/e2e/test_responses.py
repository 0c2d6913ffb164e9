"""POST /v1/responses through the real CLI: answers, streams, tools by replay and by id, chains, other routes."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response, ResponseFunctionToolCall

from tests.e2e.upstream import newest, plain, system_prompt, turns
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import Wire, call, sessions
from tray_bridge.machine.api_keys import ApiKeys

Make = Callable[..., RunningBridge]
FUNCTION: Any = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}


def create(bridge: RunningBridge, **fields: Any) -> Response:
    answer: Response = bridge.client.responses.create(**{"model": "sonnet", **fields})
    return answer


def post(bridge: RunningBridge, path: str = "", method: str = "POST", **fields: Any) -> httpx.Response:
    body = None if method != "POST" else {"model": "sonnet", **fields}
    return httpx.request(method, f"{bridge.base_url}/responses{path}", json=body, timeout=90)


def events_of(response: httpx.Response) -> list[Wire]:
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n") if not block.startswith(":")]
    events = []
    for name, data in blocks:
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def result(id_: str, output: Any = "one") -> Any:
    return {"type": "function_call_output", "call_id": id_, "output": output}


def call_of(answer: Response) -> ResponseFunctionToolCall:
    (found,) = [item for item in answer.output if isinstance(item, ResponseFunctionToolCall)]
    return found


def messages(body: Wire) -> list[Wire]:
    return [plain({**message, "content": message["content"]}) for message in body["messages"]]


def assert_one_growing_conversation(bridge: RunningBridge) -> None:
    """Each request upstream is the one before and more, from the same process."""
    assert len(set(sessions(bridge))) == 1
    for before, after in pairwise([turns(dict(received.body)) for received in bridge.standin.requests]):
        assert after[: len(before)] == before


def test_an_answer(bridge: RunningBridge) -> None:
    answer = create(bridge, input=directive(text="Good morning."), instructions="Be brief.")
    assert (answer.output_text, answer.status, answer.instructions) == ("Good morning.", "completed", "Be brief.")
    assert answer.usage and answer.usage.output_tokens > 0 and answer.completed_at
    assert system_prompt(newest(bridge)) == "Be brief."
    assert turns(newest(bridge)) == [("user", [{"type": "text", "text": directive(text="Good morning.")}])]


def test_a_stream_has_the_same_answer(bridge: RunningBridge) -> None:
    with bridge.client.responses.stream(model="sonnet", input=directive(chunks=["One", " two"])) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert deltas == ["One", " two"] and final.output_text == "One two"
    assert bridge.client.responses.retrieve(final.id).output_text == "One two"


def test_frames_are_named_and_nothing_follows_the_last(bridge: RunningBridge) -> None:
    response = post(bridge, input=directive(chunks=["One", " two"]), stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created" and events[-1]["type"] == "response.completed"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_shown_and_comes_back_to_claude_signed(bridge: RunningBridge, stream: bool) -> None:
    question = directive(thinking="Count first.", text="Four.")
    fields: Wire = {"include": ["reasoning.encrypted_content"], "store": False, "reasoning": {"effort": "low"}}
    if stream:
        with bridge.client.responses.stream(model="sonnet", input=question, **fields) as events:
            answer: Any = events.get_final_response()
    else:
        answer = create(bridge, input=question, **fields)
    reasoning, message = answer.output
    assert reasoning.summary[0].text == "Count first." and reasoning.encrypted_content.startswith("tb2.")
    replay = [
        {"role": "user", "content": f"{question}\nAnother question, so that the conversation is built anew."},
        *(item.model_dump(exclude_none=True) for item in (reasoning, message)),
        {"role": "user", "content": directive(text="Five.")},
    ]
    assert create(bridge, input=replay, **fields).output_text == "Five."
    said = turns(newest(bridge))[1]
    assert said[0] == "assistant" and said[1][-1] == {"type": "text", "text": "Four."}
    assert [block["thinking"] for block in said[1] if block["type"] == "thinking"] == ["Count first."]


def test_a_typed_answer_is_parsed(bridge: RunningBridge) -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    answer = bridge.client.responses.parse(
        model="sonnet", input=directive(structured={"name": "Ada", "age": 36}), text_format=Person
    )
    assert answer.output_parsed == Person(name="Ada", age=36)


@pytest.mark.parametrize("by_id", [False, True])
def test_rounds_of_calls_reach_the_same_suspended_turn(bridge: RunningBridge, by_id: bool) -> None:
    rounds = [{"tools": [call("f", x=2)]}, {"text": "It is 3."}]
    conversation: list[Any] = [{"role": "user", "content": directive(text="So:", tools=[call("f", x=1)], then=rounds)}]
    answer = create(bridge, input=conversation, tools=[FUNCTION])
    for output in ("one", "two"):
        asked = call_of(answer)
        conversation += [item.model_dump() for item in answer.output]
        conversation.append(result(asked.call_id, output))
        if by_id:
            answer = create(
                bridge,
                input=[result(asked.call_id, output)],
                previous_response_id=answer.id,
                tools=[FUNCTION],
            )
        else:
            answer = create(bridge, input=conversation, tools=[FUNCTION])
    assert answer.output_text == "It is 3."
    assert len(bridge.standin.requests) == 3
    assert_one_growing_conversation(bridge)


def test_the_same_call_may_be_answered_twice(bridge: RunningBridge) -> None:
    first = create(bridge, input=directive(tools=[call("f", x=1)], then=[{"text": "done"}]), tools=[FUNCTION])
    for output in ("one", "other"):
        again = create(
            bridge, input=[result(call_of(first).call_id, output)], previous_response_id=first.id, tools=[FUNCTION]
        )
        assert again.output_text == "done"
        assert turns(newest(bridge))[-1][1][0]["content"] == [{"type": "text", "text": output}]


def test_custom_and_namespaced_tools(bridge: RunningBridge) -> None:
    custom: Any = {"type": "custom", "name": "patch"}
    space: Any = {"type": "namespace", "name": "ns", "description": "", "tools": [{"type": "function", "name": "g"}]}
    hosted: Any = {"type": "web_search"}
    question = directive(tools=[call("patch", input="*** Begin\n"), call("ns__g")], then=[{"text": "done"}])
    answer: Any = create(bridge, input=question, tools=[custom, space, hosted])
    patch, g = answer.output
    assert (patch.type, patch.name, patch.input) == ("custom_tool_call", "patch", "*** Begin\n")
    assert (g.type, g.name, g.namespace, g.arguments) == ("function_call", "g", "ns", "{}")
    outputs = [{"type": "custom_tool_call_output", "call_id": patch.call_id, "output": "ok"}, result(g.call_id)]
    replay = [{"role": "user", "content": question}, patch.model_dump(), g.model_dump(), *outputs]
    assert create(bridge, input=replay, tools=[custom, space, hosted]).output_text == "done"
    assert_one_growing_conversation(bridge)


def test_a_chain_goes_on_in_the_parked_process_and_its_branches_do_not_see_each_other(bridge: RunningBridge) -> None:
    first = create(bridge, input=directive(text="One."), instructions="Once only.")
    bridge.wait_for(lambda s: s.pool.parked >= 1)
    left = create(bridge, input=directive(text="Left."), previous_response_id=first.id)
    right = create(bridge, input=directive(text="Right."), previous_response_id=first.id)
    assert (left.output_text, right.output_text) == ("Left.", "Right.")
    assert system_prompt(newest(bridge)) == ""
    texts = [block["text"] for _, blocks in turns(newest(bridge)) for block in blocks]
    assert texts == [directive(text="One."), "One.", directive(text="Right.")]


def test_a_chain_without_instructions_finds_its_parked_process(bridge: RunningBridge) -> None:
    answer = create(bridge, input=directive(text="One."))
    for text in ("Two.", "Three."):
        bridge.wait_for(lambda s: s.pool.parked >= 1)
        answer = create(bridge, input=directive(text=text), previous_response_id=answer.id)
    assert answer.output_text == "Three." and answer.previous_response_id
    assert_one_growing_conversation(bridge)


def test_references_stand_for_stored_items(bridge: RunningBridge) -> None:
    first = create(bridge, input=directive(text="One."))
    reference: Any = {"type": "item_reference", "id": first.output[0].id}
    again = create(
        bridge,
        input=[{"role": "user", "content": "Hi"}, reference, {"role": "user", "content": directive(text="Two.")}],
    )
    assert again.output_text == "Two."
    assert turns(newest(bridge))[1] == ("assistant", [{"type": "text", "text": "One."}])


def test_stored_answers_are_retrieved_listed_and_deleted(bridge: RunningBridge) -> None:
    client = bridge.client.responses
    items: Any = [{"role": "user", "content": "Hi"}, {"role": "user", "content": directive(text="One.")}]
    answer = create(bridge, input=items, metadata={"a": "b"})
    assert client.retrieve(answer.id).model_dump() == answer.model_dump()
    listed = client.input_items.list(answer.id, limit=1)
    assert len(listed.data) == 1 and listed.has_more
    everything: Any = list(client.input_items.list(answer.id, limit=1, order="asc"))
    parts = [(part.type, part.text) for item in everything for part in item.content]
    assert parts == [("input_text", item["content"]) for item in items]
    with pytest.raises(openai.BadRequestError, match="background"):
        client.cancel(answer.id)
    client.delete(answer.id)
    for ask in (client.retrieve, client.delete, client.cancel):
        with pytest.raises(openai.NotFoundError, match=answer.id):
            ask(answer.id)
    with pytest.raises(openai.BadRequestError, match="send the whole conversation") as caught:
        create(bridge, input="Hi", previous_response_id=answer.id)
    assert caught.value.code == "previous_response_not_found" and caught.value.param == "previous_response_id"


def test_what_is_not_to_be_stored_is_not(bridge: RunningBridge) -> None:
    answer = create(bridge, input=directive(text="One."), store=False)
    assert answer.store is False  # type: ignore[attr-defined]
    with pytest.raises(openai.NotFoundError):
        bridge.client.responses.retrieve(answer.id)


def test_a_chain_survives_a_restart_of_the_app(make_bridge: Make, tmp_path: Any) -> None:
    settings: Wire = {"pool_size": 1, "log_folder": tmp_path}
    bridge = make_bridge(**settings)
    first = create(bridge, input=directive(text="One."))
    bridge.server.stop(10)
    again = make_bridge(**settings)
    assert create(again, input=directive(text="Two."), previous_response_id=first.id).output_text == "Two."
    assert turns(newest(again))[1] == ("assistant", [{"type": "text", "text": "One."}])


def test_another_keys_answers_are_unknown(bridge: RunningBridge) -> None:
    keys = ApiKeys()
    tokens = {name: keys.make(name) for name in ("one", "two")}
    try:
        one, two = (openai.OpenAI(base_url=bridge.base_url, api_key=token, max_retries=0) for token in tokens.values())
        answer = one.responses.create(model="sonnet", input=directive(text="One."))
        assert one.responses.retrieve(answer.id).output_text == "One."
        with pytest.raises(openai.NotFoundError):
            two.responses.retrieve(answer.id)
        with pytest.raises(openai.BadRequestError, match="not found"):
            two.responses.create(model="sonnet", input="Hi", previous_response_id=answer.id)
    finally:
        for name in tokens:
            keys.revoke(name)


def test_the_other_routes(bridge: RunningBridge) -> None:
    assert bridge.client.responses.input_tokens.count(model="sonnet", input="Hello there").input_tokens > 1
    probe = httpx.get(
        f"{bridge.base_url}/responses", headers={"connection": "Upgrade", "upgrade": "websocket"}, timeout=60
    )
    assert probe.status_code == 426
    assert post(bridge, method="GET").status_code == 405
    assert post(bridge, "/compact", input="Hi").status_code == 404
    assert post(bridge, "/resp_1?stream=true", method="GET").json()["error"]["param"] == "stream"
    for limit in ("x", "9" * 5000):
        answer = post(bridge, f"/resp_1/input_items?limit={limit}", method="GET")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")
    refused: dict[str, Any] = {"background": True, "conversation": "c", "prompt": {"id": "p"}}
    for field, value in refused.items():
        assert post(bridge, input="Hi", **{field: value}).json()["error"]["param"] == field
    host = {"host": "evil.example"}
    assert httpx.get(f"{bridge.base_url}/responses/resp_1", headers=host, timeout=60).status_code == 403


def test_an_error_before_the_first_byte_has_a_status(bridge: RunningBridge) -> None:
    overloaded = directive(error={"status": 529, "type": "overloaded_error", "message": "Too busy."})
    for stream in (False, True):
        response = post(bridge, input=overloaded, stream=stream)
        assert response.status_code == 529 and "Too busy" in response.json()["error"]["message"]


def test_an_error_after_it_is_one_failed_event(bridge: RunningBridge) -> None:
    error = {"status": 529, "type": "overloaded_error", "message": "Too busy."}
    response = post(bridge, input=directive(chunks=["One", " two"], error_event_after=1, error=error), stream=True)
    events = events_of(response)
    failed = events[-1]["response"]
    assert events[-1]["type"] == "response.failed" and failed["status"] == "failed"
    assert "Too busy" in failed["error"]["message"] and failed["output"][0]["content"][0]["text"] == "One"
    assert post(bridge, f"/{failed['id']}", method="GET").status_code == 404


def test_an_answer_at_its_limit_is_incomplete(bridge: RunningBridge) -> None:
    answer = create(bridge, input=directive(text="One.", stop_reason="max_tokens"), max_output_tokens=20)
    assert answer.status == "incomplete" and answer.incomplete_details
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_refusals_name_their_field(bridge: RunningBridge) -> None:
    response = post(bridge, input=[{"role": "user", "content": "Hi"}, {"type": "nonsense"}])
    assert response.status_code == 400 and response.json()["error"]["param"] == "input[1].type"
    assert post(bridge, input="Hi", model="llama-99").json()["error"]["code"] == "model_not_found"
