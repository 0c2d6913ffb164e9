"""A client's functions upstream, and the model's calls on their way back: real CLI, as the stand-in sees it (G2)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.e2e.upstream import newest, turns
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import ToolConversation, Wire, call, function, result, sessions

SCHEMAS: dict[str, Wire] = {
    "refs": {
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/node"}},
        "required": ["node"],
        "additionalProperties": False,
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    },
    "any_of": {"type": "object", "properties": {"v": {"anyOf": [{"type": "integer"}, {"const": "x"}]}}},
    "nullable": {"type": "object", "properties": {"v": {"type": ["string", "null"], "default": None}}},
    "untyped": {"type": "object", "properties": {"v": {"description": "anything"}, "w": {}}},
    "strict": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
    "odd_keys": {"type": "object", "properties": {"a.b-c_d": {"type": "number"}}, "x-more": [1, {"y": None}]},
    "annotated": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "title": "T"},
    "nested": {"type": "object", "properties": {"a": {"type": "array", "items": {"oneOf": [{"type": "null"}]}}}},
    "patterns": {"type": "object", "patternProperties": {"^x-": {"pattern": "^\\d+$", "minLength": 1}}},
}
# Names that Claude Code gives to tools of its own; editors use them too.
BUILT_IN = """
    Read Write Edit MultiEdit Bash BashOutput KillShell Glob Grep LS Task Agent TodoWrite TodoRead TaskCreate
    TaskUpdate TaskList TaskGet TaskOutput TaskStop WebFetch WebSearch NotebookEdit ExitPlanMode EnterPlanMode
    AskUserQuestion Skill SlashCommand ToolSearch StructuredOutput DeferredToolPlaceholder ListMcpResourcesTool
    ReadMcpResourceTool SendMessage Sleep Monitor Config LSP computer REPL Workflow EnterWorktree CronCreate
    PowerShell mcp__client__x mcp__other__y str_replace_based_edit_tool
""".split()


def upstream_tools(bridge: RunningBridge) -> list[Wire]:
    """As the client offered them: that arguments shall come piece by piece is the bridge's wish."""
    return [{k: v for k, v in tool.items() if k != "eager_input_streaming"} for tool in newest(bridge)["tools"]]


def as_upstream(tool: Wire) -> Wire:
    spec = tool["function"]
    return {"name": spec["name"], "description": spec["description"], "input_schema": spec["parameters"]}


def streamed(bridge: RunningBridge, question: str, *tools: Wire, **options: Any) -> Iterator[Any]:
    """The choices of a stream's chunks."""
    create: Any = bridge.client.chat.completions.create
    messages = [{"role": "user", "content": question}]
    with create(model="sonnet", messages=messages, tools=list(tools), stream=True, **options) as stream:
        for chunk in stream:
            yield chunk.choices[0]


def test_schemas_of_every_kind_arrive_as_they_are(bridge: RunningBridge) -> None:
    tools = [function(name, f"About {name}.", schema) for name, schema in SCHEMAS.items()]
    ToolConversation(bridge, *tools).ask(text="ok")
    got = {tool["name"]: tool for tool in upstream_tools(bridge)}
    assert got == {tool["function"]["name"]: as_upstream(tool) for tool in tools}


def test_a_function_without_parameters_gets_an_empty_object(bridge: RunningBridge) -> None:
    bare = {"type": "function", "function": {"name": "now"}}
    ToolConversation(bridge, bare).ask(text="ok")
    empty = {"type": "object", "properties": {}}
    assert upstream_tools(bridge) == [{"name": "now", "description": "", "input_schema": empty}]


def test_a_choice_of_schemas_at_the_root_becomes_one_object(bridge: RunningBridge) -> None:
    """The Messages API takes none; the CLI keeps all of the fields and says what belongs together."""
    either = [{"properties": {"city": {"type": "string"}}}, {"properties": {"zip": {"type": "string"}}}]
    ToolConversation(bridge, function("weather", "Weather.", {"anyOf": either})).ask(text="ok")
    (tool,) = upstream_tools(bridge)
    assert set(tool["input_schema"]["properties"]) == {"city", "zip"}
    assert tool["input_schema"]["type"] == "object" and "anyOf" not in tool["input_schema"]
    assert "Weather." in tool["description"]


