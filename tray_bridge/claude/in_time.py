"""How long each step with a process may take, on a machine that has time (`machine.load`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ..errors import CliUnavailableError, SessionLostError
from ..machine.load import stretched
from ..machine.time_limit import wait_within

T = TypeVar("T")

START_TIMEOUT = 30.0  # seconds from spawn to the first answer
MOST_STARTS = 3.0  # times as long, where the machine has no time: a request waits for it
PROOF_TIMEOUT = 1.0  # seconds in which a rewind must be proved
REST_TIMEOUT = 2.0  # seconds in which an interrupted turn must end
SETTLE_TIMEOUT = 5.0  # seconds for all of it, with what was begun before


def start_limit(seconds: float) -> float:
    """Give the limit of a start, whose usual one is `seconds`."""
    return stretched(seconds, MOST_STARTS)


async def in_time(work: Awaitable[T], seconds: float) -> T:
    """Wait for a step between two turns. Raises SessionLostError if it takes too long, or is refused."""
    try:
        return await wait_within(work, stretched(seconds))
    except asyncio.TimeoutError:
        raise SessionLostError("Claude Code did not come to rest in time.") from None
    except CliUnavailableError as error:  # it refused: another worker may do it
        raise SessionLostError(str(error)) from error
