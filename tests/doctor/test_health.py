"""One word of health: what counts first, what changes it, and back."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tray_bridge.doctor.health import health_of, settled_lines, trouble_of
from tray_bridge.errors import (
    BillingError,
    ModelNotFoundError,
    PlanLimitError,
    SignedOutError,
    TrayBridgeError,
    UpstreamError,
)
from tray_bridge.snapshots import (
    AccountSnapshot,
    PlanWindow,
    PoolSnapshot,
    Problem,
    RequestSnapshot,
    ServerSnapshot,
    Trouble,
)

NOW = time.mktime((2026, 11, 24, 14, 0, 0, 0, 0, -1))
SIGNED_IN = AccountSnapshot(signed_in=True, plan="Max")
READY = ServerSnapshot(state="ready", account=SIGNED_IN)
PROBLEM = Problem("It broke", "A thing broke.", "Mend it.", NOW)
ASKING = RequestSnapshot("a", "curl", "sonnet", True, NOW - 12, False)

COMING = ServerSnapshot(state="ready", pool=PoolSnapshot(size=1, starting=1))


def limited(name: str = "five_hour", resets_at: float | None = NOW + 1200) -> ServerSnapshot:
    window = PlanWindow(name, 1.0, resets_at, "rejected")
    return replace(READY, account=replace(SIGNED_IN, windows=(window,)))


@pytest.mark.parametrize(
    ("server", "word", "text", "answers"),
    [
        (READY, "ready", "Ready", True),
        (replace(READY, requests=(ASKING,)), "busy", "Busy with 1 request", True),
        (replace(READY, account=AccountSnapshot(signed_in=False)), "signed_out", "Not signed in", False),
        (replace(READY, account=AccountSnapshot(signed_in=False), demo=True), "ready", "Ready", True),
        (limited(), "limited", "Plan limit reached until 14:20", False),
        (limited(resets_at=None), "limited", "Plan limit reached", False),
        (limited(resets_at=NOW - 1), "ready", "Ready", True),
        (limited("seven_day_opus"), "ready", "Ready", True),
        (replace(READY, paused=True), "paused", "Paused", False),
        (replace(READY, log_problem=PROBLEM), "degraded", "It broke", True),
        (replace(READY, pool=PoolSnapshot(problem=PROBLEM)), "degraded", "It broke", False),
        (replace(READY, requests=(ASKING,), paused=True), "paused", "Paused", False),
        (COMING, "starting", "Starting…", True),
        (replace(COMING, demo=True), "ready", "Ready", True),
        (replace(COMING, paused=True), "paused", "Paused", False),
        (ServerSnapshot(state="starting"), "starting", "Starting…", False),
        (ServerSnapshot(state="error", problem=PROBLEM), "failed", "It broke", False),
        (ServerSnapshot(), "stopped", "Stopped", False),
    ],
)
def test_what_a_person_must_act_on_comes_first(server: ServerSnapshot, word: str, text: str, answers: bool) -> None:
    health = health_of(server, NOW)
    assert (health.word, health.text, health.answers) == (word, text, answers)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (SignedOutError("Claude Code is not signed in."), "signed_out"),
        (UpstreamError("Over the limit.", status=429, retry_after=600), "limited"),
        (UpstreamError("Busy.", status=429, retry_after=2), "ready"),
        (BillingError("Your credit balance is too low."), "degraded"),
        (PlanLimitError("Extra usage is required."), "degraded"),
        (UpstreamError("The key was revoked.", status=401), "degraded"),
        (UpstreamError("The organization was disabled.", status=403), "degraded"),
        (UpstreamError("Overloaded.", status=529), "ready"),
        (ModelNotFoundError("There is no model x."), "ready"),
    ],
)
def test_a_failed_request_changes_it_only_where_the_next_would_fail_too(error: TrayBridgeError, word: str) -> None:
    server = replace(READY, trouble=trouble_of(error, NOW))
    assert health_of(server, NOW).word == word


def test_a_limit_passes_by_itself() -> None:
    server = replace(READY, trouble=Trouble("limit", PROBLEM, NOW + 60))
    health = health_of(server, NOW)
    # Not every limit is one of a plan: what upstream said is told.
    assert (health.word, health.text, health.detail) == ("limited", "Limit reached until 14:01", PROBLEM.message)
    assert health_of(server, NOW + 61).word == "ready"


def test_of_two_limits_that_are_reached_the_later_end_is_told() -> None:
    ends = {"five_hour": NOW + 1200, "seven_day": NOW + 3600}
    windows = tuple(PlanWindow(name, 1.0, end, "rejected") for name, end in ends.items())
    for given in (windows, windows[::-1]):
        server = replace(READY, account=replace(SIGNED_IN, windows=given))
        assert health_of(server, NOW).text == "Plan limit reached until 15:00"


def test_a_terminal_is_told_address_page_and_how_to_stop_or_the_problem() -> None:
    lines = settled_lines(READY, "Ctrl+C ends it.")
    assert lines == [
        "Tray Bridge serves at http://127.0.0.1:8000/v1",
        "Page: http://127.0.0.1:8000/dashboard",
        "Ctrl+C ends it.",
    ]
    signed_out = settled_lines(replace(READY, account=AccountSnapshot(signed_in=False)), "Ctrl+C ends it.")
    assert "tray-bridge login" in signed_out[3]
    assert settled_lines(ServerSnapshot(state="error", problem=PROBLEM), "") == ["It broke: A thing broke.", "Mend it."]
