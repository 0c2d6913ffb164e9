"""What the Messages dialect keeps of a request besides its turn."""

from __future__ import annotations

from dataclasses import dataclass

from ...turns import JsonObject


@dataclass(frozen=True, slots=True)
class Options:
    """How the answer is to look.

    `omit_thinking`: thinking blocks go out without their text. `thread`: the request as it is kept, for a later one
    that continues it; None where none may.
    """

    omit_thinking: bool = False
    thread: JsonObject | None = None
