"""A client with tools, for tests: a conversation that goes on as an agent's loop does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openai.types.chat import ChatCompletionMessage

from tests.running_bridge import RunningBridge, directive

Wire = dict[str, Any]


def function(name: str, description: str = "A tool.", parameters: Mapping[str, Any] | None = None) -> Wire:
    """A tool as OpenAI's clients offer it."""
    schema = parameters or {"type": "object", "properties": {"x": {"type": "integer"}}}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def call(name: str, **arguments: Any) -> Wire:
    """A call as the stand-in is told to make it."""
    return {"name": name, "input": arguments}


def result(call_id: str, content: Any = "ok", **more: Any) -> Wire:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


class ToolConversation:
    """One conversation. `messages` is what the client holds, and sends whole each time."""

    def __init__(self, bridge: RunningBridge, *tools: Wire, **options: Any) -> None:
        self.bridge = bridge
        self.messages: list[Wire] = []
        self.options: Wire = {"model": "sonnet", "tools": list(tools), **options}
        self.finish_reason = ""

    def ask(self, **spec: Any) -> ChatCompletionMessage:
        """Ask what makes the stand-in answer as `spec` says; `then` scripts what it says to the results."""
        self.messages.append({"role": "user", "content": directive(**spec)})
        return self.send()

    def answer(self, *contents: Any) -> ChatCompletionMessage:
        """Give the newest calls these results, in order."""
        calls = self.messages[-1]["tool_calls"]
        self.messages += [result(each["id"], content) for each, content in zip(calls, contents, strict=True)]
        return self.send()

    def send(self, **options: Any) -> ChatCompletionMessage:
        """Send the conversation and take the answer into it."""
        completion = self.bridge.client.chat.completions.create(
            **{**self.options, "messages": self.messages, **options}
        )
        choice = completion.choices[0]
        self.finish_reason = choice.finish_reason
        message: ChatCompletionMessage = choice.message
        self.messages.append(message.model_dump(exclude_none=True) | {"content": message.content})
        return message

    @property
    def calls(self) -> list[str]:
        """The ids of the newest calls."""
        return [each["id"] for each in self.messages[-1].get("tool_calls", ())]


def sessions(bridge: RunningBridge) -> list[str]:
    """Which CLI process asked each question that came upstream."""
    return [received.headers["x-claude-code-session-id"] for received in bridge.standin.requests]
