"""Transcripts of the CLI: read, replayed through the answer reader and the conversation without a process, compared.

A transcript is a list of entries: `{"ask": 0}` where a turn begins, `{"to": line}` and `{"from": line}` as they crossed
the pipe, and `{"events": [...]}`, with `"error"` where the turn failed, at its end.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from tray_bridge.claude.answer import AnswerReader
from tray_bridge.claude.conversation import Conversation, Line, Plan, Wanted
from tray_bridge.claude.offered_tools import callable_names
from tray_bridge.claude.prompt import merged_from
from tray_bridge.errors import TrayBridgeError
from tray_bridge.turns import Event, Leased, TextDelta, ThinkingDelta, ToolCallDelta, ToolResult, Turn

Entry: TypeAlias = Mapping[str, Any]
FOLDER = Path(__file__).parent / "transcripts"


def versions() -> list[str]:
    """Give the versions of the CLI that transcripts were recorded from, oldest first."""
    folders = FOLDER.iterdir() if FOLDER.exists() else ()
    return sorted((path.name for path in folders), key=lambda name: [int(part) for part in name.split(".")])


def load(path: Path) -> list[Entry]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def save(path: Path, entries: Sequence[Entry]) -> None:
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), "utf-8")


def written_event(event: Event) -> dict[str, Any]:
    return {"event": type(event).__name__, **asdict(event)}


def joined(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Give events as they are stored: pieces of one text, thinking or call joined, without `Leased`."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if isinstance(event, Leased):
            continue
        entry = written_event(event)
        same = kept and kept[-1]["event"] == entry["event"] and kept[-1].get("index") == entry.get("index")
        if same and isinstance(event, (TextDelta, ThinkingDelta)):
            kept[-1]["text"] += event.text
        elif same and isinstance(event, ToolCallDelta):
            kept[-1]["partial_json"] += event.partial_json
        else:
            kept.append(entry)
    return kept


def failure(error: TrayBridgeError) -> str:
    return f"{type(error).__name__}: {error}"


class Replay:
    """One worker's conversation, followed through a transcript. Raises AssertionError where the two do not agree."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.conversation = Conversation()
        self.how = ""  # the present turn follows from the one before
        self._turns: list[list[Entry]] = []
        for entry in entries:
            if "ask" in entry:
                self._turns.append([])
            elif self._turns and "events" not in entry:
                self._turns[-1].append(entry)

    def run(self, turns: Sequence[Turn]) -> Iterator[tuple[list[dict[str, Any]], str]]:
        """Yield the events and the error of each turn."""
        for turn, entries in zip(turns, self._turns, strict=True):
            wanted = Wanted.of(turn)
            plan = self.conversation.plan(wanted)
            self.how = plan.how
            yield self._turn(wanted, plan, entries)

    def _turn(self, wanted: Wanted, plan: Plan, entries: Sequence[Entry]) -> tuple[list[dict[str, Any]], str]:
        turn, conversation = wanted.turn, self.conversation
        reader = AnswerReader(
            callable_names(turn), structured=turn.output_schema is not None, demanded=turn.demands_call
        )
        keys = [
            None if any(isinstance(block, ToolResult) for block in message.content) else wanted.keys[start]
            for start, message in merged_from(turn.messages, plan.start)
            if message.role == "user"
        ]
        events: list[Event] = []
        asked, over, error = plan.how == "results", False, ""
        if asked:
            conversation.key = None
        for entry in entries:
            if (line := entry.get("to")) is not None:
                self._cut(line)
                if line["type"] != "user":
                    continue
                if asked and reader.rest == "clean" and turn.demands_call and not over:
                    reader.begin_again()
                    conversation.lines.append(Line(line["uuid"], None))
                    continue
                if len(keys) == sum(message.role == "user" for _, message in merged_from(turn.messages, plan.start)):
                    assert len(conversation.lines) == self._kept(plan), f"{plan} does not fit what was cut"
                    conversation.begin_turn()
                conversation.lines.append(Line(line["uuid"], keys.pop(0)))
                asked = line.get("shouldQuery") is not False
            elif asked and not over and reader.rest is None:
                read: Sequence[Event] = ()
                try:
                    read = reader.read(entry["from"])
                except TrayBridgeError as raised:
                    error, over = failure(raised), True
                if reader.rest != "clean" or not turn.demands_call or reader.calls:
                    events += read  # else the call is demanded again, in words
                if reader.rest in ("suspended", "spent") or (reader.rest and (not turn.demands_call or reader.calls)):
                    over = True
                    self._finish(wanted, plan, reader)
        return joined(events), error

    def _kept(self, plan: Plan) -> int:
        """Give how many lines of the conversation the plan keeps."""
        return {"new": 0, "rewind": plan.cut}.get(plan.how, len(self.conversation.lines))

    def _cut(self, line: Mapping[str, Any]) -> None:
        request = line.get("request") or {}
        if request.get("subtype") == "rewind_conversation":
            known = [each.uuid for each in self.conversation.lines]
            assert request["last_seen_user_message_uuid"] == known[-1]
            self.conversation.was_cut(known.index(request["target_message_uuid"]))

    def _finish(self, wanted: Wanted, plan: Plan, reader: AnswerReader) -> None:
        conversation = self.conversation
        if reader.rest != "spent":
            conversation.key = wanted.keys.with_answer(reader.answer_message())
            conversation.is_suspended = reader.rest == "suspended"
            conversation.answered(wanted, plan.start, tuple(reader.calls))
            conversation.is_limited = wanted.turn.max_tokens is not None