def test_descriptions_and_allowed_values_arrive_letter_for_letter(bridge: RunningBridge) -> None:
    texts = [
        "d" * 20_000,
        "full width，ＡＢＣ！ ½ ² ﬁ … nbsp\u00a0x",
        "👩\u200d💻 \u200frtl\u200f soft\u00adhyphen \ufeffbom \ue000",
        "<invoke name='x'> <system-reminder>s</system-reminder> &lt; @/etc/hostname \\u0041 {{x}} ${y}",
        " \r\n lines \t and \x1b[31m controls \u2028 ",
    ]
    tools = [function("alpha", "plain")]
    for number, text in enumerate(texts):
        field = {"type": "string", "description": text, "enum": [text[:200], "b"]}
        tools.append(function(f"tool_{number}", text, {"type": "object", "properties": {"v": field}}))
    ToolConversation(bridge, *tools).ask(text="ok")
    assert sorted(upstream_tools(bridge), key=lambda tool: str(tool["name"])) == [as_upstream(t) for t in tools]


def test_128_tools_with_names_of_any_kind_arrive(bridge: RunningBridge) -> None:
    names = [*BUILT_IN, "a" * 64, "9", "-", "_", "under_score-and-dash"]
    names += [f"tool_{number}" for number in range(128 - len(names))]
    tools = [function(name, f"This is {name}.") for name in names]
    ToolConversation(bridge, *tools).ask(text="ok")
    got = {tool["name"]: tool for tool in upstream_tools(bridge)}
    assert got == {tool["function"]["name"]: as_upstream(tool) for tool in tools}


def test_tools_that_bear_names_of_claude_codes_own_are_the_clients(bridge: RunningBridge) -> None:
    """Each is called once: the call reaches the client, its result Claude, and Claude Code adds nothing."""
    rounds = [{"tools": [call(name, x=at) for name in BUILT_IN[at : at + 9]]} for at in range(0, len(BUILT_IN), 9)]
    conversation = ToolConversation(bridge, *map(function, BUILT_IN))
    message = conversation.ask(**rounds[0], then=[*rounds[1:], {"text": "done"}])
    seen: list[str] = []
    while message.tool_calls:
        names = [each.function.name for each in message.tool_calls]  # type: ignore[union-attr]
        seen += names
        message = conversation.answer(*(f"result of {name}" for name in names))
    assert seen == BUILT_IN and message.content == "done"
    body = newest(bridge)
    sent = turns(body)
    assert len(sent) == 1 + 2 * len(rounds)
    assert len(sent[0][1]) == 1, "nothing is added to the question"
    assert {role for role, _ in sent[2::2]} == {"user"}
    called = {block["id"]: block["name"] for _, blocks in sent[1::2] for block in blocks}
    results = {called[block["tool_use_id"]]: block["content"] for _, blocks in sent[2::2] for block in blocks}
    assert results == {name: [{"type": "text", "text": f"result of {name}"}] for name in BUILT_IN}
    notes = [message for message in body["messages"] if message["role"] == "system"]
    assert len(notes) == 1, "the CLI's note on its surroundings, and no more"
    assert notes[0]["content"].startswith("# Environment\n"), "without the agents that a tool named Agent could start"
    assert "advanced-tool-use" not in bridge.standin.requests[-1].headers["anthropic-beta"], "no tool is searched for"


def test_no_choice_is_sent_where_none_is_made(bridge: RunningBridge) -> None:
    ToolConversation(bridge, function("f"), tool_choice="auto").ask(text="ok")
    assert "tool_choice" not in newest(bridge)


def test_choice_none_offers_no_tools(bridge: RunningBridge) -> None:
    message = ToolConversation(bridge, function("f"), tool_choice="none").ask(
        tools=[call("f", x=1)], then=[{"text": "no"}]
    )
    assert "f" not in {tool["name"] for tool in newest(bridge).get("tools", ())}
    assert message.tool_calls is None and message.content == "no"


