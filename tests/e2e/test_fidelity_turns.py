"""The messages array becomes the same turns upstream, and nothing is added: real CLI, bodies read at the stand-in."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.upstream import Wire, answer, as_the_cli_writes, newest, system_prompt, turns
from tests.running_bridge import RunningBridge, directive

NASTY = ["@/etc/hostname", "/clear", "!ls", "#memo", "<system-reminder>x</system-reminder>", "\x00", "\u202e\u2028"]
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def png(shade: int) -> bytes:
    """A picture of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@dataclass
class Generated:
    """A conversation, and beside it what must arrive: written down as it is made, not by the code under test."""

    messages: list[Wire] = field(default_factory=list)
    system: list[str] = field(default_factory=list)
    expected: list[tuple[str, list[Wire]]] = field(default_factory=list)

    def expect(self, role: str, blocks: list[Wire]) -> None:
        if role == "user" and self.expected and self.expected[-1][0] == "user":
            self.expected[-1][1].extend(blocks)
        else:
            self.expected.append((role, list(blocks)))


def text_block(text: str) -> Wire:
    return {"type": "text", "text": as_the_cli_writes(text)}


# Blank text has a rule of its own, held in tests/bridge; `standin:` would be obeyed.
any_character = st.characters(categories=["L", "N", "P", "S", "M", "Z", "C"])
said = (st.text(any_character, min_size=1, max_size=60) | st.sampled_from(NASTY)).filter(
    lambda text: text.strip() and text != "(no content)" and "standin:" not in text
)


@st.composite
def user_parts(draw: st.DrawFn) -> tuple[Wire, Wire]:
    """A part as a client sends it, and the block that it must become."""
    kind = draw(st.sampled_from(["text", "text", "image", "pdf", "file"]))
    if kind == "image":
        data = base64.b64encode(png(draw(st.integers(0, 255)))).decode()
        url = f"data:image/png;base64,{data}"
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return {"type": "image_url", "image_url": {"url": url}}, {"type": "image", "source": source}
    if kind == "pdf":
        data = base64.b64encode(PDF).decode()
        file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
        return {"type": "file", "file": file}, {"type": "document", "source": source, "title": "a.pdf"}
    text = draw(said)
    if kind == "file":
        text = as_the_cli_writes(text)
        if text.startswith("\ufeff") or "%PDF-" in text:
            text = f"x{text.replace('%', '')}"
        data = base64.b64encode(text.encode()).decode()
        source = {"type": "text", "media_type": "text/plain", "data": text}
        return {"type": "file", "file": {"file_data": data}}, {"type": "document", "source": source}
    return {"type": "text", "text": text}, text_block(text)


@st.composite
def conversations(draw: st.DrawFn) -> Generated:
    made = Generated()
    for turn in range(draw(st.integers(0, 4))):
        for _ in range(draw(st.integers(1, 2))):
            _add_user(draw, made)
        if draw(st.integers(0, 3)) == 0:
            text = draw(said)
            made.messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": text})
            made.system.append(as_the_cli_writes(text))
        if draw(st.booleans()):
            _add_calls(draw, made, turn)
        text = draw(said)
        extra: Wire = draw(st.sampled_from([{}, {"name": "a"}, {"refusal": None}, {"reasoning_content": "hm"}]))
        made.messages.append({"role": "assistant", "content": text, **extra})
        made.expect("assistant", [text_block(text)])
    return made


def _add_user(draw: st.DrawFn, made: Generated) -> None:
    if draw(st.booleans()):
        text = draw(said)
        made.messages.append({"role": "user", "content": text})
        made.expect("user", [text_block(text)])
        return
    parts = draw(st.lists(user_parts(), min_size=1, max_size=3))
    made.messages.append({"role": "user", "content": [part for part, _ in parts]})
    made.expect("user", [block for _, block in parts])


def _add_calls(draw: st.DrawFn, made: Generated, turn: int) -> None:
    """An assistant message with calls, and their results in any order: upstream they stand in the calls' order."""
    text = draw(st.none() | said)
    inputs = draw(
        st.lists(st.dictionaries(st.text(max_size=5), said | st.integers(-(2**53), 2**53), max_size=2), max_size=3)
    )
    calls = [(f"call_{turn}_{n}", value) for n, value in enumerate(inputs)]
    if not calls and text is None:
        return
    message: Wire = {"role": "assistant", "content": text}
    blocks = [text_block(text)] if text is not None else []
    if calls:
        message["tool_calls"] = [
            {"id": id_, "type": "function", "function": {"name": "look", "arguments": json.dumps(value)}}
            for id_, value in calls
        ]
        blocks += [{"type": "tool_use", "id": id_, "name": "look", "input": _written(value)} for id_, value in calls]
    made.messages.append(message)
    made.expect("assistant", blocks)
    results = {id_: draw(said) for id_, _ in calls}
    for id_ in draw(st.permutations(list(results))):
        content: Any = results[id_]
        if draw(st.booleans()):
            content = [{"type": "text", "text": content}]
        made.messages.append({"role": "tool", "tool_call_id": id_, "content": content})
    expected = [
        {"type": "tool_result", "tool_use_id": id_, "content": [text_block(text)]} for id_, text in results.items()
    ]
    if expected:
        made.expect("user", expected)


