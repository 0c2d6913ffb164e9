"""The health of a server: one word, and its text for the tray, the page, `/health` and the terminal.

Owns which state counts first. A server is `ready` only if a request can be answered now. Pure; knows only snapshots.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..errors import (
    BillingError,
    CliUnavailableError,
    PlanLimitError,
    SettingsError,
    SignedOutError,
    TrayBridgeError,
    UpstreamError,
)
from ..snapshots import PlanWindow, Problem, ServerSnapshot, Trouble

HealthWord: TypeAlias = Literal[
    "ready", "busy", "paused", "signed_out", "limited", "degraded", "starting", "stopping", "stopped", "failed"
]
WINDOW_NAMES = {
    "five_hour": "5 h",
    "seven_day": "7 d",
    "seven_day_opus": "7 d Opus",
    "seven_day_sonnet": "7 d Sonnet",
}
WINDOW_SECONDS = {"five_hour": 5 * 3600.0, "seven_day": 7 * 86400.0}  # by the beginning of the name
SIGN_IN_HINT = "Sign in on the page or in the tray's menu, or run `tray-bridge login`."
PLAN_WAIT = 60.0  # seconds: a longer wait is a limit of the plan, not a busy moment


@dataclass(frozen=True, slots=True)
class Health:
    """`text` is a few words, `detail` a sentence or empty, `hint` what to do. `answers`: whether a request can
    succeed.
    """

    word: HealthWord
    text: str
    detail: str = ""
    hint: str = ""
    answers: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return {"word": self.word, "text": self.text, "detail": self.detail, "hint": self.hint, "answers": self.answers}


def health_of(server: ServerSnapshot, now: float | None = None) -> Health:
    """Return the health of a server at `now` (Unix time)."""
    now = time.time() if now is None else now
    if server.state != "ready":
        return _not_running(server)
    if server.drains_since is not None:
        return _draining(server, now)
    if server.paused:
        return Health(
            "paused",
            "Paused",
            "New requests are refused until it is resumed.",
            "Resume it in the tray, on the page or with `tray-bridge resume`.",
        )
    return _blocked(server, now) or _degraded(server) or _running(server)


def _not_running(server: ServerSnapshot) -> Health:
    problem = server.problem
    if server.state == "error":
        if problem is None:
            return Health("failed", "The server failed")
        return Health("failed", problem.title, problem.message, problem.hint)
    if server.state == "starting":
        return Health("starting", "Starting…")
    if server.state == "stopping":
        return Health("stopping", "Stopping…")
    return Health("stopped", "Stopped", hint="Start it from the tray, or with `tray-bridge`.")


def _draining(server: ServerSnapshot, now: float) -> Health:
    waited = f"It has waited for {max(0.0, now - (server.drains_since or now)):.0f} s; new requests are refused."
    finished = f"{count_of(server.active)} {'is' if server.active == 1 else 'are'} finished"
    hint = "Resume it in the tray, on the page or with `tray-bridge resume` to call this off."
    return Health("stopping", f"{'Restarts' if server.restarts_then else 'Stops'} when {finished}", waited, hint)


def count_of(requests: int) -> str:
    """Return a number of requests in words."""
    return "1 request" if requests == 1 else f"{requests} requests"


def _blocked(server: ServerSnapshot, now: float) -> Health | None:
    """Give the reason why no request can be answered, if there is one."""
    trouble = server.trouble
    if server.demo:
        return None
    if server.account.signed_in is False or (trouble and trouble.kind == "signed_out"):
        return Health("signed_out", "Not signed in", "Claude Code is not signed in.", SIGN_IN_HINT)
    ends = [window.resets_at for window in server.account.windows if _blocks_all(window) and is_reached(window, now)]
    if ends:
        return _limited("Plan limit reached", "The account's plan is used up.", max(end or 0.0 for end in ends), now)
    if trouble and trouble.kind == "limit" and (trouble.until or 0) > now:
        return _limited("Limit reached", trouble.problem.message, trouble.until or 0.0, now)
    if trouble and trouble.kind == "refused":
        return Health("degraded", trouble.problem.title, trouble.problem.message, trouble.problem.hint)
    return None


def _limited(text: str, detail: str, until: float, now: float) -> Health:
    """Tell of a limit, and until when if that is known (else 0)."""
    text += f" until {clock(until, now)}" if until else ""
    return Health("limited", text, detail, "Wait, or use an account with another limit.")


def _degraded(server: ServerSnapshot) -> Health | None:
    least = ((server.log_problem, True), (server.ollama_problem, True))
    for problem, answers in ((server.problem, False), (server.pool.problem, False), *least):
        if problem is not None:
            return Health("degraded", problem.title, problem.message, problem.hint, answers)
    return None


def _running(server: ServerSnapshot) -> Health:
    demo = "A stand-in answers: this is the demo." if server.demo else ""
    if server.active:
        return Health("busy", f"Busy with {count_of(server.active)}", demo, answers=True)
    if server.account.signed_in is None and not server.demo and server.pool.size:
        # Requests are taken and wait; until the first process has told, the account may be signed out.
        return Health("starting", "Starting…", "Claude Code starts, and tells whether it is signed in.", answers=True)
    return Health("ready", "Ready", demo, answers=True)


def trouble_of(error: Exception, now: float) -> Trouble | None:
    """Return what a failed request shows of the account; None if it concerns that request alone."""
    if isinstance(error, SignedOutError):
        return Trouble("signed_out", Problem.of(error, now))
    if isinstance(error, (CliUnavailableError, PlanLimitError, BillingError)):
        return Trouble("refused", Problem.of(error, now))
    if not isinstance(error, UpstreamError):
        return None
    if error.status == 429 and (error.retry_after or 0) >= PLAN_WAIT:
        return Trouble("limit", Problem.of(error, now), now + (error.retry_after or 0))
    if error.status in (401, 403):
        return Trouble("refused", Problem.of(error, now))
    return None


def is_reached(window: PlanWindow, now: float) -> bool:
    """Return whether a window of the plan is used up at `now`; it begins anew at `resets_at`."""
    return window.status == "rejected" and (window.resets_at is None or window.resets_at > now)


def _blocks_all(window: PlanWindow) -> bool:
    """Return whether a window blocks all models: one of a single family does not."""
    return not window.name.endswith(("_opus", "_sonnet", "_haiku"))


def window_seconds(window: PlanWindow) -> float | None:
    """Return the length of a window of the plan; None for an unknown one."""
    return next((seconds for start, seconds in WINDOW_SECONDS.items() if window.name.startswith(start)), None)


def window_name(name: str) -> str:
    """Return what people call the plan's window that Claude Code calls `name`: `5 h` for `five_hour`."""
    return WINDOW_NAMES.get(name, name.replace("_", " "))


