"""Names of parameters that the Messages API does not take (A3, A4): plain upstream, the client's own in its calls."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from tests.running_bridge import RunningBridge
from tests.tool_loop import ToolConversation, call, function, sessions
from tray_bridge.bridge.tool_keys import ToolKeys
from tray_bridge.turns import Message, Text, Tool, ToolCallDelta, ToolCallStarted, ToolUse, Turn

ODD = ["城市", "$filter", "StartTime<", "filter[x]", "first name", "ı", "x" * 65, 'a"b', "a\\b", "", "größe", "a/b~c"]
PLAIN = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


def keys_of(schema: dict[str, Any], **arguments: Any) -> ToolKeys:
    past = (Message("assistant", (ToolUse("c1", "look", arguments),)), Message("user", (Text("Go on."),)))
    return ToolKeys(Turn("sonnet", past, tools=(Tool("look", "", schema),)))


def restored(keys: ToolKeys, pieces: list[str]) -> str:
    started = ToolCallStarted(0, "c2", "look")
    assert keys.restore(started) == started
    events = [keys.restore(ToolCallDelta(0, piece)) for piece in pieces]
    return "".join(event.partial_json for event in events if isinstance(event, ToolCallDelta))


@pytest.mark.parametrize("name", ODD)
def test_a4_an_odd_key_is_plain_upstream_and_itself_again_for_the_client(name: str) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"}, "ok": {}}, "required": [name]}
    keys = keys_of(schema, **{name: "past"})
    (tool,) = keys.turn.tools
    (plain,) = set(tool.input_schema["properties"]) - {"ok"}
    assert PLAIN.fullmatch(plain)
    assert tool.input_schema["required"] == [plain]
    assert tool.input_schema["properties"][plain] == {"title": name, "type": "string"}
    block = keys.turn.messages[0].content[0]
    assert isinstance(block, ToolUse) and block.input == {plain: "past"}
    written = json.dumps({"ok": {plain: f'"{plain}"'}, plain: [plain, {"a": 1}]})
    right = {"ok": {plain: f'"{plain}"'}, name: [plain, {"a": 1}]}
    assert json.loads(restored(keys, [written])) == right
    assert json.loads(restored(keys, list(written))) == right


def test_a4_keys_that_would_become_the_same_stay_apart() -> None:
    names = ["$a", "a", "@a", "城", "市", "a_2"]
    keys = keys_of({"type": "object", "properties": {name: {} for name in names}})
    properties = keys.turn.tools[0].input_schema["properties"]
    assert list(properties) == ["a_3", "a", "a_4", "parameter", "parameter_2", "a_2"]
    keys = keys_of({"type": "object", "properties": {f"${'x' * 60}": {}, f"@{'x' * 60}": {}, "_a b_": {}}})
    assert list(keys.turn.tools[0].input_schema["properties"]) == ["x" * 55, f"{'x' * 55}_2", "a_b"]


def test_a4_all_of_a_schema_speaks_of_the_plain_key() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"$a": {"title": "A"}, "b": {"$ref": "#/properties/$a"}},
        "anyOf": [{"required": ["$a"]}, {"$ref": "#/$defs/other"}],
        "dependentRequired": {"$a": ["b"]},
        "default": {"$a": 1},
        "examples": [{"$a": 2}],
        "$defs": {"other": {"properties": {"$c": {}}}},
    }
    (tool,) = keys_of(schema).turn.tools
    assert '{"anyOf": [{"required": ["a"]}, {"properties": {"c": {"title": "$c"}}}]}' in tool.description
    assert tool.input_schema == {
        "type": "object",
        "properties": {
            "a": {"title": "A", "description": "$a: A"},
            "b": {"$ref": "#/properties/a"},
            "c": {"title": "$c"},
        },
        "dependentRequired": {"a": ["b"]},
        "default": {"a": 1},
        "examples": [{"a": 2}],
        "$defs": {"other": {"properties": {"$c": {}}}},
    }


def test_a4_a_turn_without_odd_keys_is_left_alone() -> None:
    turn = Turn("sonnet", (), tools=(Tool("look", "", {"type": "object", "properties": {"a.b-c": {"$d": 1}}}),))
    keys = ToolKeys(turn)
    assert keys.turn is turn and not keys


def test_a4_any_arguments_in_any_pieces_come_out_the_same_but_for_the_roots_keys() -> None:
    chance = random.Random(4)
    keys = keys_of({"type": "object", "properties": {name: {} for name in ODD}})
    real = dict(zip(keys.turn.tools[0].input_schema["properties"], ODD, strict=True))
    values: list[Any] = [
        "",
        'q"\\',
        [],
        {},
        {"a": ["a,b"]},
        [{"$filter": "{"}],
        None,
        1.5,
        "城市\n",
        dict.fromkeys(real, 0),
    ]
    for _ in range(500):
        given = {name: chance.choice(values) for name in chance.sample([*real, "own", "o:{"], 5)}
        written = json.dumps(given, ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 1]))
        cuts = sorted(chance.sample(range(len(written)), min(6, len(written))))
        pieces = [written[a:b] for a, b in zip([0, *cuts], [*cuts, len(written)], strict=True)]
        assert json.loads(restored(keys, pieces)) == {real.get(name, name): value for name, value in given.items()}


@pytest.mark.parametrize("name", ["城市", "filter[x]"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a3_a_conversation_with_odd_keys_goes_on_in_its_process(
    bridge: RunningBridge, name: str, streamed: bool
) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    plain = next(iter(keys_of(schema).turn.tools[0].input_schema["properties"]))
    talk = ToolConversation(bridge, function("look", "Look.", schema))
    if streamed:
        create: Any = bridge.client.chat.completions.create
        spec = {"tools": [call("look", **{plain: "Köln"})]}
        messages = [{"role": "user", "content": "standin: " + json.dumps(spec)}]
        pieces = [
            each.function.arguments
            for chunk in create(model="sonnet", messages=messages, tools=talk.options["tools"], stream=True)
            for each in chunk.choices[0].delta.tool_calls or ()
        ]
        assert json.loads("".join(pieces)) == {name: "Köln"}
        return
    message = talk.ask(tools=[call("look", **{plain: "Köln"})], then=[{"text": "done"}])
    calls: Any = message.tool_calls
    assert json.loads(calls[0].function.arguments) == {name: "Köln"}
    assert talk.answer("ok").content == "done"
    assert len(set(sessions(bridge))) == 1
    (tool,) = bridge.standin.requests[-1].body["tools"]
    assert set(tool["input_schema"]["properties"]) == {plain}
    uses = [
        b
        for m in bridge.standin.requests[-1].body["messages"]
        for b in m["content"]
        if isinstance(b, dict) and b["type"] == "tool_use"
    ]
    assert [use["input"] for use in uses] == [{plain: "Köln"}]
