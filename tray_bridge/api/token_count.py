"""The count of a request's input tokens, and the header that says how they were counted."""

from __future__ import annotations

from ..bridge.tool_keys import ToolKeys
from ..turns import Turn
from .services import Services

HEADER = "x-bridge-token-count"


async def count_turn(services: Services, turn: Turn) -> int | None:
    """Count the tokens of a turn's input upstream; None where that cannot be done now."""
    return await services.pool.count(ToolKeys(turn).turn)


def count_header(counted: int | None) -> dict[str, str]:
    """Make the header: whether the Messages API counted, or the number is an estimate."""
    return {HEADER: "estimated" if counted is None else "upstream"}
