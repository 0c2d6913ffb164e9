from __future__ import annotations

import asyncio

import pytest

from tray_bridge.api.in_flight import InFlight
from tray_bridge.errors import RequestCancelledError, ServerPausedError, ServerStoppingError, SignedOutError


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


async def test_requests_are_counted_by_how_they_ended() -> None:
    changes: list[None] = []
    in_flight = InFlight(lambda: changes.append(None))
    with in_flight.enter("req_1", "curl", streamed=True) as entry:
        assert [(one.id, one.client, one.streamed, one.queued) for one in in_flight.snapshots()] == [
            ("req_1", "curl", True, True)
        ]
        entry.tokens += 1
        assert in_flight.snapshots()[0].tokens == 1
    assert (in_flight.served, in_flight.failed, len(changes)) == (1, 0, 2)
    with pytest.raises(KeyError), in_flight.enter("req_2", "curl", streamed=False):
        raise KeyError
    assert (in_flight.served, in_flight.failed) == (1, 1)
    with pytest.raises(asyncio.CancelledError), in_flight.enter("req_3", "curl", streamed=False):
        raise asyncio.CancelledError  # the client left: it neither succeeded nor failed
    in_flight.refuse()
    assert (in_flight.served, in_flight.failed) == (1, 2)
    assert in_flight.snapshots() == ()


async def test_an_answer_ends_the_trouble_with_the_account_that_an_error_began() -> None:
    in_flight = InFlight(lambda: None)
    with pytest.raises(SignedOutError), in_flight.enter("req_1", "curl", streamed=False):
        raise SignedOutError("Signed out.")
    assert in_flight.trouble is not None and not in_flight.is_proved
    with in_flight.enter("req_2", "curl", streamed=False):
        pass
    assert in_flight.trouble is None and in_flight.is_proved


async def test_one_request_is_ended_by_its_id_with_the_reason() -> None:
    in_flight = InFlight(lambda: None)
    assert not in_flight.abort("req_1", RequestCancelledError("Enough."))
    with pytest.raises(RequestCancelledError, match="Enough"), in_flight.enter("req_1", "curl", streamed=False):
        assert in_flight.abort("req_1", RequestCancelledError("Enough."))
        assert in_flight.abort("req_1", RequestCancelledError("Another reason."))
        await asyncio.sleep(60)
    assert in_flight.failed == 1
    await asyncio.sleep(0)  # the cancellation is over


async def test_a_pause_refuses_new_requests_until_it_ends() -> None:
    in_flight = InFlight(lambda: None)
    with in_flight.enter("req_1", "curl", streamed=False):
        in_flight.pause(ServerPausedError("Paused."))
        with pytest.raises(ServerPausedError), in_flight.enter("req_2", "curl", streamed=False):
            pytest.fail("it was let in")
    in_flight.pause(None)
    with in_flight.enter("req_3", "curl", streamed=False):
        pass
    assert (in_flight.served, in_flight.failed) == (2, 1)
