"""Names of parameters that the Messages API refuses, mapped there and back.

That API allows keys of `[a-zA-Z0-9_.-]{1,64}` at the root of a tool's schema; OpenAI's allows any (`$filter`,
`filter[x]`, `城市`). The model sees a plain key, whose `title` is the real one. Past calls get the plain keys; new
calls get the real ones, piece by piece while they are streamed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..turns import Event, JsonObject, Message, ToolCallDelta, ToolCallStarted, ToolUse, Turn
from .root_choice import COMBINATORS, one_object, resolved

_PLAIN = re.compile(r"(?!__proto__$)[a-zA-Z0-9_.-]{1,64}")  # that one is lost in JavaScript
_ALONE = ("if", "then", "else", "not")
_POINTER = "#/properties/"


class ToolKeys:
    """Map the keys of one turn. `turn` is the turn for Claude; the given one if all keys are plain.

    Its tools' schemas are those of one object at the root, too (see `root_choice`).
    """

    def __init__(self, turn: Turn) -> None:
        plain: dict[str, dict[str, str]] = {}
        tools = []
        for tool in turn.tools:
            if keys := _plain_keys(tool.input_schema):
                plain[tool.name] = keys
                tool = replace(tool, input_schema=_renamed_schema(_inlined(tool.input_schema), keys))
            tools.append(one_object(tool))
        self.turn = turn if tuple(tools) == turn.tools else replace(turn, tools=tuple(tools))
        self._real = {name: {new: old for old, new in keys.items()} for name, keys in plain.items()}
        self._calls: dict[int, _KeyStream] = {}
        if plain:
            messages = tuple(_renamed_message(message, plain) for message in turn.messages)
            self.turn = replace(self.turn, messages=messages)

    def __bool__(self) -> bool:
        return bool(self._real)

    def restore(self, event: Event) -> Event:
        """Give the event with the client's own keys. Pieces of arguments may become longer, shorter or empty."""
        if isinstance(event, ToolCallStarted):
            if keys := self._real.get(event.name):
                self._calls[event.index] = _KeyStream(keys)
            else:
                self._calls.pop(event.index, None)
        elif isinstance(event, ToolCallDelta) and (stream := self._calls.get(event.index)):
            return ToolCallDelta(event.index, stream.write(event.partial_json))
        return event


