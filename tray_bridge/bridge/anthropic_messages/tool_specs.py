"""The `tools` of a Messages request: custom tools, server tools, and tools without a schema.

`bridge.tools` reads custom tools. A tool that Anthropic's servers run is left out beside others, because clients offer
it by default; alone it is refused, because then the request needs it. A tool that the client runs, but whose schema
only the model knows (`bash_…`), is refused: without its schema Claude could not call it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...turns import JsonObject
from ..fields import read_list, refuse
from ..tools import safe_name

_SERVER_RUN = re.compile(
    r"(web_search|web_fetch|code_execution|computer|tool_search_tool|advisor|mcp_toolset)(_.*)?", re.ASCII
)
_SCHEMALESS = re.compile(r"(bash|text_editor|memory)_\d{8}")


def custom_tools(body: JsonObject, ignored: list[str]) -> tuple[JsonObject, list[str]]:
    """The body with its custom tools alone, and the paths at which these stood."""
    given = read_list(body.get("tools"), "tools")
    if not given:
        return body, []
    kept: list[Any] = []
    paths: list[str] = []
    left_out: list[tuple[str, str]] = []
    for index, tool in enumerate(given):
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if not isinstance(kind, str) or kind in ("custom", "function") or "input_schema" in tool:
            kept.append(_custom(tool))
            paths.append(f"tools[{index}]")
        elif _SCHEMALESS.fullmatch(kind):
            refuse(
                f"The tool type {safe_name(kind)} has no schema here, so Claude could not call it.",
                f"tools[{index}].type",
                hint="Offer it as a custom tool, with a name, a description and an input_schema.",
            )
        else:
            left_out.append((f"tools[{index}].type", safe_name(kind)))
    ignored += [f"tools.{kind}" for _, kind in left_out]
    if left_out and not kept:
        param, kind = left_out[0]
        why = "runs on Anthropic's servers" if _SERVER_RUN.fullmatch(kind) else "is not known here"
        refuse(f"The tool type {kind} {why}; only custom tools can be used.", param)
    return {**body, "tools": kept}, paths


def _custom(tool: object) -> object:
    """Remove the `type`: `bridge.tools` knows a custom tool by its schema. Without a schema, it takes no arguments."""
    if not isinstance(tool, Mapping) or isinstance(tool.get("function"), Mapping):
        return tool
    fields = {key: value for key, value in tool.items() if key != "type"}
    return fields if "parameters" in fields else {"input_schema": None, **fields}
