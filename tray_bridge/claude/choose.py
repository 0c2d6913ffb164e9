"""Which worker answers a turn. Pure: the state of all workers in, a decision out, without waiting.

The order: continue the conversation where it is held; rewind the worker that shares the longest beginning; reset one
that holds no conversation; take a spare; reset the worker that has rested longest; start a process; wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..snapshots import SessionKind
from .conversation import Plan
from .conversation_key import Binding
from .worker_states import FREE, RESTING, WorkerState


@dataclass(frozen=True, slots=True)
class Candidate:
    """One worker as the choice sees it. `since` orders workers by when they were last used.

    `binding` is None before the worker was bound. `can_be_reset` is False if its conversation cannot be cut away, or if
    the worker is worn out.
    """

    id: int
    state: WorkerState
    since: float
    binding: Binding | None
    plan: Plan
    can_be_reset: bool = True


class Choice(NamedTuple):
    """Take `worker` (None: start one), after closing `close` to make room."""

    kind: SessionKind
    worker: int | None = None
    close: int | None = None


def can_become(bound: Binding | None, wanted: Binding) -> bool:
    """Return whether a worker with one binding can get another one.

    | bound | wanted | |
    | --- | --- | --- |
    | nothing yet | anything | yes |
    | a system prompt | none | no: `set_model` takes a text that is not empty |
    | a schema | another, or none | no: the CLI reads it once |
    | no schema | a schema | no: the CLI reads it once |
    | anything else | | yes |
    """
    if bound is None:
        return True
    if bound.prompt and not wanted.prompt:
        return False
    return bound.output_schema == wanted.output_schema


def choose(
    wanted: Binding,
    workers: Sequence[Candidate],
    *,
    limit: int,
    reuse: bool,
    resume: bool = False,
    may_wait: bool = True,
) -> Choice | None:
    """Decide for a new turn with this binding, or give None: it has to wait until a worker is free.

    `limit` is the most processes there may be. Without `reuse` each conversation gets a process of its own. `resume`: a
    new process reads a past of this length from a file sooner than it can be written to one that runs.
    """
    if found := _holding(workers, reuse=reuse):
        return found
    free = sorted((w for w in workers if w.state in FREE), key=lambda w: w.since, reverse=True)
    resting = sorted((w for w in workers if w.state in RESTING), key=lambda w: w.since)
    if resume and (choice := _started(workers, free, resting, limit)):
        return choice
    if choice := _reset(wanted, free) if reuse else _spare(wanted, free):
        return choice
    if reuse and (choice := _given_up(wanted, resting, "parked")):
        return choice
    if reuse and may_wait and any(worker.state == "settling" for worker in workers):
        return None  # it will be free much sooner than a process could start
    if starting := next((w for w in workers if w.state == "starting" and w.binding is None), None):
        return Choice("cold", starting.id)  # it is ready sooner than another one, which would slow both
    if len(workers) >= limit and reuse and (choice := _given_up(wanted, resting, "suspended")):
        return choice
    return _started(workers, free, resting, limit)


def _holding(workers: Sequence[Candidate], *, reuse: bool) -> Choice | None:
    """Find the worker that holds the conversation, or as much of it as possible."""
    resting = [worker for worker in workers if worker.state in RESTING]
    if worker := _newest([w for w in resting if w.plan.how == "results"]):
        return Choice("suspended", worker.id)
    if worker := _newest([w for w in resting if w.plan.how == "continue"]):
        return Choice("parked", worker.id)
    if not reuse:
        return None
    sharing = [w for w in resting if w.plan.how == "rewind" and w.state == "parked" and w.can_be_reset]
    if sharing:
        return Choice("rewound", max(sharing, key=lambda w: (w.plan.start, w.since)).id)
    return None


def _newest(workers: Sequence[Candidate]) -> Candidate | None:
    return max(workers, key=lambda w: w.since, default=None)


def _reset(wanted: Binding, free: Sequence[Candidate]) -> Choice | None:
    """Choose an idle worker, the same binding first; else a spare. Those that are spared come after all others."""
    usable = [w for w in free if can_become(w.binding, wanted) and w.can_be_reset]
    for workers in ([w for w in usable if not _is_spared(w, wanted)], usable):
        idle = [w for w in workers if w.state == "idle"]
        if worker := next((w for w in idle if w.binding == wanted), None) or next(iter(idle), None):
            return Choice("reset", worker.id)
        if choice := _spare(wanted, workers):
            return choice
        if workers:
            return Choice("generic", workers[0].id)
    return None


def _spare(wanted: Binding, free: Sequence[Candidate]) -> Choice | None:
    """Choose a spare: one with this binding, else one without any."""
    if fitting := next((w for w in free if w.binding == wanted), None):
        return Choice("fitting", fitting.id)
    if generic := next((w for w in free if w.binding is None), None):
        return Choice("generic", generic.id)
    return None


def _given_up(wanted: Binding, resting: Sequence[Candidate], state: WorkerState) -> Choice | None:
    """Choose the worker that has rested longest and can take the binding; those without a system prompt last."""
    usable = [w for w in resting if w.state == state and w.can_be_reset and can_become(w.binding, wanted)]
    worker = min(usable, key=lambda w: _is_spared(w, wanted), default=None)
    return Choice("reset", worker.id) if worker else None


def _is_spared(worker: Candidate, wanted: Binding) -> bool:
    """Only a worker that has had no system prompt can serve a conversation without one: there is no way back."""
    return bool(wanted.prompt) and not (worker.binding and worker.binding.prompt)


def _started(
    workers: Sequence[Candidate], free: Sequence[Candidate], resting: Sequence[Candidate], limit: int
) -> Choice | None:
    """Start a process; where there is no room, in place of one that is free or rests."""
    if len(workers) < limit:
        return Choice("cold")
    victim = next(iter((*reversed(free), *resting)), None)
    return Choice("cold", close=victim.id) if victim else None
