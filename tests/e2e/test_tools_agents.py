"""Agents' loops with the `openai` library: whole and streamed, an editor with twenty tools, many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.upstream import newest, system_prompt, turns
from tests.running_bridge import RunningBridge, directive
from tests.tool_loop import Wire, call, function, result, sessions

EDITOR = """
    read_file write_to_file apply_diff list_files search_files list_code_definition_names execute_command browser_action
    ask_followup_question attempt_completion switch_mode new_task fetch_instructions use_mcp_tool access_mcp_resource
    insert_content search_and_replace codebase_search update_todo_list Read
""".split()
RULES = "You are an editor's assistant.\n" + "Keep to the rules of the project. 規則，…\n" * 200


def editor_tools() -> list[Wire]:
    """As editors describe them: long, with examples in tags, and a strict schema each."""
    schema: Wire = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Relative to the workspace…"},
            "content": {"type": ["string", "null"]},
            "range": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        },
        "required": ["path"],
        "additionalProperties": False,
    }
    usage = "Usage:\n<{name}>\n<path>src/a.py</path>\n</{name}>\n\n" + "Mind the details. " * 120
    return [function(name, usage.replace("{name}", name), schema) for name in EDITOR]


class Editor:
    """Streams every answer, keeps a file tree, runs all calls of an answer and sends their results as parts."""

    def __init__(self, bridge: RunningBridge) -> None:
        self.create: Any = bridge.client.chat.completions.create
        self.files = {"src/a.py": "print('a')\n", "src/b.py": "print('b')\n"}
        self.done: list[str] = []
        self.messages: list[Wire] = [{"role": "system", "content": RULES}]

    def run(self, task: str) -> str:
        parts = [
            {"type": "text", "text": f"<task>\n{task}\n</task>"},
            {"type": "text", "text": "<environment_details/>"},
        ]
        self.messages.append({"role": "user", "content": parts})
        while calls := self.answer():
            for each in calls:
                spec = each["function"]
                text = self.use(spec["name"], json.loads(spec["arguments"]))
                self.messages.append(result(each["id"], [{"type": "text", "text": text}]))
        return str(self.messages[-1]["content"])

    def answer(self) -> list[Wire]:
        text, calls = "", dict[int, Wire]()
        with self.create(
            model="sonnet",
            messages=self.messages,
            tools=editor_tools(),
            tool_choice="auto",
            stream=True,
            stream_options={"include_usage": True},
        ) as stream:
            for chunk in stream:
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    for piece in choice.delta.tool_calls or ():
                        known = calls.setdefault(
                            piece.index, {"id": piece.id, "type": "function", "function": {"name": "", "arguments": ""}}
                        )
                        known["function"]["name"] += piece.function.name or ""
                        known["function"]["arguments"] += piece.function.arguments or ""
        message: Wire = {"role": "assistant", "content": text or None}
        self.messages.append({**message, "tool_calls": list(calls.values())} if calls else message)
        return list(calls.values())

    def use(self, name: str, arguments: Wire) -> str:
        self.done.append(name)
        path = arguments["path"]
        if name == "write_to_file":
            self.files[path] = arguments["content"]
            return f"The content was written to {path}."
        return self.files.get(path, f"Error: no such file: {path}")


def test_an_editor_works_through_a_task_with_twenty_tools(bridge: RunningBridge) -> None:
    code = "".join(f"def function_{number}() -> str:\n    return 'ü…\\n'\n" for number in range(60))
    editor = Editor(bridge)
    told = editor.run(
        directive(
            text="I look at both files first.",
            tools=[call("read_file", path="src/a.py"), call("Read", path="src/c.py")],
            then=[
                {"thinking": "Now write.", "tools": [call("write_to_file", path="src/c.py", content=code)]},
                {"text": "Let me check.", "tools": [call("read_file", path="src/c.py", range=[1, 2])]},
                {"text": "All done."},
            ],
        )
    )
    assert told == "All done."
    assert editor.done == ["read_file", "Read", "write_to_file", "read_file"]
    assert editor.files["src/c.py"] == code
    assert len(set(sessions(bridge))) == 1
    body = newest(bridge)
    assert system_prompt(body) == RULES
    assert [tool["name"] for tool in body["tools"]] == EDITOR
    assert [tool["description"] for tool in body["tools"]] == [t["function"]["description"] for t in editor_tools()]
    results = [block["content"] for role, blocks in turns(body)[2::2] for block in blocks]
    assert [parts[0]["text"] for parts in results] == [
        "print('a')\n",
        "Error: no such file: src/c.py",
        "The content was written to src/c.py.",
        code,
    ]
    assert editor.run(directive(text="Next task.")) == "Next task."
    assert len(set(sessions(bridge))) == 1


@pytest.mark.parametrize("agents", [3, pytest.param(8, marks=pytest.mark.full)])
async def test_many_agents_run_at_once(bridge_with: Callable[..., RunningBridge], agents: int) -> None:
    bridge = bridge_with(suspended_sessions=agents, max_sessions=8)
    client = bridge.async_client()
    create: Any = client.chat.completions.create

    async def run(number: int) -> str:
        rounds = [{"tools": [call("f", x=number, round=at)]} for at in range(1, 4)]
        question = directive(tools=[call("f", x=number, round=0)], then=[*rounds, {"text": f"agent {number}"}])
        messages: list[Wire] = [{"role": "user", "content": question}]
        for at in range(4):
            answer = (await create(model="sonnet", messages=messages, tools=[function("f")])).choices[0].message
            (called,) = answer.tool_calls
            assert json.loads(called.function.arguments) == {"x": number, "round": at}
            messages += [answer.model_dump(exclude_none=True), result(called.id, f"{number}, {at}")]
        last = await create(model="sonnet", messages=messages, tools=[function("f")])
        return str(last.choices[0].message.content)

    assert await asyncio.gather(*map(run, range(agents))) == [f"agent {number}" for number in range(agents)]
    await client.close()
    for received in bridge.standin.requests:
        sent = turns(received.body)
        number = json.loads(sent[0][1][0]["text"].removeprefix("standin: "))["tools"][0]["input"]["x"]
        results = [blocks[0]["content"][0]["text"] for role, blocks in sent[2::2]]
        assert results == [f"{number}, {at}" for at in range(len(results))], "no agent gets another's results"


def test_the_librarys_own_stream_gathers_calls(bridge: RunningBridge) -> None:
    stream: Any = bridge.client.chat.completions.stream
    question = directive(text="So: ", tools=[call("f", x=1), call("f", x=2)])
    events = []
    with stream(model="sonnet", messages=[{"role": "user", "content": question}], tools=[function("f")]) as gathering:
        for event in gathering:
            events.append(event.type)  # noqa: PERF401 - the stream is to be read event by event
        final = gathering.get_final_completion()
    assert events.count("tool_calls.function.arguments.done") == 2
    assert [json.loads(each.function.arguments) for each in final.choices[0].message.tool_calls] == [{"x": 1}, {"x": 2}]
    assert final.choices[0].message.content == "So: "
