"""When to show a notification: seldom, and never the same one twice in a row. Pure.

There is none for a single request; the menu shows what is under way.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..doctor.health import clock, is_reached, window_name
from ..snapshots import PlanWindow, ServerSnapshot
from .words import port_is_taken

NEARLY_FULL = 0.8
SAME_END = 60.0  # seconds
LONGEST_TITLE = 63  # Windows takes 64 with the ending zero,
LONGEST_TEXT = 255  # and 256: pystray raises ValueError beyond


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification: title and text."""

    title: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", _clip(self.title, LONGEST_TITLE))
        object.__setattr__(self, "text", _clip(self.text, LONGEST_TEXT))


def notification_for(
    old: ServerSnapshot, new: ServerSnapshot, last: Notification | None, now: float
) -> Notification | None:
    """Give the notification for the change from `old` to `new`, unless it is the `last` one."""
    plan = _limit(old, new, now) or _begun_anew(old, new, now) or _nearly_full(old, new, now)
    notification = _failure(old, new) or _sign_in(old, new) or plan
    return notification if notification != last else None


def first_run(server: ServerSnapshot) -> Notification:
    """Make the notification of the first run."""
    return Notification(
        "Tray Bridge is running",
        f"Point your programs at {server.base_url}. The tray’s menu has the rest.",
    )


def _failure(old: ServerSnapshot, new: ServerSnapshot) -> Notification | None:
    if new.state != "error" or new.problem is None or (old.state == "error" and old.problem == new.problem):
        return None
    if port_is_taken(new):
        return Notification(new.problem.title, f"{new.problem.message} The tray’s menu offers a free one.")
    return Notification(new.problem.title, f"{new.problem.message} {new.problem.hint}".strip())


def _sign_in(old: ServerSnapshot, new: ServerSnapshot) -> Notification | None:
    if new.state != "ready" or new.demo or new.account.signed_in is not False or old.account.signed_in is False:
        return None
    return Notification("Sign-in needed", "Claude Code is not signed in. Choose Sign in… in the tray’s menu.")


def _limit(old: ServerSnapshot, new: ServerSnapshot, now: float) -> Notification | None:
    before = {window.name for window in old.account.windows if is_reached(window, now)}
    for window in new.account.windows:
        if is_reached(window, now) and window.name not in before:
            until = f" It resets at {clock(window.resets_at, now)}." if window.resets_at else ""
            return Notification("Plan limit reached", f"The {window_name(window)} limit of the plan is used up.{until}")
    return None


def _nearly_full(old: ServerSnapshot, new: ServerSnapshot, now: float) -> Notification | None:
    before = {window.name: window for window in old.account.windows}
    for window in new.account.windows:
        earlier = before.get(window.name)
        told = earlier is not None and (earlier.used or 0.0) >= NEARLY_FULL and not _is_next(earlier, window)
        if window.used is not None and window.used >= NEARLY_FULL and not told and not is_reached(window, now):
            until = f" It resets at {clock(window.resets_at, now)}." if window.resets_at else ""
            text = f"The {window_name(window)} limit of the plan is {window.used:.0%} used.{until}"
            return Notification("Plan limit is near", text)
    return None


def _begun_anew(old: ServerSnapshot, new: ServerSnapshot, now: float) -> Notification | None:
    before = {window.name: window for window in old.account.windows}
    for window in new.account.windows:
        earlier = before.get(window.name)
        if earlier and earlier.status == "rejected" and _is_next(earlier, window) and not is_reached(window, now):
            return Notification("Plan limit reset", f"The {window_name(window)} limit of the plan has reset.")
    return None


def _is_next(earlier: PlanWindow, window: PlanWindow) -> bool:
    """Return whether a window follows the earlier one: the CLI gives its end to about a second."""
    return (window.resets_at or 0.0) > (earlier.resets_at or 0.0) + SAME_END


def _clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
