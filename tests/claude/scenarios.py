"""The conversations that `record.py` has with the real CLI: the turns of each, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.running_bridge import directive
from tray_bridge.turns import Message, Text, Tool, ToolChoice, ToolResult, ToolUse, Turn

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOK = Tool("look", "Looks at the sky.", {"type": "object", "properties": {"at": {"type": "string"}}})
HEAR = Tool("hear", "Listens.", {"type": "object", "properties": {"to": {"type": "string"}}})
OVERLOADED = {"status": 529, "type": "overloaded_error", "message": "Overloaded"}
PLAN = {
    "anthropic-ratelimit-unified-status": "rejected",
    "anthropic-ratelimit-unified-5h-status": "rejected",
    "anthropic-ratelimit-unified-5h-reset": "4102444800",
    "anthropic-ratelimit-unified-5h-utilization": "1.0",
    "anthropic-ratelimit-unified-reset": "4102444800",
    "anthropic-ratelimit-unified-representative-claim": "five_hour",
}


@dataclass(frozen=True)
class Step:
    """One turn; it is given up after `given_up_after` pieces of text, if that is set."""

    turn: Turn
    given_up_after: int | None = None


def ask(question: str = "A question", /, **spec: object) -> Message:
    return Message("user", (Text(f"{question}\n{directive(**spec)}"),))


def said(text: str) -> Message:
    return Message("assistant", (Text(text),))


def call(id_: str, name: str = "look", **given: str) -> ToolUse:
    return ToolUse(id_, name, given)


def once(**spec: object) -> Sequence[Step]:
    return (Step(Turn("sonnet", (ask(**spec),))),)


def with_tools(*messages: Message, tools: tuple[Tool, ...] = (LOOK, HEAR), **more: object) -> Turn:
    return replace(Turn("sonnet", messages, tools=tools), **more)  # type: ignore[arg-type]  # its own fields


def one_call() -> Sequence[Step]:
    asked = ask(tools=[{"id": "toolu_one", "name": "look", "input": {"at": "sky"}}], then=[{"text": "It is blue."}])
    results = Message("user", (ToolResult("toolu_one", (Text("blue"),)),))
    called = Message("assistant", (call("toolu_one", at="sky"),))
    return (Step(with_tools(asked)), Step(with_tools(asked, called, results)))


def parallel_calls() -> Sequence[Step]:
    calls = [
        {"id": "toolu_one", "name": "look", "input": {"at": "sky"}},
        {"id": "toolu_two", "name": "hear", "input": {"to": "rain"}},
    ]
    asked = ask("Both", tools=calls, then=[{"text": "Blue and wet."}])
    called = Message("assistant", (call("toolu_one", at="sky"), call("toolu_two", "hear", to="rain")))
    results = (ToolResult("toolu_one", (Text("blue"),)), ToolResult("toolu_two", (Text("no sound"),), is_error=True))
    return (Step(with_tools(asked)), Step(with_tools(asked, called, Message("user", results))))


def structured(*inputs: Mapping[str, object]) -> Sequence[Step]:
    return (Step(Turn("sonnet", (ask(structured_sequence=list(inputs)),), output_schema=SCHEMA)),)


def follow_up() -> Sequence[Step]:
    first, second = ask("First", text="Answer one."), ask("Second", text="Answer two.")
    return (Step(Turn("sonnet", (first,))), Step(Turn("sonnet", (first, said("Answer one."), second))))


def edited() -> Sequence[Step]:
    """The second question is asked again in other words: the conversation is rewound to before it."""
    first, second = ask("One", text="Yes."), ask("Two", text="No.")
    other = ask("Two, in other words", text="Perhaps.")
    past = (first, said("Yes."))
    return tuple(Step(Turn("sonnet", messages)) for messages in ((first,), (*past, second), (*past, other)))


def reset() -> Sequence[Step]:
    """Two conversations that share nothing, with other words for the system, model and tools."""
    first = with_tools(ask("One", text="Yes."), system=("Be brief.",))
    second = with_tools(ask("Other", text="No."), tools=(HEAR,), system=("Be kind.",))
    return (Step(first), Step(second), Step(replace(second, model="haiku", messages=(ask("Third", text="So."),))))


def with_past() -> Sequence[Step]:
    """A past that the process did not live through is written to it before the question."""
    past = (Message("user", (Text("Hello"),)), said("Good day."), Message("user", (Text("Well?"),)), said("Well."))
    return (Step(Turn("sonnet", (*past, ask("And now?", text="Now.")))),)


def given_up() -> Sequence[Step]:
    long = Turn("sonnet", (ask("Long", words=200, rate=40),))
    return (Step(long, given_up_after=3), Step(Turn("sonnet", (ask("Short", text="Done."),))))


def demanded() -> Sequence[Step]:
    asked = ask("Call it", thinking="Hm.", text="I would rather not.")
    return (Step(with_tools(asked, tool_choice=ToolChoice("any"), effort="high")),)


SCENARIOS: Mapping[str, Sequence[Step]] = {
    "text": once(text="Hello to you."),
    "empty": once(text=""),
    "thinking": (Step(Turn("sonnet", (ask(thinking="Let me see.", text="Seen."),), effort="high")),),
    "one_call": one_call(),
    "parallel_calls": parallel_calls(),
    "call_not_offered": (
        Step(Turn("sonnet", (ask(tools=[{"id": "toolu_x", "name": "Bash", "input": {}}], then=[{"text": "Sorry."}]),))),
    ),
    "call_demanded": demanded(),
    "schema": structured({"city": "Bern"}),
    "schema_second_try": structured({"town": 1}, {"city": "Bern"}),
    "refusal": once(text="I will not", refusal=True),
    "limit_of_tokens": (Step(Turn("sonnet", (ask(words=30),), max_tokens=5)),),
    "stop_reason_pause": once(text="A pause", stop_reason="pause_turn"),
    "limit_of_the_plan": once(error={"status": 429, "type": "rate_limit_error", "message": "Slow"}, headers=PLAN),
    "retry": once(text="At last.", error={**OVERLOADED, "retry_after": 0}, error_times=1),
    "retry_in_the_middle": once(words=6, rate=20, break_after=3, break_times=1),
    "error": once(error={"status": 400, "type": "invalid_request_error", "message": "prompt is too long"}),
    "error_unknown_model": once(error={"status": 404, "type": "not_found_error", "message": "model: sonnet-9"}),
    "error_signed_out": once(error={"status": 401, "type": "authentication_error", "message": "invalid x-api-key"}),
    "error_in_the_middle": once(words=6, rate=20, error_event_after=3, error=OVERLOADED),
    "given_up": given_up(),
    "follow_up": follow_up(),
    "edited": edited(),
    "reset": reset(),
    "with_past": with_past(),
}