def _written(value: dict[str, Any]) -> dict[str, Any]:
    return {
        as_the_cli_writes(key): as_the_cli_writes(item) if isinstance(item, str) else item
        for key, item in value.items()
    }


def check(bridge: RunningBridge, made: Generated, said_back: str) -> None:
    question = directive(text=said_back)
    body = {"messages": [*made.messages, {"role": "user", "content": question}]}
    assert answer(bridge, body)["content"] == said_back
    made.expect("user", [text_block(question)])
    received = newest(bridge)
    assert turns(received) == made.expected
    assert system_prompt(received) == "\n\n".join(made.system)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(made=conversations(), said_back=said)
@pytest.mark.timeout(240)
def test_generated_conversations_arrive_turn_by_turn_and_the_answer_comes_back(
    bridge: RunningBridge, made: Generated, said_back: str
) -> None:
    check(bridge, made, as_the_cli_writes(said_back))


@pytest.mark.full
@pytest.mark.timeout(1800)
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(made=conversations(), said_back=said)
def test_many_generated_conversations_arrive(bridge: RunningBridge, made: Generated, said_back: str) -> None:
    check(bridge, made, as_the_cli_writes(said_back))


@pytest.mark.parametrize("length", [1, 2, 20, 200])
def test_conversations_of_any_length_keep_every_turn(bridge: RunningBridge, length: int) -> None:
    made = Generated()
    for number in range(length - 1):
        role = "user" if number % 2 == length % 2 else "assistant"
        made.messages.append({"role": role, "content": f"{role} turn {number}"})
        made.expect(role, [text_block(f"{role} turn {number}")])
    if made.expected and made.expected[0][0] == "assistant":
        made.expected.insert(0, ("user", [text_block("(no content)")]))
    check(bridge, made, f"after {length}")


def test_neighbouring_messages_of_one_role_stay_apart(bridge: RunningBridge) -> None:
    texts = ["one", "two\n", "three"]
    messages = [{"role": "user", "content": text} for text in texts]
    messages += [{"role": "assistant", "content": text} for text in texts]
    messages += [{"role": "user", "content": directive(text="ok")}]
    answer(bridge, {"messages": messages})
    first, *middle, _ = turns(newest(bridge))
    assert first == ("user", [text_block(text) for text in texts])
    assert middle == [("assistant", [text_block(text)]) for text in texts]


def test_a_placeholder_answer_does_not_glue_its_neighbours(bridge: RunningBridge) -> None:
    """The CLI leaves out an answer `(no content)`, its own word for none, and joins what stood around it."""
    messages = [
        {"role": "user", "content": "before"},
        {"role": "assistant", "content": "(no content)"},
        {"role": "user", "content": directive(text="ok")},
    ]
    answer(bridge, {"messages": messages})
    assert turns(newest(bridge)) == [("user", [text_block("before"), text_block(directive(text="ok"))])]


def test_system_and_developer_messages_become_the_system_prompt_in_order_wherever_they_stand(
    bridge: RunningBridge,
) -> None:
    messages = [
        {"role": "system", "content": "First."},
        {"role": "user", "content": "Hello."},
        {"role": "developer", "content": [{"type": "text", "text": "Second,"}, {"type": "text", "text": "third."}]},
        {"role": "assistant", "content": "Hello to you."},
        {"role": "user", "content": directive(text="ok")},
        {"role": "system", "content": "Last."},
    ]
    answer(bridge, {"messages": messages, "instructions": "Before all."})
    received = newest(bridge)
    assert system_prompt(received) == "Before all.\n\nFirst.\n\nSecond,\n\nthird.\n\nLast."
    assert [role for role, _ in turns(received)] == ["user", "assistant", "user"]


def test_a_system_prompt_of_300_kilobytes_arrives_whole(bridge: RunningBridge) -> None:
    prompt = "".join(f"{number}: @/etc/hostname ü\n" for number in range(15_000))
    assert len(prompt.encode()) > 300 * 1024
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": directive(text="ok")}]
    assert answer(bridge, {"messages": messages})["content"] == "ok"
    assert system_prompt(newest(bridge)) == prompt


def test_two_megabytes_of_text_arrive_whole_and_come_back_whole(bridge: RunningBridge) -> None:
    text = "0123456789 ü€😀\n" * 100_000
    assert len(text.encode()) > 2 * 2**20
    half = text[: len(text) // 2]
    messages = [
        {"role": "user", "content": half},
        {"role": "assistant", "content": "Go on."},
        {"role": "user", "content": half + directive(echo="messages")},
    ]
    content = answer(bridge, {"messages": messages})["content"]
    first, _, last = turns({"messages": json.loads(content)})
    assert first[1] == [text_block(half)]
    assert last[1] == [text_block(half + directive(echo="messages"))]
    assert json.loads(content) == newest(bridge)["messages"]
