"""Decides when a person is told something unasked: seldom, and never the same thing twice in a row. Pure.

Per request there is never a notification; what is under way stands in the menu.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..doctor.health import clock, is_reached, window_name
from ..snapshots import ServerSnapshot
from .words import port_is_taken

LONGEST_TITLE = 63  # Windows takes 64 with the ending zero,
LONGEST_TEXT = 255  # and 256: pystray raises ValueError beyond


@dataclass(frozen=True, slots=True)
class Notification:
    title: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", _clip(self.title, LONGEST_TITLE))
        object.__setattr__(self, "text", _clip(self.text, LONGEST_TEXT))


def notification_for(
    old: ServerSnapshot, new: ServerSnapshot, last: Notification | None, now: float
) -> Notification | None:
    """Returns what the step from `old` to `new` calls for, unless it is what was said `last`."""
    notification = _failure(old, new) or _sign_in(old, new) or _limit(old, new, now)
    return notification if notification != last else None


def first_run(server: ServerSnapshot) -> Notification:
    """What a person is told who runs Tray Bridge for the first time."""
    return Notification(
        "Tray Bridge is running",
        f"Point any OpenAI client to {server.base_url}. The menu in the tray has the rest.",
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


def _clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