class _KeyStream:
    """Replace the keys at the root of one JSON object that comes in pieces.

    A key is held back until it is complete; everything else is passed on at once.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = keys
        self._depth = 0
        self._awaits_key = False
        self._key: list[str] | None = None  # the characters of the root's key that is incomplete
        self._in_string = False
        self._escaped = False

    def write(self, piece: str) -> str:
        return "".join(self._step(char) for char in piece)

    def _step(self, char: str) -> str:
        if self._in_string:
            return self._step_in_string(char)
        if char == '"':
            self._in_string = True
            if self._awaits_key:
                self._key, self._awaits_key = [], False
                return ""
        elif char in "{[":
            self._depth += 1
            self._awaits_key = self._depth == 1 and char == "{"
        elif char in "}]":
            self._depth -= 1
        elif char == "," and self._depth == 1:
            self._awaits_key = True
        return char

    def _step_in_string(self, char: str) -> str:
        is_end = char == '"' and not self._escaped
        self._escaped = char == "\\" and not self._escaped
        if is_end:
            self._in_string = False
        if self._key is None:
            return char
        if not is_end:
            self._key.append(char)
            return ""
        written, self._key = f'"{"".join(self._key)}"', None
        try:
            key = json.loads(written)
        except ValueError:
            return written
        return json.dumps(self._keys[key], ensure_ascii=False) if key in self._keys else written


def _plain_keys(schema: JsonObject) -> dict[str, str]:
    """Make a plain key for each key of the root and its branches that the API refuses."""
    names = list(dict.fromkeys(_root_keys(schema)))
    odd = [name for name in names if not _PLAIN.fullmatch(name)]
    taken = set(names) - set(odd)
    found: dict[str, str] = {}
    for name in odd:
        base = re.sub(r"[^a-zA-Z0-9_.-]+", "_", name)[:56].strip("_") or "parameter"
        plain, count = base, 1
        while plain in taken:
            count += 1
            plain = f"{base}_{count}"
        taken.add(plain)
        found[name] = plain
    return found


def _root_keys(schema: JsonObject) -> Iterable[str]:
    for part in (schema, *_parts(schema)):
        properties = part.get("properties")
        if isinstance(properties, Mapping):
            yield from properties


def _parts(schema: JsonObject) -> Iterable[JsonObject]:
    """List the schemas that describe the same object as the root; references to definitions are followed once."""
    for key in COMBINATORS:
        for branch in schema.get(key) or ():
            if isinstance(branch, Mapping):
                yield resolved(branch, schema)
    yield from (schema[key] for key in _ALONE if isinstance(schema.get(key), Mapping))
    dependent = schema.get("dependentSchemas")
    yield from (each for each in (dependent or {}).values() if isinstance(each, Mapping))


def _inlined(schema: JsonObject) -> dict[str, Any]:
    """Copy the branches that refer to definitions, which other schemas may use too."""
    inlined = {
        key: [resolved(branch, schema) if isinstance(branch, Mapping) else branch for branch in schema[key]]
        for key in COMBINATORS
        if isinstance(schema.get(key), list)
    }
    return {**schema, **inlined}


def _renamed_schema(schema: JsonObject, keys: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, Mapping):
            found[key] = {keys.get(name, name): _titled(each, name, keys) for name, each in value.items()}
        elif key == "required" and isinstance(value, list):
            found[key] = [keys.get(name, name) for name in value]
        elif key == "dependentRequired" and isinstance(value, Mapping):
            found[key] = {keys.get(name, name): [keys.get(n, n) for n in needed] for name, needed in value.items()}
        elif key == "dependentSchemas" and isinstance(value, Mapping):
            found[key] = {keys.get(name, name): _renamed(each, keys) for name, each in value.items()}
        elif key in COMBINATORS and isinstance(value, list):
            found[key] = [_renamed(each, keys) for each in value]
        elif key in _ALONE:
            found[key] = _renamed(value, keys)
        elif key in ("default", "const"):
            found[key] = _renamed_object(value, keys)
        elif key in ("enum", "examples") and isinstance(value, list):
            found[key] = [_renamed_object(each, keys) for each in value]
        else:
            found[key] = value
    pointers = {_POINTER + _escaped(old): _POINTER + _escaped(new) for old, new in keys.items()}
    return _with_pointers(found, pointers) if '"#/properties/' in json.dumps(found) else found


def _renamed(schema: Any, keys: Mapping[str, str]) -> Any:
    return _renamed_schema(schema, keys) if isinstance(schema, Mapping) else schema


def _titled(schema: Any, name: str, keys: Mapping[str, str]) -> Any:
    """Give the property with its real name as the title."""
    if name not in keys or not isinstance(schema, Mapping) or schema.get("title") == name:
        return schema
    if "title" not in schema:
        return {"title": name, **schema}
    return {**schema, "description": f"{name}: {schema.get('description') or schema['title']}"}


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _with_pointers(value: Any, pointers: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_pointers(each, pointers) for each in value]
    if not isinstance(value, Mapping):
        return value
    found = {key: _with_pointers(each, pointers) for key, each in value.items()}
    reference = found.get("$ref")
    if isinstance(reference, str):
        for old, new in pointers.items():
            if reference == old or reference.startswith(f"{old}/"):
                found["$ref"] = new + reference[len(old) :]
    return found


def _renamed_object(value: Any, keys: Mapping[str, str]) -> Any:
    return {keys.get(key, key): each for key, each in value.items()} if isinstance(value, Mapping) else value


def _renamed_message(message: Message, plain: Mapping[str, Mapping[str, str]]) -> Message:
    if message.role != "assistant" or not any(isinstance(block, ToolUse) for block in message.content):
        return message
    blocks = (
        replace(block, input=_renamed_object(block.input, plain[block.name]))
        if isinstance(block, ToolUse) and block.name in plain
        else block
        for block in message.content
    )
    return Message(message.role, tuple(blocks))
