"""A Responses request besides its turn: what the answer repeats, and what is stored of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...turns import JsonObject
from .tools import ClientTool


@dataclass(frozen=True, slots=True)
class ResponseOptions:
    """`echo` holds the answer's fields that repeat the request; `given` is the request's own input, files inlined.

    `encrypted`: write thinking as `encrypted_content`. `finished_after` holds the seconds that the answer took, once
    they are known, so that the sent and the stored answer have the same time.
    """

    echo: JsonObject
    client_tools: Mapping[str, ClientTool]
    given: tuple[JsonObject, ...]
    previous: str | None = None
    store: bool = True
    encrypted: bool = False
    finished_after: list[int] = field(default_factory=list)
