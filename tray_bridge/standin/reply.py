"""Compose the reply to a request: the pieces of its blocks, its stop reason, its usage. Must not know HTTP."""

from __future__ import annotations

import json
import re
import textwrap
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tray_bridge.standin.example import example
from tray_bridge.standin.script import DEMAND, Script, Spec

STRUCTURED_OUTPUT = "StructuredOutput"
"""The tool through which the CLI asks for output that fits a schema."""


@dataclass(frozen=True, slots=True)
class Block:
    """One content block; `pieces` are its deltas. `id` and `name` are a tool call's."""

    type: Literal["thinking", "text", "tool_use"]
    pieces: tuple[str, ...]
    name: str = ""
    id: str = field(default_factory=lambda: f"toolu_standin{uuid.uuid4().hex[:16]}")


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: blocks, stop reason and usage."""

    model: str
    blocks: tuple[Block, ...]
    stop_reason: str
    stop_sequence: str | None
    usage: Mapping[str, int]
    id: str = field(default_factory=lambda: f"msg_standin{uuid.uuid4().hex[:16]}")


def compose(script: Script, body: Mapping[str, Any], usage: Mapping[str, int]) -> Reply:
    """Make the reply that `script` asks for; `usage` holds the input figures, output is counted in deltas."""
    spec = script.spec
    blocks = blocks_for(script, body)
    stop_reason = "tool_use" if any(block.type == "tool_use" for block in blocks) else "end_turn"
    if spec.refusal:
        stop_reason = "refusal"
    blocks, stop_sequence = cut_at_sequence(blocks, body.get("stop_sequences") or ())
    if stop_sequence is not None:
        stop_reason = "stop_sequence"
    blocks, was_cut = cut_at_count(blocks, body.get("max_tokens") or 0)
    if was_cut:
        stop_reason, stop_sequence = "max_tokens", None
    return Reply(
        model=body.get("model", "stand-in"),
        blocks=blocks,
        stop_reason=spec.stop_reason or stop_reason,
        stop_sequence=spec.stop_sequence or stop_sequence,
        usage={**usage, "output_tokens": sum(len(block.pieces) for block in blocks), **(spec.usage or {})},
    )


def blocks_for(script: Script, body: Mapping[str, Any]) -> tuple[Block, ...]:
    """Make the blocks that a directive asks for."""
    spec = script.spec
    if not spec.is_answer:
        return default_blocks(script, body)
    blocks = []
    if spec.thinking is not None and (body.get("thinking") or {}).get("type", "disabled") != "disabled":
        shown = body["thinking"].get("display", "summarized") == "summarized"
        blocks.append(Block("thinking", by_word(spec.thinking) if shown else ()))
    if text := text_pieces(spec, body):
        blocks.append(Block("text", text))
    for tool in spec.tools:
        raw = tool.get("raw", json.dumps(tool.get("input", {}), ensure_ascii=False))
        block = Block("tool_use", by_size(raw), tool["name"])
        blocks.append(replace(block, id=tool["id"]) if "id" in tool else block)
    if (structured := structured_input(spec, script.rounds)) is not None:
        is_text = bool((body.get("output_config") or {}).get("format"))
        words = json.dumps(structured, ensure_ascii=False)
        blocks.append(Block("text", by_size(words)) if is_text else call(STRUCTURED_OUTPUT, structured))
    return tuple(blocks)


def text_pieces(spec: Spec, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Make the pieces of the text that a directive asks for."""
    if spec.chunks is not None:
        return spec.chunks
    if spec.words is not None:
        return tuple(f"{' ' if n > 1 else ''}word{n}" for n in range(1, spec.words + 1))
    if spec.echo is not None:
        part = body if spec.echo == "body" else body.get(spec.echo)
        return by_size(json.dumps(part, ensure_ascii=False), 1000)
    return by_word(spec.text or "")


def structured_input(spec: Spec, rounds: int) -> Mapping[str, Any] | None:
    """Give the structured answer of this round, if the directive has one."""
    if spec.structured_sequence:
        return spec.structured_sequence[min(rounds, len(spec.structured_sequence) - 1)]
    return spec.structured


def default_blocks(script: Script, body: Mapping[str, Any]) -> tuple[Block, ...]:
    """Make the answer where nothing is scripted: the call that the request demands, else a few words."""
    if wanted_format := (body.get("output_config") or {}).get("format"):
        return (Block("text", by_size(json.dumps(example(wanted_format.get("schema"))))),)
    tools = {tool["name"]: tool for tool in body.get("tools") or () if "name" in tool}
    choice = body.get("tool_choice") or {}
    wanted = choice.get("name") or (next(iter(tools), None) if choice.get("type") == "any" else None)
    if demand := DEMAND.search(script.question):
        wanted = demand["name"] or next(iter(tools), None)
    if STRUCTURED_OUTPUT in tools and not script.results:
        wanted = STRUCTURED_OUTPUT
    if wanted is not None and wanted in tools:
        return (call(wanted, example(tools[wanted].get("input_schema", {}))),)
    return (Block("text", by_word(default_text(script))),)


def default_text(script: Script) -> str:
    """Write the text of the default answer."""
    who = "This is the stand-in, not Claude: it makes its answers up without an account."
    if script.results:
        results = "; ".join(result_text(result) for result in script.results)
        return f"{who} The tools answered: {textwrap.shorten(results, 500, placeholder=' …')}"
    if not script.question:
        return who
    return f"{who} You asked: “{textwrap.shorten(script.question, 200, placeholder=' …')}”"


def result_text(result: Mapping[str, Any]) -> str:
    """Join the texts of tool results."""
    content = result.get("content", "")
    if isinstance(content, str):
        return content
    return " ".join(block.get("text", f"[{block.get('type')}]") for block in content)


def call(name: str, value: Any) -> Block:
    """Make the block of a tool call."""
    return Block("tool_use", by_size(json.dumps(value, ensure_ascii=False)), name)


def by_word(text: str) -> tuple[str, ...]:
    """Split into words, each with the white space before it."""
    return tuple(re.findall(r"\s*\S+|\s+$", text))


def by_size(text: str, size: int = 12) -> tuple[str, ...]:
    """Cut a text into pieces of a size."""
    return tuple(text[at : at + size] for at in range(0, len(text), size))


def cut_at_sequence(blocks: tuple[Block, ...], sequences: Sequence[str]) -> tuple[tuple[Block, ...], str | None]:
    """End the reply before the first stop sequence in its text, and say which it was."""
    for number, block in enumerate(blocks):
        whole = "".join(block.pieces)
        found = {whole.index(each): each for each in sequences if each in whole and block.type == "text"}
        if found:
            end = min(found)
            return (*blocks[:number], replace(block, pieces=first_chars(block.pieces, end))), found[end]
    return blocks, None


def first_chars(pieces: Sequence[str], count: int) -> tuple[str, ...]:
    """Give the first characters of the pieces."""
    kept: list[str] = []
    for piece in pieces:
        kept.append(piece[:count])
        count -= len(piece)
        if count <= 0:
            break
    return tuple(piece for piece in kept if piece)


def cut_at_count(blocks: tuple[Block, ...], limit: int) -> tuple[tuple[Block, ...], bool]:
    """End the reply after `limit` deltas; 0 means no limit."""
    kept: list[Block] = []
    left = limit
    for block in blocks:
        if limit and len(block.pieces) > left:
            if left:
                kept.append(replace(block, pieces=block.pieces[:left]))
            return tuple(kept), True
        kept.append(block)
        left -= len(block.pieces)
    return blocks, False
