"""The states of a worker, as a table: which follows which, and why. Pure; `Worker.move` is the only writer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

WorkerState: TypeAlias = Literal[
    "starting", "warm", "fitting", "busy", "settling", "idle", "parked", "suspended", "closing"
]

MOVES: Mapping[WorkerState, Mapping[WorkerState, str]] = {
    "starting": {
        "warm": "its process answers and knows no conversation yet",
        "fitting": "the keeper has bound it ahead",
        "busy": "a request could not wait for the end of its start",
        "closing": "it did not start, or is surplus",
    },
    "warm": {
        "starting": "the keeper binds it ahead, and no request may take it meanwhile",
        "busy": "a new conversation takes it",
        "closing": "it is surplus, or its process has ended",
    },
    "fitting": {
        "busy": "a new conversation takes it",
        "closing": "it is surplus, or its process has ended",
    },
    "busy": {
        "parked": "the answer is complete",
        "suspended": "the answer ends with calls whose results the client will bring",
        "settling": "the turn was cancelled or cut, or its conversation will not be continued",
        "starting": "its request was given up before its process was spawned",
        "closing": "the turn ended in a way after which the process cannot be trusted",
    },
    "settling": {
        "idle": "nothing of a conversation is left in it",
        "warm": "its request was cancelled before anything was written to the process",
        "parked": "the turn was cut away, and the conversation before it is whole",
        "closing": "it did not come to rest in time, or did not prove its reset",
    },
    "idle": {
        "busy": "a new conversation takes it",
        "closing": "it is surplus, worn out, or its process has ended",
    },
    "parked": {
        "busy": "its conversation goes on, or another one needs the worker",
        "settling": "its conversation has expired",
        "closing": "it is surplus, or its process has ended",
    },
    "suspended": {
        "busy": "the results have come, or another conversation needs the worker",
        "settling": "its conversation has expired",
        "closing": "it is surplus, or its process has ended",
    },
    "closing": {},
}
FREE: frozenset[WorkerState] = frozenset({"warm", "fitting", "idle"})
"""States in which a worker holds no conversation and may be lent."""
RESTING: frozenset[WorkerState] = frozenset({"parked", "suspended"})
"""States in which a worker keeps a conversation and may be lent."""


class WrongMoveError(RuntimeError):
    """A state does not follow a worker's present one: a fault of this program."""


def check_move(before: WorkerState, after: WorkerState) -> None:
    """Raise WrongMoveError for a move that the table does not have."""
    if after not in MOVES[before]:
        raise WrongMoveError(f"A worker that is {before} cannot become {after}.")
