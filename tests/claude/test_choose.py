"""Which worker a turn gets, as a table, and as properties of any picture of the workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tray_bridge.claude.choose import Candidate, Choice, can_become, choose
from tray_bridge.claude.conversation import Plan
from tray_bridge.claude.conversation_key import Binding
from tray_bridge.claude.worker_states import FREE, MOVES, RESTING, WorkerState

S, OTHER, BARE = Binding("sonnet", ("S",)), Binding("sonnet", ("other",)), Binding("sonnet")
SCHEMA = Binding("sonnet", ("S",), (), {"type": "object"})
NEW = Plan("new")
LIMIT = 8


def worker(
    number: int,
    state: WorkerState,
    binding: Binding | None = S,
    plan: Plan = NEW,
    *,
    since: float | None = None,
    can_be_reset: bool = True,
) -> Candidate:
    return Candidate(number, state, float(number) if since is None else since, binding, plan, can_be_reset)


PARKED_HERE = worker(1, "parked", plan=Plan("continue", 2))
SUSPENDED_HERE = worker(2, "suspended", plan=Plan("results", 2))
SHARES_LITTLE, SHARES_MUCH = (
    worker(3, "parked", plan=Plan("rewind", 2, 1)),
    worker(4, "parked", plan=Plan("rewind", 4, 2)),
)
PARKED, SUSPENDED, IDLE = worker(5, "parked"), worker(6, "suspended"), worker(7, "idle", OTHER)
FITTING, GENERIC, STARTING = worker(8, "fitting"), worker(9, "warm", None), worker(10, "starting", None)
BUSY, SETTLING = worker(11, "busy"), worker(12, "settling")

TABLE: dict[str, tuple[list[Candidate], Choice | None]] = {
    "the conversation's own worker first": ([FITTING, IDLE, PARKED_HERE, SHARES_MUCH], Choice("parked", 1)),
    "the one that waits for these results": ([IDLE, PARKED, SUSPENDED_HERE], Choice("suspended", 2)),
    "the longest common beginning": ([IDLE, SHARES_LITTLE, SHARES_MUCH, FITTING], Choice("rewound", 4)),
    "an idle one before a spare": ([FITTING, GENERIC, IDLE, PARKED], Choice("reset", 7)),
    "the idle one that was used last": ([worker(1, "idle", OTHER), worker(2, "idle", OTHER)], Choice("reset", 2)),
    "not the one that alone can serve without a system prompt": (
        [worker(1, "idle", OTHER), worker(2, "idle", BARE)],
        Choice("reset", 1),
    ),
    "a spare that has had another system prompt before it": (
        [worker(1, "idle", BARE), worker(2, "warm", None), worker(3, "fitting", OTHER)],
        Choice("generic", 3),
    ),
    "it before a spare that could serve without one just as well": (
        [worker(1, "idle", BARE), worker(2, "warm", None)],
        Choice("reset", 1),
    ),
    "nor where it rests": ([worker(1, "parked", BARE), worker(2, "parked", OTHER)], Choice("reset", 2)),
    "it all the same before a start": ([worker(1, "parked", BARE)], Choice("reset", 1)),
    "a fitting spare before one that knows nothing": ([GENERIC, FITTING, PARKED], Choice("fitting", 8)),
    "a spare before a parked one": ([PARKED, GENERIC, STARTING], Choice("generic", 9)),
    "a parked one before a start": ([PARKED, SUSPENDED, STARTING, BUSY], Choice("reset", 5)),
    "one that will be free in a moment before a start": ([SETTLING, BUSY], None),
    "one that starts before another start": ([STARTING, BUSY], Choice("cold", 10)),
    "a start where all are busy": ([BUSY], Choice("cold")),
    "a start where nothing is": ([], Choice("cold")),
    "a suspended one where there is no room": (
        [worker(n, "busy") for n in range(7)] + [worker(20, "suspended")],
        Choice("reset", 20),
    ),
    "the queue where all are busy and there is no room": ([worker(n, "busy") for n in range(8)], None),
    "a spare that is bound to the same, without one that was bound to something else": (
        [worker(1, "fitting", OTHER), worker(2, "fitting"), worker(3, "warm", None)],
        Choice("fitting", 2),
    ),
    "a spare that was bound to something else, before a start": ([worker(1, "fitting", OTHER)], Choice("generic", 1)),
    "the newest of two spares that were bound to something else": (
        [worker(1, "fitting", OTHER), worker(2, "fitting", OTHER)],
        Choice("generic", 2),
    ),
    "the idle one that has the same binding": (
        [worker(1, "idle", OTHER), worker(2, "idle"), worker(3, "idle", OTHER)],
        Choice("reset", 2),
    ),
    "no parked one that cannot be reset": (
        [worker(1, "parked", can_be_reset=False), worker(2, "parked")],
        Choice("reset", 2),
    ),
    "no parked one that cannot take the binding": (
        [worker(1, "parked", SCHEMA), worker(2, "parked")],
        Choice("reset", 2),
    ),
    "not one that cannot be reset": ([worker(1, "idle", can_be_reset=False), BUSY], Choice("cold")),
}


@pytest.mark.parametrize("what", TABLE)
def test_with_reuse_a_turn_gets(what: str) -> None:
    workers, choice = TABLE[what]
    assert choose(S, workers, limit=LIMIT, reuse=True) == choice


@pytest.mark.parametrize(
    ("workers", "choice"),
    [
        ([IDLE, FITTING, GENERIC], Choice("fitting", 8)),
        ([PARKED, GENERIC], Choice("generic", 9)),
        ([SHARES_MUCH], Choice("cold")),
        ([PARKED_HERE, FITTING], Choice("parked", 1)),
        ([worker(n, "busy") for n in range(7)] + [PARKED], Choice("cold", close=5)),
        ([worker(n, "busy") for n in range(7)] + [worker(20, "fitting", OTHER)], Choice("cold", close=20)),
    ],
)
def test_without_reuse_no_worker_serves_another_conversation(workers: list[Candidate], choice: Choice) -> None:
    assert choose(S, workers, limit=LIMIT, reuse=False) == choice


@pytest.mark.parametrize(
    ("bound", "wanted", "possible"),
    [
        (None, SCHEMA, True),
        (S, OTHER, True),
        (BARE, S, True),
        (BARE, BARE, True),
        (S, BARE, False),
        (S, SCHEMA, False),
        (SCHEMA, S, False),
        (SCHEMA, SCHEMA, True),
        (Binding("sonnet", ("", "")), BARE, False),
    ],
)
def test_what_can_be_reset_into_what(bound: Binding | None, wanted: Binding, possible: bool) -> None:
    assert can_become(bound, wanted) is possible


plans = st.one_of(
    st.just(NEW),
    st.builds(Plan, st.sampled_from(["continue", "results"]), st.integers(1, 9)),
    st.builds(Plan, st.just("rewind"), st.integers(1, 9), st.integers(1, 4)),
)
bindings = st.sampled_from([None, S, OTHER, BARE, SCHEMA])
pictures = st.lists(
    st.builds(
        Candidate,
        st.just(0),
        st.sampled_from(sorted(MOVES)),
        st.floats(0, 9),
        bindings,
        plans,
        st.booleans(),
    ),
    max_size=LIMIT,
).map(lambda found: [Candidate(n, c.state, c.since, c.binding, c.plan, c.can_be_reset) for n, c in enumerate(found)])


@given(pictures, bindings.filter(bool), st.booleans(), st.booleans(), st.booleans())
def test_whatever_the_picture_the_choice_is_possible(
    workers: list[Candidate], wanted: Binding, reuse: bool, resume: bool, may_wait: bool
) -> None:
    choice = choose(wanted, workers, limit=LIMIT, reuse=reuse, resume=resume, may_wait=may_wait)
    by_id = {candidate.id: candidate for candidate in workers}
    if choice is None:
        stuck = {"busy", "closing", "starting"} | ({"settling"} if not may_wait else set())
        assert len(workers) >= LIMIT or (may_wait and any(w.state == "settling" for w in workers))
        assert all(
            w.state in stuck | {"settling"} or not w.can_be_reset for w in workers if w.state not in FREE | RESTING
        )
        return
    left = len(workers) - (choice.close is not None)
    if choice.worker is None:
        assert choice.kind == "cold" and left < LIMIT
        assert choice.close is None or by_id[choice.close].state in FREE | RESTING
        return
    taken = by_id[choice.worker]
    assert "busy" in MOVES[taken.state]
    if choice.kind in ("parked", "suspended"):
        assert taken.plan.how in ("continue", "results")
    elif choice.kind == "rewound":
        assert reuse and taken.plan.how == "rewind" and taken.can_be_reset
    elif choice.kind in ("reset", "generic", "fitting"):
        assert can_become(taken.binding, wanted)
        assert taken.can_be_reset or not reuse
        if not reuse:
            assert taken.state in FREE and taken.binding in (None, wanted)
    else:
        assert taken.state == "starting" and taken.binding is None
