"""The tools of a Responses request → functions of the turn, and back to the client's names.

Three kinds can be called: functions, custom tools (one required string) and the functions of a namespace
(`namespace__name` upstream). Hosted tools (web search, MCP, …) run at OpenAI: they are ignored beside others, and
refused where nothing else is offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ...turns import JsonObject, Tool, ToolChoice
from ..fields import read_list, read_object, read_string, refuse, required_string, shown
from ..tools import TOOLS, read_tools, safe_name

_LONGEST_NAME = 64
_CALLABLE = (None, "function", "custom", "namespace")  # no set: a client may send any JSON as a type
_INPUT = "input"


@dataclass(frozen=True, slots=True)
class ClientTool:
    """A tool as the client knows it."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """`client_tools` has the tools by their upstream names; `echo` is the list that the answer repeats."""

    tools: tuple[Tool, ...]
    choice: ToolChoice
    client_tools: Mapping[str, ClientTool]
    echo: tuple[JsonObject, ...]


def upstream_name(name: str, namespace: object) -> str:
    """Make one name of a function and its namespace, short enough for the Messages API."""
    if not isinstance(namespace, str) or not namespace:
        return name
    joined = f"{namespace}__{name}"
    if len(joined) <= _LONGEST_NAME:
        return joined
    digest = sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{joined[: _LONGEST_NAME - 9]}_{digest}"


def read_offered(body: Mapping[str, Any], ignored: list[str]) -> Offered:
    """Read the tools of the request; `ignored` gets the kinds that are not supported."""
    given = read_list(body.get("tools"), "tools") or ()
    if len(given) > TOOLS:
        refuse(f"`tools` has {len(given)} entries; at most {TOOLS} are taken.", "tools")
    client_tools: dict[str, ClientTool] = {}
    plain: list[JsonObject] = []
    paths: list[str] = []
    hosted: list[str] = []
    for index, value in enumerate(given):
        spec = read_object(value, f"tools[{index}]")
        if spec is None:
            refuse(f"`tools[{index}]` must be an object, not null.", f"tools[{index}]")
        if spec.get("type") in _CALLABLE:
            for at, function in _flatten(spec, f"tools[{index}]", client_tools):
                plain.append(function)
                paths.append(at)
        else:
            hosted.append(safe_name(spec.get("type")))
            plain.append(spec)
            paths.append(f"tools[{index}]")
    choice = _plain_choice(body.get("tool_choice"), client_tools)
    if hosted and len(hosted) == len(given) and choice != "none":
        _refuse_hosted(hosted)
    wanted = {"tools": plain, "tool_choice": choice, "parallel_tool_calls": body.get("parallel_tool_calls")}
    tools, tool_choice = read_tools(wanted, ignored, paths)
    return Offered(tools, tool_choice, client_tools, tuple(map(_echo, given)))


def _refuse_hosted(kinds: Sequence[str]) -> None:
    names = ", ".join(dict.fromkeys(kinds))
    refuse(
        f"The only tools are hosted ones ({names}), which run on OpenAI's servers and not here.",
        "tools",
        hint="Offer functions, which your program runs itself.",
    )


def _flatten(spec: JsonObject, param: str, client_tools: dict[str, ClientTool]) -> list[tuple[str, JsonObject]]:
    """The functions that one entry stands for, each with its path."""
    if spec.get("type") == "custom":
        spec = _from_custom(spec, param)
        client_tools[spec["name"]] = ClientTool(spec["name"], is_custom=True)
        return [(param, spec)]
    if spec.get("type") != "namespace":
        return [(param, spec)]
    namespace = required_string(spec.get("name"), f"{param}.name")
    functions: list[tuple[str, JsonObject]] = []
    for index, value in enumerate(read_list(spec.get("tools"), f"{param}.tools") or ()):
        at = f"{param}.tools[{index}]"
        inner = read_object(value, at) or {}
        if inner.get("type") not in _CALLABLE or inner.get("type") == "namespace":
            continue
        name = required_string(inner.get("name"), f"{at}.name")
        is_custom = inner.get("type") == "custom"
        function = _from_custom(inner, at) if is_custom else inner
        upstream = upstream_name(name, namespace)
        client_tools[upstream] = ClientTool(name, namespace, is_custom)
        functions.append((at, {**function, "name": upstream}))
    return functions


def _from_custom(spec: JsonObject, param: str) -> JsonObject:
    """Make a function with one string of a custom tool; its grammar goes into the description."""
    description = read_string(spec.get("description"), f"{param}.description") or ""
    form = read_object(spec.get("format"), f"{param}.format") or {}
    rule = "The text that the tool gets, as it is."
    if definition := read_string(form.get("definition"), f"{param}.format.definition"):
        syntax = read_string(form.get("syntax"), f"{param}.format.syntax") or "lark"
        rule = f"The text that the tool gets, as it is. It must follow the grammar ({syntax}) in the description."
        description = f"{description}\n\n`{_INPUT}` must follow this grammar ({syntax}):\n{definition}".strip()
    schema = {
        "type": "object",
        "properties": {_INPUT: {"type": "string", "description": rule}},
        "required": [_INPUT],
        "additionalProperties": False,
    }
    name = required_string(spec.get("name"), f"{param}.name")
    return {"type": "function", "name": name, "description": description, "parameters": schema}


def custom_arguments(text: object) -> JsonObject:
    """Make the arguments of a past custom call, whose input is bare text."""
    return {_INPUT: text if isinstance(text, str) else ""}


def _plain_choice(value: object, client_tools: Mapping[str, ClientTool]) -> object:
    """Give `tool_choice` with upstream names; refuse one that names a hosted tool."""
    if not isinstance(value, Mapping):
        return value
    kind = value.get("type")
    if kind == "allowed_tools":
        entries = read_list(value.get("tools"), "tool_choice.tools") or ()
        return {**value, "tools": [_plain_entry(entry, client_tools) for entry in entries]}
    if kind in ("function", "custom", None):
        return _plain_entry(value, client_tools)
    if isinstance(kind, str) and kind not in ("auto", "none", "required", "any", "tool"):
        refuse(
            f"`tool_choice` demands {shown(kind)}, a hosted tool, which does not run here.",
            "tool_choice",
            hint="Choose auto, none, required, or a function or custom tool by its name.",
        )
    return value


def _plain_entry(entry: object, client_tools: Mapping[str, ClientTool]) -> object:
    if not isinstance(entry, Mapping) or entry.get("type") not in (None, "function", "custom"):
        return entry
    if not isinstance(name := entry.get("name"), str):
        return entry
    joined = upstream_name(name, entry.get("namespace"))
    if "namespace" not in entry and joined not in client_tools:
        same = [upstream for upstream, tool in client_tools.items() if tool.namespace and tool.name == name]
        joined = same[0] if len(same) == 1 else joined
    return {"type": "function", "name": joined}


def _echo(spec: JsonObject) -> JsonObject:
    """Give a tool as the answer repeats it, with every field of a function: clients in strict languages need them."""
    if spec.get("type") not in (None, "function"):
        return spec
    defaults = {"type": "function", "description": None, "parameters": None, "strict": False}
    return {**defaults, **{key: value for key, value in spec.items() if value is not None}}
