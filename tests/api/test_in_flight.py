from __future__ import annotations

import asyncio

import pytest

from tray_bridge.api.in_flight import InFlight
from tray_bridge.errors import ServerStoppingError


async def test_once_closed_it_ends_who_is_there_and_turns_away_who_comes() -> None:
    in_flight = InFlight(lambda: None)
    entered = asyncio.Event()

    async def request() -> None:
        with in_flight.enter("req_1", "curl", streamed=False):
            entered.set()
            await asyncio.sleep(60)

    under_way = asyncio.create_task(request())
    await entered.wait()
    in_flight.close(ServerStoppingError("The server was stopped."))
    with pytest.raises(ServerStoppingError):
        await asyncio.wait_for(under_way, 1)
    with pytest.raises(ServerStoppingError), in_flight.enter("req_2", "curl", streamed=False):
        pytest.fail("it was let in")
    assert in_flight.snapshots() == ()
    assert (in_flight.served, in_flight.failed) == (0, 2)