def clock(moment: float, now: float) -> str:
    """Write a point in time for a person: `14:20`, or `Tue 14:20` if it is not today."""
    then, today = time.localtime(moment), time.localtime(now)
    same_day = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M" if same_day else "%a %H:%M", then)


def settled_lines(server: ServerSnapshot, how_to_stop: str) -> list[str]:
    """Return what a terminal shows once the server has settled: address, page and how to stop it, or the problem."""
    health = health_of(server)
    if server.state != "ready":
        parts = (f"{health.text}: {health.detail}" if health.detail else health.text, health.hint)
        return [part for part in parts if part]
    lines = [f"Tray Bridge serves at {server.base_url}", f"Page: {page_url(server)}", how_to_stop]
    if not health.answers:
        lines.append(f"{health.text}. {health.hint}".strip())
    return lines


def page_url(server: ServerSnapshot) -> str:
    """Return the address of the page, as a browser on this machine reaches it."""
    return server.base_url.removesuffix("/v1") + "/dashboard"


def as_error(health: Health) -> TrayBridgeError:
    """Make the error with which a command ends from a server's health: a SettingsError where a setting is wrong."""
    error = SettingsError if health.text == SettingsError.title else TrayBridgeError
    return error(health.detail or f"{health.text}.", title=health.text, hint=health.hint)
