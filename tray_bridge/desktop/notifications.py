"""When to show a notification: seldom, and never the same one twice in a row. Pure.

There is none for a single request; the menu shows what is under way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..doctor.health import clock, is_reached, window_name
from ..snapshots import PlanWindow, ServerSnapshot
from .words import port_is_taken

NEARLY_FULL = 0.8
WARNED = "allowed_warning"  # the CLI's word where it names no share
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
    old: ServerSnapshot, new: ServerSnapshot, last: Notification | None, now: float, then: float | None = None
) -> Notification | None:
    """Give the notification for the change from `old`, at the time `then`, to `new`, unless it is the `last` one."""
    then = now if then is None else then
    plan = _limit(old, new, now) or _begun_anew(old, new, now, then) or _nearly_full(old, new, now)
    notification = _failure(old, new) or _sign_in(old, new) or plan
    return notification if notification != last else None


def with_known_windows(old: ServerSnapshot, new: ServerSnapshot) -> ServerSnapshot:
    """Give `new` with the windows that only `old` has: a server that was started again knows none until an answer."""
    known = {window.name for window in new.account.windows}
    kept = tuple(window for window in old.account.windows if window.name not in known)
    if not kept or new.account.signed_in is False:
        return new
    return replace(new, account=replace(new.account, windows=(*new.account.windows, *kept)))


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
            return Notification(
                "Plan limit reached", f"The {window_name(window.name)} limit of the plan is used up.{until}"
            )
    return None


def _nearly_full(old: ServerSnapshot, new: ServerSnapshot, now: float) -> Notification | None:
    before = {window.name: window for window in old.account.windows}
    for window in new.account.windows:
        earlier = before.get(window.name)
        told = earlier is not None and _is_nearly_full(earlier) and not _is_next(earlier, window)
        if _is_nearly_full(window) and not told and not is_reached(window, now):
            until = f" It resets at {clock(window.resets_at, now)}." if window.resets_at else ""
            share = "nearly used up" if window.used is None else f"{window.used:.0%} used"
            return Notification(
                "Plan limit is near", f"The {window_name(window.name)} limit of the plan is {share}.{until}"
            )
    return None


def _is_nearly_full(window: PlanWindow) -> bool:
    return window.used >= NEARLY_FULL if window.used is not None else window.status == WARNED


def _begun_anew(old: ServerSnapshot, new: ServerSnapshot, now: float, then: float) -> Notification | None:
    """Report the end of a limit at its time, or earlier if the CLI says so, which it does only with answers."""
    after = {window.name: window for window in new.account.windows}
    for window in old.account.windows:
        if not is_reached(window, then):
            continue
        following = after.get(window.name)
        is_over = window.resets_at is not None and window.resets_at <= now
        if is_over or (following and _is_next(window, following) and not is_reached(following, now)):
            return Notification("Plan limit reset", f"The {window_name(window.name)} limit of the plan has reset.")
    return None


def _is_next(earlier: PlanWindow, window: PlanWindow) -> bool:
    """Return whether a window follows the earlier one: the CLI gives its end to about a second."""
    return (window.resets_at or 0.0) > (earlier.resets_at or 0.0) + SAME_END


def _clip(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
