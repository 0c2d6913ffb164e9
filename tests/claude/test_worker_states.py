"""The table of a worker's states, and a pool of them that a machine drives with the chooser."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tray_bridge.claude.choose import Candidate, can_become, choose
from tray_bridge.claude.conversation import Plan
from tray_bridge.claude.conversation_key import Binding
from tray_bridge.claude.worker_states import FREE, MOVES, RESTING, WorkerState, WrongMoveError, check_move

BINDINGS = [
    Binding("sonnet"),
    Binding("sonnet", ("S",)),
    Binding("opus", ("T",)),
    Binding("s", (), (), {"type": "array"}),
]
LIMIT = 3


def test_every_state_that_is_named_has_a_row_and_all_but_the_last_can_be_closed() -> None:
    for state, following in MOVES.items():
        assert set(following) <= set(MOVES)
        assert ("closing" in following) == (state != "closing")


@pytest.mark.parametrize("before", MOVES)
def test_a_move_that_the_table_does_not_have_is_refused(before: WorkerState) -> None:
    for after in MOVES:
        if after in MOVES[before]:
            check_move(before, after)
        else:
            with pytest.raises(WrongMoveError, match=before):
                check_move(before, after)


@pytest.mark.parametrize("state", sorted(FREE | RESTING))
def test_what_may_be_lent_can_become_busy(state: WorkerState) -> None:
    assert "busy" in MOVES[state]


class Pool(RuleBasedStateMachine):
    """Workers as the pool drives them: requests come, end in every way, and conversations expire."""

    def __init__(self) -> None:
        super().__init__()
        self.workers: dict[int, Candidate] = {}
        self.untouched: set[int] = set()
        self.clock = 0

    def move(self, number: int, state: WorkerState, **changes: object) -> None:
        old = self.workers[number]
        check_move(old.state, state)
        self.clock += 1
        binding = changes.get("binding", old.binding)
        self.workers[number] = Candidate(number, state, float(self.clock), binding, Plan("new"))  # type: ignore[arg-type]

    @rule(binding=st.sampled_from(BINDINGS), reuse=st.just(True))
    def request(self, binding: Binding, reuse: bool) -> None:
        choice = choose(binding, list(self.workers.values()), limit=LIMIT, reuse=reuse)
        if choice is None:
            assert len(self.workers) == LIMIT or any(w.state == "settling" for w in self.workers.values())
            return
        if choice.close is not None:
            assert self.workers.pop(choice.close).state in FREE | RESTING
        number = choice.worker
        if number is None:
            self.clock += 1
            number = self.clock
            self.workers[number] = Candidate(number, "starting", float(number), None, Plan("new"))
        assert can_become(self.workers[number].binding, binding)
        if self.workers[number].state == "starting":
            self.untouched.add(number)
        else:
            self.untouched.discard(number)
        self.move(number, "busy", binding=binding)

    def one(self, data: st.DataObject, *states: WorkerState) -> int:
        return int(data.draw(st.sampled_from([n for n, w in self.workers.items() if w.state in states])))

    def has(self, *states: WorkerState) -> bool:
        return any(w.state in states for w in self.workers.values())

    @precondition(lambda self: self.has("busy"))
    @rule(data=st.data(), ending=st.sampled_from(["parked", "suspended", "settling"]))
    def turn_ends(self, data: st.DataObject, ending: WorkerState) -> None:
        self.move(self.one(data, "busy"), ending)

    @precondition(lambda self: any(self.workers[n].state == "busy" for n in self.untouched if n in self.workers))
    @rule(data=st.data(), is_ready=st.booleans())
    def is_given_up_before_its_process_was_spawned(self, data: st.DataObject, is_ready: bool) -> None:
        ones = sorted(n for n in self.untouched if n in self.workers and self.workers[n].state == "busy")
        number = data.draw(st.sampled_from(ones))
        self.move(number, "starting", binding=None)
        if is_ready:
            self.move(number, "warm", binding=None)

    @precondition(lambda self: self.has("busy"))
    @rule(data=st.data())
    def worker_is_lost(self, data: st.DataObject) -> None:
        number = self.one(data, "busy")
        self.move(number, "closing")
        del self.workers[number]

    @precondition(lambda self: self.has("settling"))
    @rule(data=st.data(), to=st.sampled_from(["idle", "parked"]))
    def settles(self, data: st.DataObject, to: WorkerState) -> None:
        self.move(self.one(data, "settling"), to)

    @precondition(lambda self: self.has("parked", "suspended"))
    @rule(data=st.data())
    def expires(self, data: st.DataObject) -> None:
        self.move(self.one(data, "parked", "suspended"), "settling")

    @invariant()
    def there_are_never_more_than_the_limit(self) -> None:
        assert len(self.workers) <= LIMIT


TestPool = Pool.TestCase
TestPool.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
