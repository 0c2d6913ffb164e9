"""Which structured answers the Messages API itself can hold to their schema, turn by turn.

Then the schema goes into the body of the request (`output_config.format`), and binds no worker. The API takes a subset
of JSON Schema, and models from Claude 4.5 on
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs). Everything else goes the CLI's way, whose
schema is bound for the life of a process. A refusal of the API is remembered: the turn is then asked the CLI's way.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ..errors import TrayBridgeError, UpstreamError, name_of
from ..turns import Turn

logger = logging.getLogger(__name__)

WITHOUT_FORMATS = re.compile(r"claude-(?:[23]|[a-z]+-4(?:-[01])?(?=$|@|-20|-v|\[))")  # models before 4.5
ABOUT_SCHEMA = re.compile(r"output_config|output_format|schema|grammar|structured output|extra inputs", re.IGNORECASE)
MOST_OPTIONAL = 24  # optional fields in one schema
MOST_UNIONS = 16  # fields of several types in one schema
MOST_REFUSED = 1000  # refusals to remember

_TYPES = frozenset("object array string integer number boolean null".split())
_NOTES = frozenset("title description $comment default examples deprecated".split())
_FORMATS = frozenset("date-time time date duration email hostname uri ipv4 ipv6 uuid".split())
_DEFINITIONS = ("$defs", "definitions")


class SchemaIgnoredError(UpstreamError):
    """The answer is not what the schema says: a gateway has ignored it."""


def check_answer(turn: Turn, text: str) -> None:
    """Raise SchemaIgnoredError for an answer that was not held to its schema."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    required = (turn.output_schema or {}).get("required") or ()
    if not isinstance(found, dict) or not found.keys() >= set(required):
        raise SchemaIgnoredError("The model's answer does not fit the requested schema.", status=502)


class ApiSchemas:
    """Decide for each turn; remember what was refused. Use within one event loop."""

    def __init__(self) -> None:
        self._refused: set[bytes] = set()

    def prepare(self, turn: Turn) -> Turn:
        """Return the turn with `binds_schema` set to False where the Messages API can hold its schema."""
        if turn.output_schema is None or WITHOUT_FORMATS.search(turn.model) or _key(turn) in self._refused:
            return turn
        return replace(turn, binds_schema=not is_taken(turn.output_schema))

    def note_refusal(self, turn: Turn, error: TrayBridgeError) -> bool:
        """Tell whether the error means that the API does not take the schema after all, and remember it."""
        if turn.output_schema is None or turn.binds_schema:
            return False
        is_refused = isinstance(error, UpstreamError) and error.status == 400 and ABOUT_SCHEMA.search(str(error))
        if not is_refused and not isinstance(error, SchemaIgnoredError):
            return False
        logger.info("A schema goes Claude Code's way, because the API refused it: %s", name_of(error))
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused.add(_key(turn))
        return True


def _key(turn: Turn) -> bytes:
    return sha256(json.dumps([turn.model, turn.output_schema], sort_keys=True).encode()).digest()


def is_taken(schema: Mapping[str, Any]) -> bool:
    """Return whether the schema is within the subset that the Messages API takes."""
    try:
        counted = _Counted(schema)
        counted.look(schema, ())
    except _NotTakenError:
        return False
    is_object = schema.get("type") == "object"
    return is_object and counted.optional <= MOST_OPTIONAL and counted.unions <= MOST_UNIONS


class _NotTakenError(Exception):
    pass


class _Counted:
    """Walk through a schema, count what is limited, and raise for what is not taken."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.optional = self.unions = 0
        self._definitions = {
            f"#/{place}/{name}": found for place in _DEFINITIONS for name, found in (root.get(place) or {}).items()
        }

    def look(self, schema: Any, on_the_way: tuple[str, ...]) -> None:
        if not isinstance(schema, Mapping):
            raise _NotTakenError
        for key, value in schema.items():
            if key not in _NOTES and (key not in _DEFINITIONS or on_the_way):
                self._look_at(key, value, schema, on_the_way)

    def _look_at(self, key: str, value: Any, schema: Mapping[str, Any], on_the_way: tuple[str, ...]) -> None:
        here = (*on_the_way, "")
        match key, value:
            case "type", str():
                self._require(value in _TYPES)
                self._require(value != "object" or schema.get("additionalProperties") is False)
            case "type", list():
                self._require("object" not in value and set(value) <= _TYPES)
                self.unions += 1
            case "properties", dict():
                self.optional += len(set(value) - set(schema.get("required") or ()))
                for found in value.values():
                    self.look(found, here)
            case "required", list():
                self._require(set(value) <= set(schema.get("properties") or ()))
            case "additionalProperties", False:
                pass
            case "items", dict():
                self.look(value, here)
            case "anyOf", list():
                self.unions += 1
                for found in value:
                    self.look(found, here)
            case "enum", list():
                self._require(all(item is None or isinstance(item, (str, int, float, bool)) for item in value))
            case "const", None | str() | int() | float() | bool():
                pass
            case "format", str():
                self._require(value in _FORMATS)
            case "minItems", 0 | 1:
                pass
            case "$ref", str():
                self._require(value in self._definitions and value not in on_the_way)  # nothing that contains itself
                self.look(self._definitions[value], (*on_the_way, value))
            case _:
                raise _NotTakenError

    @staticmethod
    def _require(condition: bool) -> None:
        if not condition:
            raise _NotTakenError
