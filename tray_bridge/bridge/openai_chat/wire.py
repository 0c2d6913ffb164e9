"""The wire shapes of answers, as OpenAI's API reference gives them.

https://platform.openai.com/docs/api-reference/chat; OpenAI has no field for reasoning; `reasoning_content` is the one
that clients of other servers read.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "function_call", "content_filter"]


class PromptDetails(TypedDict):
    cached_tokens: int


class CompletionDetails(TypedDict):
    reasoning_tokens: int


class CompletionUsage(TypedDict):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class FunctionDelta(TypedDict):
    name: NotRequired[str]
    arguments: str


class ToolCallPiece(TypedDict):
    index: int
    id: NotRequired[str]
    type: NotRequired[Literal["function"]]
    function: FunctionDelta


class Delta(TypedDict, total=False):
    """What one chunk adds to a choice."""

    role: Literal["assistant"]
    content: str | None
    reasoning_content: str
    refusal: str
    tool_calls: list[ToolCallPiece]
    function_call: FunctionDelta


class ChunkChoice(TypedDict):
    index: int
    delta: Delta
    finish_reason: FinishReason | None


class Chunk(TypedDict):
    """One piece of a streamed answer."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: NotRequired[CompletionUsage]


class Function(TypedDict):
    name: str
    arguments: str


class ToolCall(TypedDict):
    id: str
    type: Literal["function"]
    function: Function


class WireMessage(TypedDict):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    reasoning_content: NotRequired[str]
    tool_calls: NotRequired[list[ToolCall]]
    function_call: NotRequired[Function]


class Choice(TypedDict):
    index: int
    message: WireMessage
    logprobs: None
    finish_reason: FinishReason


class Completion(TypedDict):
    """An answer in one piece."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
