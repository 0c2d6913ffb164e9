"""The keeper's decisions, step by step, on workers whose processes were never spawned."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.running_bridge import wait_for
from tray_bridge.claude.conversation_key import Binding
from tray_bridge.claude.keeper import LONGEST_SLEEP, MOST_WASTED, QUIET_SECONDS, Keeper
from tray_bridge.claude.roster import PoolConfig, Roster
from tray_bridge.claude.wear import MOST_CONVERSATIONS, MOST_MORE
from tray_bridge.claude.worker import Worker
from tray_bridge.claude.worker_states import WorkerState
from tray_bridge.errors import CliUnavailableError

WAYS: dict[WorkerState, tuple[WorkerState, ...]] = {
    "starting": (),
    "warm": ("warm",),
    "fitting": ("fitting",),
    "busy": ("busy",),
    "parked": ("busy", "parked"),
    "suspended": ("busy", "suspended"),
    "idle": ("busy", "settling", "idle"),
}
ASKED, OTHER = Binding("sonnet", ("asked",)), Binding("sonnet", ("another",))


class Pool:
    """A roster and its keeper; `is_waited_for` and `knows_models` are what the pool would tell it."""

    def __init__(self, folder: Path, **config: object) -> None:
        self.is_waited_for = False
        self.knows_models = True
        self.roster = Roster(PoolConfig("sonnet", folder, **config), lambda: None, lambda _: None)  # type: ignore[arg-type]
        self.roster.open()
        self.keeper = Keeper(
            self.roster,
            greet=lambda _: None,
            knows_models=lambda: self.knows_models,
            trim=lambda: None,
            is_waited_for=lambda: self.is_waited_for,
            on_ready=lambda: None,
        )
        self.keeper.open()

    def add(self, *states: WorkerState, binding: Binding | None = None) -> list[Worker]:
        workers = []
        for state in states:
            worker = self.roster.add()
            for step in WAYS[state]:
                worker.move(step)
            if binding is not None:
                worker.promise(binding)
            workers.append(worker)
        return workers

    def is_quiet_for(self, seconds: float) -> None:
        self.roster.last_request = time.monotonic() - seconds

    def fill(self) -> int:
        """Start spares until the keeper wants no more; give how many."""
        started = 0
        while self.keeper.spare_to_start():
            started += 1
        return started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


async def test_spares_are_started_until_there_are_as_many_as_the_setting_says(folder: Path) -> None:
    for reuse in (True, False):
        assert Pool(folder, size=3, reuse=reuse).fill() == 3
        assert Pool(folder, size=0, reuse=reuse).fill() == 0


async def test_with_reuse_every_worker_counts_without_it_only_spares(folder: Path) -> None:
    for reuse, more in ((True, 0), (False, 2)):
        pool = Pool(folder, size=2, reuse=reuse)
        pool.add("busy", "parked")
        assert pool.fill() == more


async def test_as_many_are_kept_as_were_busy_at_once(folder: Path) -> None:
    pool = Pool(folder, size=2, reuse=True, max_sessions=4)
    pool.add("busy", "busy", "busy")
    pool.keeper.note_lent(ASKED, is_new=True)
    assert pool.keeper.target() == 3
    pool.add("busy", "busy")
    pool.keeper.note_lent(ASKED, is_new=True)
    assert pool.keeper.target() == 4  # the most that there may be


async def test_without_requests_one_spare_is_enough(folder: Path) -> None:
    for reuse in (True, False):
        pool = Pool(folder, size=3, reuse=reuse, idle_seconds=60.0)
        pool.is_quiet_for(59)
        assert pool.keeper.target() == 3
        pool.is_quiet_for(60)
        assert pool.keeper.target() == 1


async def test_no_spare_is_started_while_requests_wait_or_after_a_failure(folder: Path) -> None:
    pool = Pool(folder, size=1)
    pool.is_waited_for = True
    assert pool.keeper.spare_to_start() is None
    pool.is_waited_for = False
    pool.roster.failed(CliUnavailableError("It did not start."))
    assert pool.keeper.spare_to_start() is None
    assert 0 < pool.keeper.seconds_to_next_look() <= 0.5
    pool.roster.proved()
    assert pool.keeper.spare_to_start() is not None


async def test_where_there_is_no_room_the_oldest_conversation_makes_it_for_the_first_spare(folder: Path) -> None:
    pool = Pool(folder, size=2, max_sessions=2)
    oldest, newest = pool.add("parked", "parked")
    assert pool.keeper.spare_to_start() is not None
    assert oldest not in pool.roster and newest in pool.roster
    assert pool.keeper.spare_to_start() is None  # the second spare is not worth a conversation
    await pool.roster.close()


async def test_workers_that_answer_or_wait_for_results_make_no_room(folder: Path) -> None:
    pool = Pool(folder, size=1, max_sessions=2)
    pool.add("busy", "suspended")
    assert pool.keeper.spare_to_start() is None
    assert len(pool.roster) == 2


async def test_surplus_workers_are_closed_the_one_that_has_rested_longest_first(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True)
    first, second, third = pool.add("idle", "idle", "idle")
    first.since, second.since, third.since = 3.0, 1.0, 2.0
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [first]
    await pool.roster.close()


async def test_with_reuse_a_conversation_is_no_surplus_but_counts(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True)
    parked, idle = pool.add("parked", "idle")
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [parked]
    assert idle not in pool.roster
    await pool.roster.close()


async def test_with_reuse_the_last_worker_for_a_new_conversation_stays_while_requests_come(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True, idle_seconds=60.0)
    waiting, first, second = pool.add("suspended", "idle", "idle")
    first.since, second.since = 1.0, 2.0
    pool.is_quiet_for(59)
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [waiting, second]
    pool.is_quiet_for(60)
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [waiting]
    await pool.roster.close()


async def test_a_conversation_that_cannot_be_cut_away_leaves_the_last_worker_for_a_new_one(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True)
    pool.is_quiet_for(0)
    resumed, idle = pool.add("parked", "idle")
    resumed.conversation.can_be_cut = False
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [resumed, idle]
    resumed.conversation.can_be_cut = True
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [resumed]
    await pool.roster.close()


async def test_while_others_wait_the_last_worker_without_a_system_prompt_stays_and_the_last_with_one(
    folder: Path,
) -> None:
    pool = Pool(folder, size=1, reuse=True, idle_seconds=60.0)
    bare, bound = Binding("sonnet"), Binding("sonnet", output_schema={})
    pool.is_quiet_for(0)
    (plain,), (older, prompted), (held,) = (
        pool.add("idle", binding=bare),
        pool.add("idle", "idle", binding=ASKED),
        pool.add("idle", binding=bound),
    )
    for since, worker in enumerate((plain, older, prompted, held), 1):
        worker.since = float(since)
    (waiting,) = pool.add("suspended")
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [plain, prompted, held, waiting]
    waiting.move("settling")
    pool.roster.discard(waiting, "it waits no more")
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [held]
    await pool.roster.close()


async def test_without_reuse_surplus_spares_are_closed_unbound_ones_last(folder: Path) -> None:
    pool = Pool(folder, size=1)
    unbound = pool.add("warm")
    pool.add("fitting", binding=ASKED)
    busy = pool.add("busy")
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [*unbound, *busy]
    await pool.roster.close()


async def test_a_worker_that_can_serve_no_other_conversation_is_closed(folder: Path) -> None:
    pool = Pool(folder, size=2, reuse=True)
    able, unable = pool.add("idle", "idle")
    unable.conversation.can_be_cut = False
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [able]
    await pool.roster.close()


async def test_a_worn_worker_is_replaced_in_a_quiet_moment_once_its_replacement_is_there(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True)
    (worn,) = pool.add("idle")
    worn.wear.conversations = MOST_CONVERSATIONS
    assert pool.keeper.spare_to_start() is None
    assert pool.keeper.seconds_to_next_look() <= QUIET_SECONDS
    pool.is_quiet_for(QUIET_SECONDS)
    pool.keeper.drop_surplus()
    assert worn in pool.roster
    replacement = pool.keeper.spare_to_start()
    assert replacement is not None and pool.keeper.spare_to_start() is None
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [replacement]
    await pool.roster.close()


async def test_a_worker_that_is_overdue_is_replaced_while_requests_come_and_only_one_at_a_time(folder: Path) -> None:
    pool = Pool(folder, size=3, reuse=True)
    first, second, fresh = pool.add("busy", "busy", "busy")
    first.wear.conversations = second.wear.conversations = MOST_CONVERSATIONS + MOST_MORE
    replacement = pool.keeper.spare_to_start()
    assert replacement is not None and pool.keeper.spare_to_start() is None
    replacement.move("warm")
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [first, second, fresh, replacement]  # it answers still: the spare is no surplus
    first.move("parked")
    pool.keeper.note_lent(ASKED, is_new=True)
    assert list(pool.roster) == [second, fresh, replacement]
    assert pool.fill() == 1  # for the second one
    await pool.roster.close()


async def test_where_there_is_no_room_a_conversation_is_not_given_up_for_an_overdue_worker(folder: Path) -> None:
    pool = Pool(folder, size=1, reuse=True, max_sessions=1)
    (overdue,) = pool.add("parked")
    overdue.wear.conversations = MOST_CONVERSATIONS + MOST_MORE
    assert pool.fill() == 0
    pool.keeper.drop_surplus()
    assert list(pool.roster) == [overdue]
    await pool.roster.close()


async def test_with_reuse_every_spare_is_bound_ahead(folder: Path) -> None:
    pool = Pool(folder, size=3, reuse=True)
    pool.add("fitting", binding=OTHER)
    first, _second = pool.add("warm", "warm")
    assert pool.keeper.spare_to_bind() is first
    for spare in pool.roster:
        spare.promise(OTHER)
    assert pool.keeper.spare_to_bind() is None


async def test_without_reuse_one_spare_is_bound_to_what_was_asked_last(folder: Path) -> None:
    pool = Pool(folder, size=3)
    pool.keeper.note_lent(ASKED, is_new=True)
    first, _ = pool.add("warm", "warm")
    assert pool.keeper.spare_to_bind() is first
    first.promise(ASKED)
    assert pool.keeper.spare_to_bind() is None


async def test_the_last_unbound_spare_stays_so_unless_it_is_the_only_one(folder: Path) -> None:
    for size, knows, is_bound in ((2, True, False), (2, False, True), (1, True, True)):
        pool = Pool(folder, size=size)
        pool.knows_models = knows
        pool.add("warm")
        assert (pool.keeper.spare_to_bind() is not None) == is_bound, (size, knows)


async def test_a_prompt_that_changes_each_time_is_no_longer_bound_ahead(folder: Path) -> None:
    pool = Pool(folder, size=3)
    pool.add("warm", "warm")
    for number in range(MOST_WASTED):
        pool.keeper.note_lent(Binding("sonnet", (str(number),)), is_new=True)
        (misfit,) = pool.add("fitting", binding=OTHER)
        assert pool.keeper.spare_to_bind() is None
        assert misfit not in pool.roster
    assert pool.keeper.spare_to_bind() is None
    pool.keeper.note_lent(Binding("sonnet", (str(MOST_WASTED - 1),)), is_new=True)  # the same as before: it pays again
    assert pool.keeper.spare_to_bind() is not None
    await pool.roster.close()


async def test_the_keeper_looks_again_when_something_expires(folder: Path) -> None:
    pool = Pool(folder, size=1, idle_seconds=3000.0)
    pool.is_quiet_for(QUIET_SECONDS)
    assert pool.keeper.seconds_to_next_look() == LONGEST_SLEEP
    (parked,) = pool.add("parked")
    parked.expires_at = time.time() + 7
    assert 6 < pool.keeper.seconds_to_next_look() <= 7
    parked.expires_at = time.time() - 1
    assert pool.keeper.seconds_to_next_look() == 0.05
    pool = Pool(folder, size=1, idle_seconds=30.0)
    pool.is_quiet_for(20)
    assert 9 < pool.keeper.seconds_to_next_look() <= 10


async def test_after_a_binding_that_could_not_be_made_the_next_spare_gets_the_default_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[Binding] = []

    async def start(self: Worker) -> None:
        self.move("warm")

    async def bind(self: Worker, binding: Binding) -> None:
        bound.append(binding)
        if binding == ASKED:
            raise CliUnavailableError("It was refused.")

    monkeypatch.setattr(Worker, "start", start)
    monkeypatch.setattr(Worker, "bind", bind)
    pool = Pool(folder, size=1, reuse=True)
    pool.keeper.note_lent(ASKED, is_new=True)
    pool.keeper.run()
    await asyncio.to_thread(wait_for, lambda: pool.roster.count()["fitting"] or len(bound) > 2, 30)
    await pool.keeper.close()
    await pool.roster.close()
    assert bound == [ASKED, Binding("sonnet")]
