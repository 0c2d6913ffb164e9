"""Read from a request what the stand-in is to do. Owns the directive's fields. Must not know HTTP.

A prompt scripts its own answer with a line such as `standin: {"text": "Hello", "rate": 20}`. The newest user message
that holds text decides; one without a directive gets the default answer. Messages that hold only tool results belong to
the tool loop of the message before them: after the k-th of them, `then[k - 1]` is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

DIRECTIVE = re.compile(r"^\s*standin:", re.MULTILINE)
REMINDER = "<system-reminder>"
DEMAND = re.compile(r"^Answer with a call of (?:`(?P<name>[^`]+)`|at least one )", re.MULTILINE)
"""How the bridge demands a call from models that take no forced `tool_choice`."""


class ScriptError(ValueError):
    """The directive cannot be read; its message says why."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One scripted reply: the fields of a directive. Times are seconds, rates deltas a second."""

    text: str | None = None
    chunks: tuple[str, ...] | None = None
    """The exact deltas, instead of `text`."""
    words: int | None = None
    """This many deltas, `word1 word2 …`."""
    thinking: str | None = None
    """Streamed before the text, with a signature."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Calls: `name`, `input` or `raw` (the exact JSON text, for odd cases), optionally `id`."""
    structured: Mapping[str, Any] | None = None
    """The input of a call of `StructuredOutput`."""
    structured_sequence: tuple[Mapping[str, Any], ...] = ()
    """The same, one for each attempt; the last one stays."""
    echo: str | None = None
    """Answer with the JSON of this part of the request: `system`, `messages`, `tools` or `body`."""
    then: tuple[Mapping[str, Any], ...] = ()
    """The replies to the tool results that follow."""
    stubborn: bool = False
    """Answer the same again when a call is demanded next."""

    events: tuple[Mapping[str, Any], ...] = ()
    """The exact events of the stream, instead of all that; `{"pause": 2}` waits so many seconds."""
    headers: Mapping[str, str] | None = None
    """Further headers of the answer, of an error too."""

    first_delay: float | None = None
    rate: float | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    refusal: bool = False
    usage: Mapping[str, int] | None = None

    error: Mapping[str, Any] | None = None
    """An HTTP error before anything: `status`, `type`, `message`, `retry_after`."""
    error_times: int | None = None
    """Fail only the first so many times that this prompt is seen."""
    error_event_after: int | None = None
    """After so many deltas, an error event ends the stream (its body from `error`, if given)."""
    break_after: int | None = None
    """After so many deltas, the connection is cut."""
    break_times: int | None = None
    hang: float | bool = False
    """Say nothing for so many seconds, or (true) until the client leaves."""
    hang_after: int | None = None
    """Fall silent after so many deltas, until the client leaves."""

    @property
    def is_answer(self) -> bool:
        """Whether it says what to answer, not only how."""
        content = (self.text, self.chunks, self.words, self.thinking, self.structured, self.echo)
        return any(part is not None for part in content) or bool(self.tools or self.structured_sequence or self.refusal)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came, and what became of it. Times are of `time.perf_counter()`."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    spec: Spec
    started: float
    first_delta: float | None = None
    ended: float | None = None
    aborted: bool = False
    """The client hung up before the answer was complete."""
    usage: Mapping[str, int] | None = None
    """What the answer says of its tokens."""


@dataclass(frozen=True, slots=True)
class Script:
    """What a request asks for. `question` is the newest user text, `results` the tool results since it."""

    spec: Spec
    question: str
    rounds: int
    """How many messages of tool results have come since the question."""
    results: tuple[Mapping[str, Any], ...]
    """The newest tool results."""
    is_errand: bool = False
    """The CLI asks for itself (a title, whether there is quota left): no directive counts."""


def read_script(body: Mapping[str, Any]) -> Script:
    """Find the directive that governs a request; raises ScriptError."""
    if is_errand(body):
        return Script(Spec(), question="", rounds=0, results=(), is_errand=True)
    results: list[tuple[Mapping[str, Any], ...]] = []
    question = demand = ""
    for message in reversed(body.get("messages", ())):
        if message.get("role") != "user":
            continue
        found = question_of(message)
        given = tuple(block for block in blocks_of(message) if block.get("type") == "tool_result")
        if found and not DEMAND.match(found):
            question = found
            break
        if given:
            results.append(given)
        else:
            demand = demand or found
    if demand and not directive_in(question).get("stubborn"):
        question, results = demand, []
    spec = read_spec(directive_in(question))
    if results:
        replies = spec.then
        if len(results) <= len(replies):
            spec = read_spec(replies[len(results) - 1])
        elif not spec.structured_sequence:
            spec = Spec()
    return Script(spec, question, len(results), results[0] if results else ())


def is_errand(body: Mapping[str, Any]) -> bool:
    """Whether the CLI asks for itself. A title's prompt quotes the person's, directive included."""
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema") or {}
    if (schema.get("properties") or {}).keys() == {"title"}:  # what the CLI wants for the name of a conversation
        return True
    return body.get("max_tokens") == 1 and question_of(body["messages"][-1]) == "quota"


def read_spec(directive: Mapping[str, Any]) -> Spec:
    """A Spec from a directive's JSON; an unknown field is an error, so that a misspelt test fails."""
    unknown = directive.keys() - {field.name for field in fields(Spec)}
    if unknown:
        raise ScriptError(f"unknown field: {', '.join(sorted(unknown))}")
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in directive.items()}
    return Spec(**given)


def directive_in(text: str) -> Mapping[str, Any]:
    """The JSON after the last `standin:` that starts a line, or nothing; text may follow it."""
    matches = list(DIRECTIVE.finditer(text))
    if not matches:
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(text[matches[-1].end() :].lstrip())
    except ValueError as error:
        raise ScriptError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ScriptError("not a JSON object")
    return found


def question_of(message: Mapping[str, Any]) -> str:
    """The text of a user message, without the reminders that the CLI adds to it."""
    texts = [block["text"] for block in blocks_of(message) if block.get("type") == "text"]
    return "\n".join(text for text in texts if not text.lstrip().startswith(REMINDER)).strip()


def blocks_of(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A message's content as blocks, also where it is a plain string."""
    content = message.get("content", "")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
