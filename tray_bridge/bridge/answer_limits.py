"""The fields about the answer that OpenAI's dialects share: effort, format, length and stop strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..turns import Effort, JsonObject
from .fields import read_integer, read_list, read_object, read_string, refuse, shown
from .output_schema import answer_schema

# OpenAI takes 4; Continue sends its whole list to unknown hosts (core/llm/llms/OpenAI.ts). This many only bound abuse.
STOPS = 1_000
STOP_LENGTH = 1_000

EFFORTS: Mapping[str, Effort | None] = {
    "none": None,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


_OTHER_WORDS = {
    **dict.fromkeys(("default", "auto", "null", "true", "on", "enabled"), ""),
    **dict.fromkeys(("off", "disabled", "false"), "none"),
}


def read_effort(value: object, param: str) -> tuple[Effort | None, bool]:
    """Give the effort (None: the CLI's own default), and whether the model thinks at all."""
    name = read_string(value, param)
    name = _OTHER_WORDS.get(word := (name or "").strip().lower(), word)
    if not name:
        return None, True
    if name not in EFFORTS:
        refuse(f"{shown(name)} is not a known effort. Known are {', '.join(EFFORTS)}.", param)
    return EFFORTS[name], name != "none"


def read_format(value: object, param: str) -> JsonObject | None:
    """Give the schema of a structured answer, nested in `json_schema` or flat; None for plain text."""
    form = {"type": value} if value in ("text", "json_object") else read_object(value, param)
    if not form or form.get("type") == "text":
        return None
    if form.get("type") == "json_object" and isinstance(form.get("schema"), Mapping):  # llama.cpp, Together, Fireworks
        return answer_schema(form["schema"], f"{param}.schema")
    if form.get("type") == "json_object":
        return {"type": "object"}
    if form.get("type") != "json_schema":
        quoted = shown(form.get("type"))
        refuse(f"{quoted} is not a known format. Known are text, json_object and json_schema.", f"{param}.type")
    nested = read_object(form.get("json_schema"), f"{param}.json_schema")
    holder, path = (form, param) if nested is None else (nested, f"{param}.json_schema")
    if holder.get("schema") is None:
        refuse(f"`{path}.schema` is missing.", f"{path}.schema")
    return answer_schema(holder["schema"], f"{path}.schema")


def schema_path(value: object, param: str) -> str:
    """Give the path of the schema in a format that `read_format` has read."""
    nested = isinstance(value, Mapping) and value.get("json_schema") is not None
    return f"{param}.json_schema.schema" if nested else f"{param}.schema"


def read_max_tokens(body: Mapping[str, Any], *names: str) -> int | None:
    """Give the limit on the answer's tokens, under the first of `names` that is given; -1 means none."""
    for name in names:
        value = body.get(name)
        if value is not None and value != -1:
            return read_integer(value, name, least=1)
    return None


def read_stop(value: object, param: str) -> tuple[str, ...]:
    """Give the stop strings, without empty ones."""
    given = [value] if isinstance(value, str) else read_list(value, param) or ()
    if len(given) > STOPS:
        refuse(f"`{param}` has {len(given)} entries; at most {STOPS} are taken.", param)
    stops = []
    for index, entry in enumerate(given):
        text = read_string(entry, f"{param}[{index}]")
        if text and len(text) > STOP_LENGTH:
            refuse(f"A stop string may have at most {STOP_LENGTH} characters.", f"{param}[{index}]")
        if text:
            stops.append(text)
    return tuple(dict.fromkeys(stops))