def changes(old: Sequence[Entry], new: Sequence[Entry]) -> list[str]:
    """Say what differs between two transcripts of one scenario: kinds of lines, their fields, their order, events."""
    said: list[str] = []
    before, after = _shapes(old), _shapes(new)
    for kind in sorted(before.keys() | after.keys()):
        if kind not in after:
            said.append(f"no longer: {kind}")
        elif kind not in before:
            said.append(f"new: {kind} {json.dumps(sorted(after[kind]))}")
        else:
            said += [f"{kind}: no longer has `{field}`" for field in sorted(before[kind] - after[kind])]
            said += [f"{kind}: now has `{field}`" for field in sorted(after[kind] - before[kind])]
    if not said and _order(old) != _order(new):
        said.append(f"other order: {' '.join(_order(old))}  →  {' '.join(_order(new))}")
    for number, (was, is_now) in enumerate(zip(_answers(old), _answers(new), strict=False)):
        if was != is_now:
            said.append(f"turn {number}: {json.dumps(was)}  →  {json.dumps(is_now)}")
    if len(_answers(old)) != len(_answers(new)):
        said.append(f"{len(_answers(old))} turns  →  {len(_answers(new))} turns")
    return said


def _kind(direction: str, line: Mapping[str, Any]) -> str:
    inner = line.get("event") or line.get("request") or line.get("response") or {}
    more = [line.get("subtype"), inner.get("type") or inner.get("subtype")]
    if inner.get("subtype") == "mcp_message":
        more.append((inner.get("message") or {}).get("method"))
    return " ".join((direction, line["type"], *(str(part) for part in more if part)))


def _subtype(entry: Entry) -> str:
    return str(entry.get("to", {}).get("request", {}).get("subtype", ""))


def _lines(entries: Sequence[Entry]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the lines with their kinds. In a turn that was interrupted those after its end vary, and are left out."""
    is_interrupted = is_over = False
    for number, entry in enumerate(entries):
        if "ask" in entry:
            rest = itertools.takewhile(lambda later: "ask" not in later, entries[number + 1 :])
            is_interrupted, is_over = any(_subtype(later) == "interrupt" for later in rest), False
        event = entry.get("from", {}).get("event", {})
        is_over = is_over or (
            is_interrupted and (_subtype(entry) == "interrupt" or event.get("type") == "message_delta")
        )
        if is_over:
            continue
        for direction in ("to", "from"):
            if direction in entry:
                yield _kind(direction, entry[direction]), entry[direction]


def _shapes(entries: Sequence[Entry]) -> dict[str, set[str]]:
    shapes: dict[str, set[str]] = {}
    for kind, line in _lines(entries):
        shapes.setdefault(kind, set()).update(_paths(line))
    return shapes


def _paths(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{at}{key}"
            yield from _paths(inner, f"{at}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, at)


def _order(entries: Sequence[Entry]) -> list[str]:
    """Give the kinds of what the answer consists of, in order, each run of one kind once."""
    kinds = [kind for kind, _ in _lines(entries) if kind.startswith(("from stream_event", "from result", "to user"))]
    return [kind for number, kind in enumerate(kinds) if not number or kind != kinds[number - 1]]


def _answers(entries: Sequence[Entry]) -> list[tuple[Any, str]]:
    """Give the events of each turn, without what varies: counts of tokens, and the text before a lost connection."""
    return [(list(_steady(entry["events"])), entry.get("error", "")) for entry in entries if "events" in entry]


def _steady(events: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for event, after in itertools.zip_longest(events, events[1:]):
        varies = ("usage", "text") if after and after["event"] == "Restarted" else ("usage",)
        yield {key: value for key, value in event.items() if key not in varies}
