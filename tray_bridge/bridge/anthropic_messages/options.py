"""What the Messages dialect keeps of a request besides its turn."""

from __future__ import annotations

from dataclasses import dataclass

from ...turns import JsonObject


@dataclass(frozen=True, slots=True)
class Options:
    """How to write the answer.

    `omit_thinking`: write thinking blocks without their text. `thread`: the request as it is stored, for a later one
    that continues it; None if it is not stored.
    """

    omit_thinking: bool = False
    thread: JsonObject | None = None
