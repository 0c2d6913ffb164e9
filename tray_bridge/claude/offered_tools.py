"""The tools of a turn as the CLI offers them to the model: which may be called, and which the CLI would alter.

Pure. The CLI normalizes what an MCP server says of its tools to Unicode's NFKC form and strips invisible characters
(`…` becomes `...`, a full-width `，` a comma, an emoji loses its joiners), in names of fields and allowed values too:
calls would then have other names than the client knows. It also reserves one tool name. The list of such tools is
replaced in the body of the request (`tools_override`).
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from ..turns import Tool, Turn

STRUCTURED_OUTPUT = "StructuredOutput"  # the CLI's tool for an answer that fits a schema
_STRUCTURED_OUTPUT_USE = "Give the final answer by calling this tool, exactly once, at the end."
KEPT_BACK = "ToolSearch"  # a name that the CLI reserves for a tool of its own
_STRIPPED = {"Cf", "Cn", "Co"}


def callable_names(turn: Turn) -> frozenset[str]:
    """Return the names of the tools that may be called in this turn."""
    choice = turn.tool_choice
    if choice.type == "none":
        return frozenset()
    return frozenset(tool.name for tool in turn.tools if choice.name in (None, tool.name))


def tools_override(turn: Turn, *, all_of_them: bool = False) -> list[dict[str, Any]] | None:
    """Make the list of tools in the Messages API's shape, or None where the CLI's own list will do.

    `all_of_them`: make the list also where the CLI would pass every tool on, because it would describe one of them as
    in an earlier conversation.
    """
    all_pass = all(map(_passes, turn.tools))
    if all_pass and not all_of_them:
        return None
    offered = sorted(turn.tools, key=lambda tool: tool.name) if all_pass else turn.tools  # as the CLI sorts them
    tools = [{"name": t.name, "description": t.description, "input_schema": t.input_schema} for t in offered]
    if turn.bound_schema is not None:
        tools.append(
            {
                "name": STRUCTURED_OUTPUT,
                "description": _STRUCTURED_OUTPUT_USE,
                "input_schema": turn.bound_schema,
            }
        )
    return tools


def _passes(tool: Tool) -> bool:
    if tool.name == KEPT_BACK:
        return False
    text = tool.description + json.dumps(tool.input_schema, ensure_ascii=False)
    if text.isascii():
        return True
    return unicodedata.is_normalized("NFKC", text) and not any(unicodedata.category(c) in _STRIPPED for c in text)