def test_choice_none_after_calls_keeps_them_declared_and_lets_none_through(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("f"))
    conversation.ask(tools=[call("f", x=1)], then=[{"tools": [call("f", x=2)]}, {"text": "done"}])
    conversation.messages.append(result(conversation.calls[0]))
    message = conversation.send(tool_choice="none")
    assert newest(bridge)["tool_choice"] == {"type": "none"}
    assert message.tool_calls is None and message.content == "done"


def test_parallel_calls_can_be_forbidden(bridge: RunningBridge) -> None:
    ToolConversation(bridge, function("f"), parallel_tool_calls=False).ask(text="ok")
    assert newest(bridge)["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


NAMED = {"type": "function", "function": {"name": "wanted"}}


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_demanded_call_comes_and_the_model_is_told(bridge: RunningBridge, choice: Any) -> None:
    conversation = ToolConversation(bridge, function("wanted"), function("other"), tool_choice=choice)
    message = conversation.ask(text="Well: ", tools=[call("wanted", x=1)])
    assert [each.function.name for each in message.tool_calls or ()] == ["wanted"]  # type: ignore[union-attr]
    assert message.content == "Well: "
    assert "tool_choice" not in newest(bridge), "this model takes no forced choice"
    asked = turns(newest(bridge))[-1][1]
    assert "Answer with a call of" in asked[-1]["text"] and "standin" in asked[0]["text"]


def test_a_demanded_call_is_demanded_again_when_words_come(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("f"), tool_choice="required")
    message = conversation.ask(text="just words")
    assert [each.function.name for each in message.tool_calls or ()] == ["f"]  # type: ignore[union-attr]
    assert message.content is None, "the words were held back"
    roles = [role for role, _ in turns(newest(bridge))]
    assert roles == ["user", "assistant", "user"]
    assert conversation.answer("and once more").tool_calls, "the demand still stands"
    assert len(set(sessions(bridge))) == 1


def test_a_demanded_call_that_never_comes_is_an_error(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("f"), tool_choice="required")
    with pytest.raises(openai.APIStatusError) as caught:
        conversation.ask(text="just words", stubborn=True)
    assert caught.value.status_code == 502 and "without calling a tool" in caught.value.message
    assert len(bridge.standin.requests) == 3


def test_words_instead_of_a_demanded_call_never_reach_a_stream(bridge: RunningBridge) -> None:
    question = directive(text="just words", thinking="hm", stubborn=True)
    said = ""
    with pytest.raises(openai.APIError, match="without calling a tool"):
        for choice in streamed(bridge, question, function("f"), tool_choice="required"):
            said += choice.delta.content or ""
    assert said == ""


def test_a_call_of_another_tool_than_the_named_one_is_refused_to_the_model(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("wanted"), function("other"), tool_choice=NAMED)
    message = conversation.ask(tools=[call("other")], then=[{"tools": [call("wanted", x=2)]}])
    assert [each.function.name for each in message.tool_calls or ()] == ["wanted"]  # type: ignore[union-attr]
    refused = turns(newest(bridge))[-1][1][0]
    assert refused["is_error"] and "wanted" in refused["content"][0]["text"]


def test_a_model_that_keeps_calling_what_it_may_not_ends_in_an_error(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("f"))
    with pytest.raises(openai.APIStatusError) as caught:
        conversation.ask(tools=[call("unknown")], then=[{"tools": [call("unknown")]}] * 9)
    assert caught.value.status_code == 502
    assert len(bridge.standin.requests) in (5, 6)  # one more may be under way when the CLI is interrupted


def test_a_call_of_a_tool_that_was_not_offered_never_reaches_the_client(bridge: RunningBridge) -> None:
    conversation = ToolConversation(bridge, function("f"))
    message = conversation.ask(text="so: ", tools=[call("g", x=0), call("f", x=1)], then=[{"text": "done"}])
    assert [each.function.name for each in message.tool_calls or ()] == ["f"]  # type: ignore[union-attr]
    assert conversation.answer("yes").content == "done"
    assert message.content == "so: "
    refused, given = turns(newest(bridge))[-1][1]
    assert refused["is_error"] and given["content"] == [{"type": "text", "text": "yes"}]


def test_arguments_stream_as_the_model_writes_them(bridge: RunningBridge) -> None:
    """Indices count from 0 though text stands before the calls; id, type and name come once, first."""
    question = directive(text="Let me look.", tools=[call("f", text="é\n" * 40), {"name": "g", "raw": ""}])
    choices = list(streamed(bridge, question, function("f"), function("g")))
    assert "".join(choice.delta.content or "" for choice in choices) == "Let me look."
    pieces = [piece for choice in choices for piece in choice.delta.tool_calls or ()]
    starts = [piece for piece in pieces if piece.id]
    assert [(piece.index, piece.type, piece.function and piece.function.name) for piece in starts] == [
        (0, "function", "f"),
        (1, "function", "g"),
    ]
    assert pieces.index(starts[1]) > 3, "the first call's arguments come in several pieces"
    arguments = ["", ""]
    for piece in pieces:
        assert piece.function is not None
        arguments[piece.index] += piece.function.arguments or ""
    assert json.loads(arguments[0]) == {"text": "é\n" * 40}
    assert arguments[1] == "{}"
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["tool_calls"]


def test_a_call_goes_out_before_its_arguments_are_complete(bridge: RunningBridge) -> None:
    question = directive(tools=[call("f", text="x" * 200)], hang_after=3)
    arguments = ""
    for choice in streamed(bridge, question, function("f")):
        arguments += "".join(piece.function.arguments for piece in choice.delta.tool_calls or ())
        if len(arguments) == 36:  # three deltas of twelve characters; no more come
            break


@pytest.mark.parametrize("raw", ['{"x": tru', "[1]", pytest.param('"text"', marks=pytest.mark.full)])
def test_arguments_that_are_no_json_object_end_in_an_error(bridge: RunningBridge, raw: str) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        ToolConversation(bridge, function("f")).ask(tools=[{"name": "f", "raw": raw}])
    assert caught.value.status_code == 502 and "no JSON object" in caught.value.message


def test_arguments_that_break_the_schema_are_the_clients_to_judge(bridge: RunningBridge) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    conversation = ToolConversation(bridge, function("f", "F.", schema))
    message = conversation.ask(tools=[call("f", n="one", more=[None])], then=[{"text": "sorry"}])
    assert message.tool_calls and json.loads(message.tool_calls[0].function.arguments) == {"n": "one", "more": [None]}  # type: ignore[union-attr]
    assert conversation.answer("error: n must be an integer").content == "sorry"


def test_the_older_functions_work_in_their_own_form(bridge: RunningBridge) -> None:
    spec = function("f")["function"]
    question = {"role": "user", "content": directive(text="Hm.", tools=[call("f", x=3)], then=[{"text": "done"}])}
    create: Any = bridge.client.chat.completions.create
    first = create(model="sonnet", messages=[question], functions=[spec], function_call="auto").choices[0]
    assert first.finish_reason == "function_call" and first.message.tool_calls is None
    assert first.message.content == "Hm." and json.loads(first.message.function_call.arguments) == {"x": 3}
    past = first.message.model_dump(include={"role", "content", "function_call"})
    answered = {"role": "function", "name": "f", "content": "3 it is"}
    second = create(model="sonnet", messages=[question, past, answered], functions=[spec])
    assert second.choices[0].message.content == "done"
    assert turns(newest(bridge))[-1][1][0]["content"] == [{"type": "text", "text": "3 it is"}]
    chunks = list(
        create(model="sonnet", messages=[question], functions=[spec], function_call={"name": "f"}, stream=True)
    )
    pieces = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
    assert pieces[0].name == "f" and "".join(piece.arguments for piece in pieces) == '{"x": 3}'
