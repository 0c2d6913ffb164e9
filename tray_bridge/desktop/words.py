"""The tray's texts about a snapshot, the same in menu, tooltip and notification. Pure."""

from __future__ import annotations

import time

from ..doctor.health import HealthWord, clock, count_of, health_of, is_reached, window_name
from ..errors import PortTakenError
from ..snapshots import AccountSnapshot, PlanWindow, PoolSnapshot, Problem, RequestSnapshot, ServerSnapshot

OLD_SECONDS = 300.0  # after which a report of the plan's windows is shown with its time
LONGEST_LINE = 90  # characters that a menu can take
MARKS: dict[HealthWord, str] = {
    "ready": "●",
    "busy": "●",
    "paused": "‖",
    "signed_out": "▲",
    "limited": "▲",
    "degraded": "▲",
    "starting": "◐",
    "stopping": "◐",
    "stopped": "○",
    "failed": "✕",
}


def status_text(server: ServerSnapshot, quitting: bool = False, now: float | None = None) -> str:
    """Give the server's state in a few words, for the menu's first line and the icon's tooltip."""
    if quitting and server.active:
        return f"◐ Quits when {count_of(server.active)} {_are(server.active)} finished"
    now = time.time() if now is None else now
    health = health_of(server, now)
    if server.drains_since is not None and health.word == "stopping":
        return f"{MARKS[health.word]} {health.text} · {max(0, int(now - server.drains_since))} s"
    # A menu that is open keeps its width: a line that a request brings must not be longer than that of rest.
    place = f" on {server.host}:{server.port}" if health.word == "ready" else ""
    return f"{MARKS[health.word]} {health.text}{place}{' (demo)' if server.demo else ''}"


def tooltip(server: ServerSnapshot, quitting: bool = False, now: float | None = None) -> str:
    """Give the icon's tooltip: the state, and how much of the plan is used."""
    now = time.time() if now is None else now
    used = [_window_text(each, now) for each in server.account.windows if each.used is not None]
    return "Tray Bridge: " + " · ".join([status_text(server, quitting, now)[2:], *used])


def last_problem(server: ServerSnapshot, action_problem: Problem | None = None) -> Problem | None:
    """Give the newest of the present problems."""
    problems = (action_problem, server.problem, server.pool.problem, server.log_problem, server.ollama_problem)
    return max((problem for problem in problems if problem), key=lambda problem: problem.at, default=None)


def port_is_taken(server: ServerSnapshot) -> bool:
    """Return whether the server failed because another program has its port."""
    return server.state == "error" and server.problem is not None and server.problem.title == PortTakenError.title


def quit_text(active: int, quitting: bool) -> str:
    """Give the text of *Quit*, with what happens to the requests in flight, before and after it was chosen."""
    if not active:
        return "Quit"
    requests = count_of(active)
    return f"Quit now (ends {requests})" if quitting else f"Quit (finishes {requests})"


def ends_text(active: int) -> str:
    """Give the note that requests in flight will be ended; empty if there are none."""
    return f" (ends {count_of(active)})" if active else ""


def pool_text(pool: PoolSnapshot) -> str:
    """Give how many workers are ready, busy and in other states."""
    rest = (
        (pool.starting, "starting"),
        (pool.parked, "parked"),
        (pool.suspended, "suspended"),
        (pool.queued, "waiting"),
    )
    parts = [f"{pool.warm + pool.fitting} ready", f"{pool.busy} busy"]
    return "Pool " + " · ".join(parts + [f"{number} {word}" for number, word in rest if number])


def account_text(server: ServerSnapshot, now: float) -> str:
    """Give how Claude Code is signed in, and how much of the plan is used."""
    account = server.account
    if server.demo:
        return "Claude: demo, a stand-in answers"
    if account.signed_in is None:
        return "Claude: not known yet"
    if not account.signed_in:
        return "Claude: not signed in"
    return " · ".join([f"Claude: {_how_signed_in(account)}", *(_window_text(each, now) for each in account.windows)])


def _how_signed_in(account: AccountSnapshot) -> str:
    if account.uses_api_key:
        return "signed in with an API key"
    return f"signed in ({account.plan[:1].upper()}{account.plan[1:]})" if account.plan else "signed in"


def _window_text(window: PlanWindow, now: float) -> str:
    name = window_name(window.name)
    if is_reached(window, now):
        text = f"{name} limit reached"
    elif window.status == "extra_usage":
        text = f"{name} limit reached, extra usage goes on"
    elif window.resets_at and window.resets_at <= now:
        return f"{name} reset at {clock(window.resets_at, now)}"
    else:
        text = name if window.used is None else f"{name} {window.used * 100:.0f} %"
    if window.told_at and now - window.told_at > OLD_SECONDS and window.status != "rejected":
        text += f" at {clock(window.told_at, now)}"  # reports come with answers only
    return f"{text} until {clock(window.resets_at, now)}" if window.resets_at else text


def request_text(request: RequestSnapshot, now: float) -> str:
    """Give client, model and duration of a request."""
    seconds = max(0, int(now - request.started_at))
    lasted = f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02} s"
    return " · ".join([request.client, request.model, lasted, *(["waiting"] if request.queued else [])])


def one_line(text: str) -> str:
    """Shorten to one line for a menu."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1].rstrip() + "…"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
