"""Function specs and tool choice of a request → tools of the turn. `tool_history` reads past calls and results.

It reads the shapes of Chat Completions, of the Responses API (flat) and of the Messages API (`input_schema`), and the
older `functions`. Other kinds of tools (web search, custom grammars, namespaces) are ignored, never refused: Codex and
Cursor send them beside functions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..turns import JsonObject, Tool, ToolChoice
from .fields import kind_of, read_boolean, read_list, read_object, read_string, refuse, required_string, shown
from .tool_schemas import tool_schema

TOOLS = 512  # OpenAI takes 128, the Messages API more
# Of OpenAI, Anthropic, MCP, Google, LangChain and Cohere.
_SCHEMAS = tuple(
    "parameters input_schema inputSchema parametersJsonSchema schema args_schema parameter_definitions".split()
)
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")  # what the Messages API demands; OpenAI takes 64 characters
_CALLABLE = (None, "function", "custom", "tool")  # no set: a client may send any JSON as a type
_MODES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}


def read_tools(
    body: Mapping[str, Any], ignored: list[str], paths: Sequence[str] | None = None
) -> tuple[tuple[Tool, ...], ToolChoice]:
    """Read the functions that may be called, and the tool choice; `ignored` gets other kinds of tools.

    `paths` are those of the tools in the client's request, where `body` has others.
    """
    tools = _read_offered(body, ignored, paths)
    field = "tool_choice" if body.get("tool_choice") is not None else "function_call"
    value = body.get(field) or None
    choice, names = ToolChoice(), None
    if isinstance(value, str):
        names_one = any(tool.name == value for tool in tools)
        choice = ToolChoice("tool", value) if names_one and value not in _MODES else _read_mode(value, field)
    elif (chosen := read_object(value, field)) is not None:
        choice, names = _read_choice(chosen, field)
    if read_boolean(body.get("parallel_tool_calls"), "parallel_tool_calls") is False or is_legacy(body):
        choice = replace(choice, parallel=False)
    if names is not None:
        for name, param in names.items():
            _check_offered(name, tools, param)
        tools = tuple(tool for tool in tools if tool.name in names)
    _check_choice(choice, tools, field)
    return tools, choice


def is_legacy(body: Mapping[str, Any]) -> bool:
    """Return whether the request uses `functions`, whose answers have a shape of their own."""
    return body.get("tools") is None and body.get("functions") is not None


def safe_name(kind: object) -> str:
    """Give a client's word in a form that is safe in a header."""
    return kind if isinstance(kind, str) and re.fullmatch(r"[\w.-]{1,40}", kind, re.ASCII) else "unknown"


def _read_offered(body: Mapping[str, Any], ignored: list[str], paths: Sequence[str] | None) -> tuple[Tool, ...]:
    field = "functions" if is_legacy(body) else "tools"
    given = read_list(body.get(field), field) or ()
    if len(given) > TOOLS:
        refuse(f"`{field}` has {len(given)} entries; at most {TOOLS} are taken.", field)
    tools: dict[str, Tool] = {}
    for index, value in enumerate(given):
        if value is None:
            continue
        param = paths[index] if paths else f"{field}[{index}]"
        tool = _read_tool(value, param, ignored)
        if tool is not None and tools.setdefault(tool.name, tool) != tool:
            refuse(f"Two tools bear the name {shown(tool.name)}.", param)
    return tuple(tools.values())


def _read_tool(value: object, param: str, ignored: list[str]) -> Tool | None:
    spec = read_object(value, param)
    kind = spec.get("type") if spec is not None else None
    if spec is not None and isinstance(spec.get("function"), Mapping):
        spec, param = spec["function"], f"{param}.function"
    elif spec is None or not (kind is None or kind == "function" or "input_schema" in spec):
        ignored.append(f"tools.{safe_name(kind)}")
        return None
    name = required_string(spec.get("name"), f"{param}.name")
    if not _NAME.fullmatch(name):
        refuse(f"{shown(name)} must be 1 to 128 of a-z, A-Z, 0-9, _ and -.", f"{param}.name")
    description = read_string(spec.get("description"), f"{param}.description") or ""
    schema_field = next((field for field in _SCHEMAS if spec.get(field) is not None), _SCHEMAS[0])
    path = f"{param}.{schema_field}"
    return Tool(name, description, tool_schema(spec.get(schema_field), path), path)


def _read_mode(value: object, param: str) -> ToolChoice:
    mode = _MODES.get(value.strip().lower()) if isinstance(value, str) else None
    if mode is None:
        quoted = shown(value) if isinstance(value, str) else kind_of(value)
        refuse(f"{quoted} is not known. Known are auto, none, required and a function by name.", param)
    return ToolChoice(mode)  # type: ignore[arg-type]


def _read_choice(chosen: JsonObject, field: str) -> tuple[ToolChoice, Mapping[str, str] | None]:
    """Read the choice from an object, and the names that `allowed_tools` allows, each with its path."""
    kind = chosen.get("type")
    parallel = chosen.get("disable_parallel_tool_use") is not True
    if kind == "allowed_tools":
        nested = read_object(chosen.get("allowed_tools"), f"{field}.allowed_tools")
        allowed, path = (chosen, field) if nested is None else (nested, f"{field}.allowed_tools")
        names = _read_allowed(read_list(allowed.get("tools"), f"{path}.tools") or (), f"{path}.tools")
        return _read_mode(allowed.get("mode") or "auto", f"{path}.mode"), names
    if kind in (None, "function", "tool"):
        path = f"{field}.function.name" if isinstance(chosen.get("function"), Mapping) else f"{field}.name"
        return ToolChoice("tool", required_string(_name_in(chosen), path), parallel), None
    return replace(_read_mode(kind, f"{field}.type"), parallel=parallel), None


def _read_allowed(entries: Sequence[object], param: str) -> Mapping[str, str]:
    """Give the names of the functions in a list, each with its path; hosted tools beside them are skipped."""
    names = {
        name: f"{param}[{index}]"
        for index, entry in enumerate(entries)
        if isinstance(entry, Mapping) and entry.get("type") in _CALLABLE and isinstance(name := _name_in(entry), str)
    }
    if entries and not names:
        refuse(f"`{param}` names no function, and hosted tools do not run here.", param)
    return names


def _name_in(entry: object) -> object:
    if not isinstance(entry, Mapping):
        return None
    function = entry.get("function")
    return function.get("name") if isinstance(function, Mapping) else entry.get("name")


def _check_choice(choice: ToolChoice, tools: tuple[Tool, ...], param: str) -> None:
    if choice.type == "any" and not tools:
        refuse(f"`{param}` demands a call, but no function is offered.", param)
    if choice.type == "tool":
        _check_offered(choice.name, tools, param)


def _check_offered(name: str | None, tools: Sequence[Tool], param: str) -> None:
    names = [tool.name for tool in tools]
    if name not in names:
        offered = ", ".join(names[:20]) or "none"
        refuse(f"`{param}` names {shown(name)}, which is not among the functions: {offered}.", param)
