"""What a person is told unasked: seldom, and never the same thing twice in a row."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tray_bridge.desktop.notifications import Notification, first_run, notification_for, with_known_windows
from tray_bridge.errors import PortTakenError
from tray_bridge.snapshots import AccountSnapshot, PlanWindow, Problem, RequestSnapshot, ServerSnapshot

NOW = time.mktime((2026, 11, 24, 14, 0, 0, 0, 0, -1))
STOPPED = ServerSnapshot()
STARTING = ServerSnapshot(state="starting")
READY = ServerSnapshot(state="ready", account=AccountSnapshot(signed_in=True))
FAILED = ServerSnapshot(state="error", problem=Problem("It broke", "A thing broke.", "Mend it.", 1.0))
PORT_TAKEN = ServerSnapshot(
    state="error", problem=Problem.of(PortTakenError(8000, holder="node (process 7)", next_free=8001), 1.0)
)
SIGNED_OUT = replace(READY, account=AccountSnapshot(signed_in=False))


def limited(*names: str) -> ServerSnapshot:
    windows = tuple(PlanWindow(name, 1.0, NOW + 1200, "rejected") for name in names)
    return replace(READY, account=AccountSnapshot(signed_in=True, windows=windows))


@pytest.mark.parametrize(
    ("old", "new", "title", "text"),
    [
        (STARTING, FAILED, "It broke", "A thing broke. Mend it."),
        (
            STARTING,
            PORT_TAKEN,
            "Port in use",
            "Port 8000 is in use by node (process 7). The tray’s menu offers a free one.",
        ),
        (READY, SIGNED_OUT, "Sign-in needed", "Claude Code is not signed in. Choose Sign in… in the tray’s menu."),
        (
            READY,
            limited("five_hour"),
            "Plan limit reached",
            "The 5 h limit of the plan is used up. It resets at 14:20.",
        ),
        (
            limited("five_hour"),
            limited("five_hour", "seven_day"),
            "Plan limit reached",
            "The 7 d limit of the plan is used up. It resets at 14:20.",
        ),
    ],
)
def test_what_needs_a_person_is_told_once(old: ServerSnapshot, new: ServerSnapshot, title: str, text: str) -> None:
    told = notification_for(old, new, None, NOW)
    assert told == Notification(title, text)
    assert notification_for(new, new, None, NOW) is None
    assert notification_for(old, new, told, NOW) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (STOPPED, STARTING),
        (STARTING, READY),
        (READY, replace(READY, served=5, failed=5)),
        (READY, replace(READY, requests=(RequestSnapshot("a", "curl", "sonnet", True, 0.0, False),))),
        (READY, replace(READY, log_problem=Problem("Log", "The disk is full."))),
        (SIGNED_OUT, READY),
        (STARTING, replace(SIGNED_OUT, demo=True)),
        (limited("five_hour"), READY),
        (READY, STOPPED),
    ],
)
def test_what_is_usual_is_not_told(old: ServerSnapshot, new: ServerSnapshot) -> None:
    assert notification_for(old, new, None, NOW) is None


def used(share: float, resets_at: float = NOW + 1200, status: str = "allowed") -> ServerSnapshot:
    window = PlanWindow("five_hour", share, resets_at, status)
    return replace(READY, account=AccountSnapshot(signed_in=True, windows=(window,)))


def test_a_window_is_told_at_80_percent_when_it_is_full_and_when_the_next_begins() -> None:
    nearly, full = used(0.83), used(1.0, status="rejected")
    told = notification_for(used(0.79), nearly, None, NOW)
    assert told == Notification("Plan limit is near", "The 5 h limit of the plan is 83% used. It resets at 14:20.")
    assert notification_for(nearly, used(0.91), None, NOW) is None
    assert notification_for(nearly, used(0.2, NOW + 18_000), None, NOW) is None
    reached = notification_for(nearly, full, None, NOW)
    assert reached is not None
    assert reached.title == "Plan limit reached"
    anew = notification_for(full, used(0.02, NOW + 18_000), None, NOW + 1300, NOW + 1199)
    assert anew == Notification("Plan limit reset", "The 5 h limit of the plan has reset.")
    again = notification_for(used(0.02, NOW + 18_000), used(0.8, NOW + 18_000), None, NOW)
    assert again is not None
    assert again.title == "Plan limit is near"


def test_the_end_of_a_limit_is_told_once_when_its_time_has_come_without_another_answer() -> None:
    full, end = used(1.0, status="rejected"), NOW + 1200
    assert notification_for(full, full, None, end - 1, end - 2) is None
    told = notification_for(full, full, None, end + 0.5, end - 0.5)
    assert told == Notification("Plan limit reset", "The 5 h limit of the plan has reset.")
    assert notification_for(full, full, None, end + 1.5, end + 0.5) is None
    # The next report, with the next answer, is no news.
    assert notification_for(full, used(0.02, end + 18_000), None, end + 600, end + 599) is None
    # A machine that was asleep meanwhile.
    assert notification_for(full, full, None, end + 9000, end - 60) == told


def test_a_restart_of_the_server_tells_nothing_again_and_misses_no_end() -> None:
    """Until its first answer a server that was started again knows no windows."""
    full = used(1.0, status="rejected")
    for before, after in ((used(0.83), used(0.84)), (full, full)):
        restarted = with_known_windows(before, READY)
        assert notification_for(before, restarted, None, NOW) is None
        assert notification_for(restarted, with_known_windows(restarted, after), None, NOW) is None
    restarted = with_known_windows(full, READY)
    told = notification_for(restarted, with_known_windows(restarted, READY), None, NOW + 1201, NOW + 1199)
    assert told == Notification("Plan limit reset", "The 5 h limit of the plan has reset.")
    signed_out = replace(READY, account=AccountSnapshot(signed_in=False))
    assert with_known_windows(full, signed_out) == signed_out


def test_a_warning_without_a_share_is_told_too() -> None:
    warned = replace(
        READY, account=AccountSnapshot(True, windows=(PlanWindow("seven_day", None, NOW + 1200, "allowed_warning"),))
    )
    told = notification_for(READY, warned, None, NOW)
    assert told == Notification(
        "Plan limit is near", "The 7 d limit of the plan is nearly used up. It resets at 14:20."
    )
    assert notification_for(warned, warned, None, NOW) is None


def test_a_failure_after_a_retry_is_not_told_twice_in_a_row() -> None:
    told = notification_for(STARTING, FAILED, None, NOW)
    assert notification_for(STARTING, FAILED, told, NOW) is None
    assert notification_for(STARTING, PORT_TAKEN, told, NOW) is not None


def test_the_first_run_tells_where_to_point_a_client() -> None:
    assert "http://127.0.0.1:8000/v1" in first_run(READY).text


def test_no_notification_is_too_long_for_windows() -> None:
    problem = Problem("Title " * 50, "Text " * 100, at=1.0)
    told = notification_for(STARTING, replace(FAILED, problem=problem), None, NOW)
    assert told is not None
    assert len(told.title) <= 63
    assert len(told.text) <= 255
