"""Functions arrive exactly as the client described them, in each of the shapes that clients use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bridge.chat_bodies import USER, ask, refusal_of
from tray_bridge.turns import Tool, ToolChoice

SCHEMA = {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "$defs": {"X": {"anyOf": [{}, True]}}}
FUNCTION = {"name": "f", "description": " As it is.\n", "parameters": SCHEMA}
CHAT = {"type": "function", "function": FUNCTION}
WITHOUT = {"type": "object", "properties": {}}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize(
    "tool",
    [
        CHAT,
        {"type": "function", "function": {**FUNCTION, "strict": True}},
        {"function": FUNCTION},
        {"type": "function", **FUNCTION, "strict": None},
        FUNCTION,
        {"name": "f", "description": " As it is.\n", "input_schema": SCHEMA},
        {"type": "custom", "name": "f", "description": " As it is.\n", "input_schema": SCHEMA},
    ],
)
def test_a_function_is_read_in_every_shape(tool: dict[str, Any]) -> None:
    assert ask(tools=[tool]).turn.tools == (Tool("f", " As it is.\n", SCHEMA),)


@pytest.mark.parametrize("parameters", [None, {}])
def test_a_function_without_parameters_takes_an_empty_object(parameters: object) -> None:
    tool = {"type": "function", "function": {"name": "f", "description": None, "parameters": parameters}}
    assert ask(tools=[tool, named("g")]).turn.tools == (Tool("f", "", WITHOUT), Tool("g", "", WITHOUT))


def test_a_schema_without_a_type_gets_the_one_that_it_must_have() -> None:
    (tool,) = ask(tools=[{"name": "f", "input_schema": {"properties": {"a": {}}}}]).turn.tools
    assert tool.input_schema == {"type": "object", "properties": {"a": {}}}


def test_tools_that_are_no_functions_are_ignored_by_name() -> None:
    chat = ask(
        tools=[
            {"type": "web_search"},
            {"type": "namespace", "name": "n", "tools": [CHAT]},
            {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}},
            {"type": "web_search"},
            {"type": "bad\r\nheader: x"},
            CHAT,
        ]
    )
    assert [tool.name for tool in chat.turn.tools] == ["f"]
    assert chat.ignored == ("tools.web_search", "tools.namespace", "tools.custom", "tools.unknown")


def test_the_same_tool_twice_is_one_tool() -> None:
    assert len(ask(tools=[CHAT, CHAT]).turn.tools) == 1


def test_a_name_may_be_a_built_in_tools_own() -> None:
    names = ["Read", "List", "Bash", "Fetch", "Skills", "a" * 64]
    assert [tool.name for tool in ask(tools=[named(name) for name in names]).turn.tools] == names


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ({"a": 1}, "tools"),
        (["f"], "tools[0]"),
        ([{}], "tools[0].name"),
        ([CHAT, {"type": "function", "function": {}}], "tools[1].function.name"),
        ([named("a b")], "tools[0].function.name"),
        ([named("a" * 129)], "tools[0].function.name"),
        ([named("café")], "tools[0].function.name"),
        ([named("")], "tools[0].function.name"),
        ([{"name": "f", "input_schema": 5}], "tools[0].input_schema"),
        ([{"name": "f", "parameters": {"type": "string"}}], "tools[0].parameters"),
        ([{"name": "f", "description": 1}], "tools[0].description"),
        ([CHAT, named("f")], "tools[1]"),
        ([named(f"f{n}") for n in range(513)], "tools"),
    ],
)
def test_what_is_wrong_with_a_tool_is_named_by_its_path(tools: object, param: str) -> None:
    assert refusal_of({"messages": [USER], "tools": tools}).param == param


def test_128_tools_are_taken() -> None:
    assert len(ask(tools=[named(f"f{n}") for n in range(128)]).turn.tools) == 128


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        ("any", ToolChoice("any")),
        (named("f"), ToolChoice("tool", "f")),
        ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "tool", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "any"}, ToolChoice("any")),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice("auto", parallel=False)),
        ({"type": "none"}, ToolChoice("none")),
    ],
)
def test_tool_choice_is_read_in_every_shape(choice: object, expected: ToolChoice) -> None:
    assert ask(tools=[CHAT, named("g")], tool_choice=choice).turn.tool_choice == expected


@pytest.mark.parametrize(("parallel", "expected"), [(None, True), (True, True), (False, False)])
def test_parallel_calls_can_be_forbidden(parallel: object, expected: bool) -> None:
    choice = ask(tools=[CHAT], tool_choice="required", parallel_tool_calls=parallel).turn.tool_choice
    assert choice == ToolChoice("any", parallel=expected)


@pytest.mark.parametrize("nested", [True, False])
def test_allowed_tools_narrow_what_is_offered(nested: bool) -> None:
    allowed = {"mode": "required", "tools": [named("g"), {"type": "function", "name": "h"}]}
    choice = {"type": "allowed_tools", **({"allowed_tools": allowed} if nested else allowed)}
    turn = ask(tools=[CHAT, named("g"), named("h")], tool_choice=choice).turn
    assert [tool.name for tool in turn.tools] == ["g", "h"]
    assert turn.tool_choice == ToolChoice("any")


@pytest.mark.parametrize("choice", [None, "auto", "none", {"type": "auto"}])
@pytest.mark.parametrize("tools", [None, []])
def test_a_choice_that_asks_for_nothing_needs_no_tools(choice: object, tools: object) -> None:
    assert ask(tools=tools, tool_choice=choice, parallel_tool_calls=True).turn.tools == ()


@pytest.mark.parametrize(
    ("choice", "tools", "param"),
    [
        ("required", [], "tool_choice"),
        ("required", [{"type": "web_search"}], "tool_choice"),
        (named("g"), [CHAT], "tool_choice"),
        ("sometimes", [CHAT], "tool_choice"),
        (1, [CHAT], "tool_choice"),
        ({"type": "web_search"}, [CHAT], "tool_choice.type"),
        ({"type": 1}, [CHAT], "tool_choice.type"),
        ({"type": []}, [CHAT], "tool_choice.type"),
        ({"type": "function", "function": {}}, [CHAT], "tool_choice.function.name"),
        ({"type": "tool"}, [CHAT], "tool_choice.name"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "x"}}, [CHAT], "tool_choice.allowed_tools.mode"),
        ({"type": "allowed_tools", "mode": "x"}, [CHAT], "tool_choice.mode"),
        (
            {"type": "allowed_tools", "allowed_tools": {"tools": [CHAT, named("g")]}},
            [CHAT],
            "tool_choice.allowed_tools.tools[1]",
        ),
        ({"type": "allowed_tools", "tools": [{"type": "mcp", "name": "f"}]}, [CHAT], "tool_choice.tools"),
    ],
)
def test_a_choice_that_cannot_be_enforced_is_refused(choice: object, tools: object, param: str) -> None:
    error = refusal_of({"messages": [USER], "tools": tools, "tool_choice": choice})
    assert error.param == param


def test_the_older_functions_are_tools_with_one_call_an_answer() -> None:
    chat = ask(functions=[FUNCTION], function_call={"name": "f"})
    assert chat.turn.tools == (Tool("f", " As it is.\n", SCHEMA),)
    assert chat.turn.tool_choice == ToolChoice("tool", "f", parallel=False)
    assert chat.options.legacy_functions


@pytest.mark.parametrize(("call", "kind"), [(None, "auto"), ("auto", "auto"), ("none", "none")])
def test_the_older_function_call_may_be_a_word(call: object, kind: str) -> None:
    assert ask(functions=[FUNCTION], function_call=call).turn.tool_choice.type == kind


def test_tools_win_over_the_older_functions() -> None:
    chat = ask(tools=[CHAT], functions=[{"name": "g"}])
    assert [tool.name for tool in chat.turn.tools] == ["f"]
    assert not chat.options.legacy_functions
