"""A follow-up finds the session that holds its conversation: what clients change harmlessly does not hinder it.

Whatever else differs is another conversation, which arrives as it was sent.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.upstream import Wire, answer, newest, post, system_prompt, turns
from tests.running_bridge import RunningBridge, directive
from tray_bridge.server.run import PUBLISH_SECONDS
from tray_bridge.snapshots import ServerSnapshot
from tray_bridge.standin.prompt_cache import BILLING_NOTE, unmarked

EFFORT = {"reasoning_effort": "low"}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
Change = Callable[[Wire], Any]


def begun(name: str) -> Wire:
    """A conversation of its own with one answer in it, as a client would send it on."""
    said = f"It is four, with {name}."
    question = directive(text=said)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return {"messages": [*messages, {"role": "assistant", "content": said}, {"role": "user", "content": "Sure?"}]}


def parked_taken(bridge: RunningBridge) -> int:
    """How often a parked session was taken, once the pool is at rest."""
    time.sleep(1.5 * PUBLISH_SECONDS)  # what the tray sees is a moment old
    found = 0

    def is_settled(snapshot: ServerSnapshot) -> bool:
        nonlocal found
        found = dict(snapshot.pool.taken)["parked"]
        return not snapshot.pool.busy

    bridge.wait_for(is_settled)
    return found


def follow_up(bridge: RunningBridge, name: str, change: Change) -> tuple[Wire, bool]:
    """Ask, change the conversation, ask on: the body that was sent then, and whether a parked session took it."""
    body = begun(name)
    answer(bridge, {**body, "messages": body["messages"][:2]})
    before = parked_taken(bridge)
    body = copy.deepcopy(body)
    change(body)
    answer(bridge, body)
    return body, parked_taken(bridge) == before + 1


HARMLESS: dict[str, Change] = {
    "nothing": lambda body: None,
    "white space after the answer": lambda body: body["messages"][2].update(
        content=body["messages"][2]["content"] + " \n"
    ),
    "white space after the question": lambda body: body["messages"][1].update(
        content=body["messages"][1]["content"] + "\n"
    ),
    "a text part for a string": lambda body: body["messages"][2].update(
        content=[{"type": "text", "text": body["messages"][2]["content"]}]
    ),
    "null for missing": lambda body: body["messages"][2].update(tool_calls=None, refusal=None, name=None),
    "the reasoning sent back": lambda body: body["messages"][2].update(reasoning_content="Two and two."),
    "other settings that change nothing": lambda body: body.update(temperature=0.1, user="me", stream_options=None),
}
OTHER: dict[str, Change] = {
    "an edited answer": lambda body: body["messages"][2].update(content="It is five."),
    "white space before the answer": lambda body: body["messages"][2].update(
        content=" " + body["messages"][2]["content"]
    ),
    "an edited question": lambda body: body["messages"][1].update(content="Something else?"),
    "an edited system prompt": lambda body: body["messages"][0].update(content="Be long."),
    "no system prompt": lambda body: body["messages"].pop(0),
    "a turn put between": lambda body: body["messages"].insert(2, {"role": "assistant", "content": "Hm."}),
    "a turn left out": lambda body: body["messages"].pop(2),
    "another model": lambda body: body.update(model="haiku"),
    "another effort": lambda body: body.update(EFFORT),
    "tools": lambda body: body.update(tools=[LOOK]),
    "a schema": lambda body: body.update(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    ),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_a_harmless_change_stays_in_the_session(bridge: RunningBridge, what: str) -> None:
    _, hit = follow_up(bridge, what, HARMLESS[what])
    assert hit
    received = turns(newest(bridge))
    assert [role for role, _ in received] == ["user", "assistant", "user"]
    assert received[1][1][0]["text"] == f"It is four, with {what}."  # as the model said it
    assert received[-1][1] == [{"type": "text", "text": "Sure?"}]


@pytest.mark.parametrize("what", OTHER)
def test_any_other_change_is_another_conversation_and_arrives_as_sent(bridge: RunningBridge, what: str) -> None:
    body, hit = follow_up(bridge, what, OTHER[what])
    assert not hit
    sent = [message for message in body["messages"] if message["role"] != "system"]
    blocks = [block["text"] for _, content in turns(newest(bridge)) for block in content]
    assert blocks == [message["content"] for message in sent]
    assert system_prompt(newest(bridge)) == "".join(m["content"] for m in body["messages"] if m["role"] == "system")


def test_a_conversation_that_goes_on_is_asked_again_or_is_edited_keeps_its_prefix(bridge: RunningBridge) -> None:
    """All that the request before sent is read from the cache; after an edit all that precedes the edited message."""

    def ask(*messages: Wire) -> tuple[list[Any], int, int]:
        """Give what was sent upstream in the cache's order, the tokens of it, and those that the cache had."""
        body = {"messages": [{"role": "system", "content": "Be exact."}, *messages]}
        usage, sent = post(bridge, body).json()["usage"], newest(bridge)
        system = [block for block in sent["system"] if not block["text"].startswith(BILLING_NOTE)]
        prompt = [unmarked([system, sent.get("tools")]), *unmarked(sent["messages"])]
        return prompt, usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]

    def round_of(number: int) -> list[Wire]:
        text = f"The answer {number}."
        return [{"role": "user", "content": directive(text=text)}, {"role": "assistant", "content": text}]

    past: list[Wire] = []
    before: list[Any] = []
    tokens = 0
    for number in range(3):
        sent, total, cached = ask(*past, round_of(number)[0])
        assert sent[: len(before)] == before
        assert cached >= tokens
        past, before, tokens = past + round_of(number), sent, total
    again, _, cached = ask(*past[:-1])
    assert again == before
    assert cached == tokens
    edited, _, cached = ask(*past[:-2], {"role": "user", "content": "Edited: " + directive(text="Another.")})
    assert edited[:-1] == before[:-1]
    assert edited[-1] != before[-1]
    assert 0 < cached < tokens
