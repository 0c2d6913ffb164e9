"""Snapshot → menu: what each line says in every state, and that the top level never changes its shape."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tray_bridge.desktop.actions import Actions
from tray_bridge.desktop.menu import Item, MenuState, build_menu
from tray_bridge.desktop.words import status_text, tooltip
from tray_bridge.doctor.health import clock
from tray_bridge.errors import PortTakenError, SignedOutError
from tray_bridge.snapshots import (
    AccountSnapshot,
    ModelSnapshot,
    PlanWindow,
    PoolSnapshot,
    Problem,
    RefusedPage,
    RequestSnapshot,
    ServerSnapshot,
)

NOW = time.mktime((2026, 11, 24, 14, 0, 0, 0, 0, -1))
PORT_TAKEN = Problem.of(PortTakenError(8000, holder="node (process 7)", next_free=8001), NOW)
STATE = MenuState(now=NOW, version="1.2.3", free_ports=(8001, 8002))
READY = ServerSnapshot(
    state="ready",
    pool=PoolSnapshot(warm=2, busy=1),
    served=128,
    account=AccountSnapshot(signed_in=True, plan="max", windows=(PlanWindow("five_hour", 0.37, None),)),
)
ASKING = RequestSnapshot("a", "curl", "sonnet", True, NOW - 12, False)
WAITING = RequestSnapshot("b", "Continue", "haiku", False, NOW - 75, True)

SERVERS = {
    "stopped": ServerSnapshot(),
    "starting": ServerSnapshot(state="starting"),
    "ready": READY,
    "busy": replace(READY, requests=(ASKING, WAITING)),
    "signed out": replace(READY, account=AccountSnapshot(signed_in=False)),
    "demo": replace(READY, demo=True),
    "stopping": replace(READY, state="stopping"),
    "port taken": ServerSnapshot(state="error", problem=PORT_TAKEN),
    "failed": ServerSnapshot(state="error", problem=Problem("It broke", "A thing broke.", "Mend it.", NOW)),
}


def texts(items: tuple[Item, ...]) -> list[str]:
    """What is to be seen, separators as ---."""
    return [item.text or "---" for item in items if item.visible]


def line(items: tuple[Item, ...], *path: str) -> Item:
    """The visible line at a path of texts or their beginnings."""
    found = Item("root", items=items)
    for text in path:
        found = next(item for item in found.items if item.visible and item.text.startswith(text))
    return found


def all_items(items: tuple[Item, ...]) -> list[Item]:
    return [each for item in items for each in (item, *all_items(item.items))]


def test_a_ready_server_is_told_state_first_and_quit_last() -> None:
    assert texts(build_menu(READY, STATE)) == [
        "● Ready on 127.0.0.1:8000",
        "Claude: signed in (Max) · 5 h 37 %",
        "---",
        "Open dashboard",
        "Connect a client…",
        "---",
        "Settings",
        "Advanced",
        "---",
        "Quit",
    ]


def test_what_few_people_need_is_under_advanced() -> None:
    assert texts(line(build_menu(READY, STATE), "Advanced").items) == [
        "Pool 2 ready · 1 busy",
        "Requests 0 active · 128 served · 0 failed",
        "---",
        "Copy base URL",
        "---",
        "Pause",
        "Stop server",
        "Restart",
        "---",
        "Active requests",
        "Session logs",
        "Pool size: 3",
        "API keys…",
        "Check all that is needed…",
        "About",
    ]


@pytest.mark.parametrize(("restarts", "word"), [(False, "Stops"), (True, "Restarts")])
def test_a_server_that_ends_after_its_requests_says_for_how_long_it_has_waited(restarts: bool, word: str) -> None:
    server = replace(SERVERS["busy"], paused=True, drains_since=NOW - 12, restarts_then=restarts)
    menu = build_menu(server, STATE)
    assert menu[0].text == f"◐ {word} when 2 requests are finished · 12 s"
    assert line(menu, "Resume").enabled
    assert "Stop server (ends 2 requests)" in texts(line(menu, "Advanced").items)
    assert not any(
        text.startswith(("Stop server after", "Restart after", "Pause")) for text in texts(line(menu, "Advanced").items)
    )


def test_a_newer_version_is_told_on_the_top_level_and_in_about() -> None:
    menu = build_menu(replace(READY, newer_version="2.0"), STATE)
    assert "Version 2.0 is available" in texts(menu)
    assert texts(line(menu, "Advanced", "About").items)[0].endswith(" · 2.0 is available")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("stopped", ["○ Stopped"]),
        ("starting", ["◐ Starting…"]),
        ("stopping", ["◐ Stopping…", "Claude: signed in (Max)"]),
        ("busy", ["● Busy with 2 requests", "Claude: signed in (Max)"]),
        ("demo", ["● Ready on 127.0.0.1:8000 (demo)"]),
        ("port taken", ["✕ Port in use", "⚠ Port 8000 is in use by node (process 7).", "Use port 8001 instead"]),
        ("failed", ["✕ It broke", "⚠ A thing broke.", "Mend it.", "---"]),
    ],
)
def test_the_first_lines_tell_the_state(name: str, first: list[str]) -> None:
    shown = texts(build_menu(SERVERS[name], STATE))
    for text, expected in zip(shown, first, strict=False):
        assert text.startswith(expected)


@pytest.mark.parametrize(
    ("name", "switch", "can_switch", "can_restart", "dashboard", "can_open"),
    [
        ("stopped", "Start server", True, False, "Start server and open dashboard", True),
        ("starting", "Stop server", True, False, "Open dashboard", True),
        ("ready", "Stop server", True, True, "Open dashboard", True),
        ("stopping", "Start server", False, False, "Open dashboard", False),
        ("failed", "Start server", True, True, "Start server and open dashboard", True),
    ],
)
def test_what_can_be_done_follows_the_state(
    name: str, switch: str, can_switch: bool, can_restart: bool, dashboard: str, can_open: bool
) -> None:
    menu = build_menu(SERVERS[name], STATE)
    by_key = {item.identity: item for item in all_items(menu)}
    assert (by_key["start_or_stop"].text, by_key["start_or_stop"].enabled) == (switch, can_switch)
    assert line(menu, "Advanced", "Restart").enabled is can_restart
    assert (by_key["open_dashboard None"].text, by_key["open_dashboard None"].enabled) == (dashboard, can_open)


def test_opening_the_dashboard_is_the_only_default() -> None:
    for server in SERVERS.values():
        defaults = [item.action for item in all_items(build_menu(server, STATE)) if item.default]
        assert defaults == ["open_dashboard"]


def test_the_top_level_keeps_its_shape_in_every_state() -> None:
    states = [STATE, replace(STATE, quitting=True, problem=PORT_TAKEN, free_ports=())]
    shapes = {
        tuple((item.identity, item.is_separator, bool(item.items)) for item in build_menu(server, state))
        for server in SERVERS.values()
        for state in states
    }
    # One difference: which port is offered, and whether the server is started or stopped, are no new lines.
    assert len(shapes) == 1


def test_no_two_lines_of_one_menu_are_taken_for_each_other() -> None:
    for server in SERVERS.values():
        menu = build_menu(server, replace(STATE, default_model="opus", pool_size=5))
        for items in (menu, *(item.items for item in all_items(menu))):
            keys = [item.identity for item in items]
            assert len(keys) == len(set(keys))


def test_every_line_either_does_something_or_says_that_it_does_not() -> None:
    for server in SERVERS.values():
        for item in all_items(build_menu(server, STATE)):
            if not item.is_separator and not item.items:
                assert bool(item.action) or not item.enabled, item.text


def test_every_action_of_the_menu_exists() -> None:
    named = {item.action for server in SERVERS.values() for item in all_items(build_menu(server, STATE))}
    missing = [action for action in named - {"", "quit"} if not callable(getattr(Actions, action, None))]
    assert not missing


def test_no_text_is_longer_than_a_menu_can_take() -> None:
    long = Problem("It broke", "word " * 100, "hint " * 100, NOW)
    menu = build_menu(ServerSnapshot(state="error", problem=long), STATE)
    assert max(len(item.text) for item in all_items(menu)) <= 90


@pytest.mark.parametrize(
    ("account", "text"),
    [
        (AccountSnapshot(), "Claude: not known yet"),
        (AccountSnapshot(signed_in=True), "Claude: signed in"),
        (AccountSnapshot(signed_in=True, uses_api_key=True), "Claude: signed in with an API key"),
        (
            AccountSnapshot(
                signed_in=True,
                plan="max",
                windows=(
                    PlanWindow("five_hour", 0.374, NOW + 1200),
                    PlanWindow("seven_day", 0.9, NOW + 86400),
                ),
            ),
            "Claude: signed in (Max) · 5 h 37 % until 14:20 · 7 d 90 % until Wed 14:00",
        ),
        (
            AccountSnapshot(signed_in=True, windows=(PlanWindow("five_hour", 1.0, NOW + 60, "rejected"),)),
            "Claude: signed in · 5 h limit reached until 14:01",
        ),
        (
            AccountSnapshot(
                signed_in=True,
                windows=(
                    PlanWindow("five_hour", 0.4, NOW - 60, told_at=NOW - 7200),
                    PlanWindow("seven_day", 0.5, NOW + 1200, told_at=NOW - 7200),
                ),
            ),
            "Claude: signed in · 5 h reset at 13:59 · 7 d 50 % at 12:00 until 14:20",
        ),
    ],
)
def test_the_account_line_tells_plan_and_limits(account: AccountSnapshot, text: str) -> None:
    assert text in texts(build_menu(replace(READY, account=account), STATE))


def test_what_ends_requests_says_so_and_can_wait_for_them() -> None:
    menu = build_menu(SERVERS["busy"], STATE)
    assert line(menu, "Advanced", "Stop server (ends 2 requests)").action == "stop_server"
    assert line(menu, "Advanced", "Stop server after 2 requests").action == "stop_when_idle"
    assert line(menu, "Advanced", "Restart after 2 requests").action == "restart_when_idle"
    assert line(menu, "Settings", "Port", "Another port (ends 2 requests)")
    assert not any(
        "after" in item.text or "ends" in item.text for item in all_items(build_menu(READY, STATE)) if item.visible
    )


def test_a_refused_web_page_can_be_let_in() -> None:
    assert "Refused" not in " ".join(texts(build_menu(READY, STATE)))
    pages = (RefusedPage("https://a.example", NOW), RefusedPage("null", NOW))
    menu = build_menu(replace(READY, refused_pages=pages), STATE)
    found = line(menu, "Refused 1 web page", "https://a.example")
    assert (found.action, found.value) == ("let_page_in", "https://a.example")


def test_who_is_signed_out_is_offered_to_sign_in() -> None:
    menu = build_menu(SERVERS["signed out"], STATE)
    assert line(menu, "Sign in…").action == "sign_in"
    assert not any(text.startswith("Claude:") for text in texts(menu))
    waiting = build_menu(SERVERS["signed out"], replace(STATE, signing_in=True))
    assert line(waiting, "Signing in, in your browser…").action == "sign_in"


def test_the_pool_line_names_only_what_there_is() -> None:
    pool = PoolSnapshot(warm=1, fitting=1, busy=2, starting=1, parked=3, suspended=1, queued=4)
    shown = texts(line(build_menu(replace(READY, pool=pool), STATE), "Advanced").items)
    assert shown[0] == "Pool 2 ready · 2 busy · 1 starting · 3 parked · 1 suspended · 4 waiting"


def test_active_requests_are_listed_and_can_be_cancelled() -> None:
    active = line(build_menu(SERVERS["busy"], STATE), "Advanced", "Active requests (2)")
    assert texts(active.items) == [
        "Choose one to cancel it",
        "curl · sonnet · 12 s",
        "Continue · haiku · 1 min 15 s · waiting",
    ]
    assert [(item.action, item.value) for item in active.items[1:]] == [
        ("cancel_request", "a"),
        ("cancel_request", "b"),
    ]
    assert texts(line(build_menu(READY, STATE), "Advanced", "Active requests").items) == ["None at the moment"]


def test_the_newest_problem_is_the_one_that_is_shown() -> None:
    server = replace(READY, log_problem=Problem("Log", "The disk is full.", "Make room.", NOW - 10))
    assert "⚠ The disk is full." in texts(build_menu(server, STATE))
    failed = replace(STATE, problem=Problem("Copy", "Nothing to copy with.", at=NOW))
    shown = texts(build_menu(server, failed))
    assert "⚠ Nothing to copy with." in shown
    assert "Make room." not in shown


def test_a_signed_out_problem_keeps_its_hint() -> None:
    problem = Problem.of(SignedOutError("Claude Code is not signed in."), NOW)
    assert "run `tray-bridge login`" in " ".join(texts(build_menu(replace(READY, problem=problem), STATE)))


def test_connecting_a_client_leads_to_the_page_s_settings_for_each() -> None:
    connect = line(build_menu(READY, STATE), "Connect a client…")
    assert (connect.action, connect.value) == ("open_dashboard", "connect")


def test_what_ends_requests_says_so_and_pause_lets_them_finish() -> None:
    menu = build_menu(SERVERS["busy"], STATE)
    assert line(menu, "Advanced", "Stop server").text == "Stop server (ends 2 requests)"
    assert line(menu, "Advanced", "Restart").text == "Restart (ends 2 requests)"
    pause = line(menu, "Advanced", "Pause")
    assert (pause.text, pause.action, pause.value) == ("Pause (finishes 2 requests)", "pause", 1)
    paused = build_menu(replace(READY, paused=True), STATE)
    assert paused[0].text == "‖ Paused"
    assert (line(paused, "Resume").action, line(paused, "Resume").value) == ("pause", 0)


def test_with_the_port_taken_only_what_can_work_is_enabled() -> None:
    menu = build_menu(SERVERS["port taken"], STATE)
    for path in (["Start server and open"], ["Advanced", "Copy base URL"], ["Connect a client"]):
        assert not line(menu, *path).enabled, path
    assert line(menu, "Use port 8001 instead").enabled
    assert line(menu, "Advanced", "Start server").enabled  # the other program may have ended


def test_while_signing_in_the_link_and_the_code_can_be_found() -> None:
    menu = build_menu(SERVERS["signed out"], replace(STATE, signing_in=True))
    assert menu[0].text == "▲ Not signed in"
    assert line(menu, "No browser?").value == "start"


def test_settings_show_what_is_chosen() -> None:
    models = (ModelSnapshot("opus", "claude-opus-4", "Opus"), ModelSnapshot("haiku", "claude-haiku-4", "Haiku"))
    state = replace(STATE, configured_port=8080, pool_size=5, default_model="haiku", starts_at_login=True)
    settings = line(build_menu(replace(READY, models=models), state), "Settings")
    assert texts(line(settings.items, "Port: 8080").items) == [
        "8080",
        "8001",
        "8002",
        "---",
        "Another, in the settings file…",
    ]

    def chosen(name: str) -> list[str]:
        return [item.text for item in line(settings.items, name).items if item.checked]

    assert chosen("Port") == ["8080"]
    advanced = line(build_menu(replace(READY, models=models), state), "Advanced")
    assert [item.text for item in line(advanced.items, "Pool size: 5").items if item.checked] == ["5"]
    assert chosen("Default model: haiku") == ["Haiku"]
    assert line(settings.items, "Start at login").checked is True
    assert line(settings.items, "Notifications").checked is True


def test_a_default_model_that_the_account_lacks_is_still_shown() -> None:
    settings = line(build_menu(READY, replace(STATE, default_model="claude-9")), "Settings")
    assert texts(line(settings.items, "Default model").items) == ["claude-9", "sonnet", "opus", "haiku"]


@pytest.mark.parametrize(
    ("name", "quitting", "quit_text", "status"),
    [
        ("ready", False, "Quit", "● Ready"),
        ("busy", False, "Quit (finishes 2 requests)", "● Busy"),
        ("busy", True, "Quit now (ends 2 requests)", "◐ Quits when 2 requests are finished"),
    ],
)
def test_quit_says_what_becomes_of_requests(name: str, quitting: bool, quit_text: str, status: str) -> None:
    menu = build_menu(SERVERS[name], replace(STATE, quitting=quitting))
    assert line(menu, "Quit").text == quit_text
    assert menu[0].text.startswith(status)


def test_keys_are_made_limited_and_revoked_on_the_page() -> None:
    keys = line(build_menu(READY, STATE), "Advanced", "API keys…")
    assert (keys.action, keys.value, keys.enabled) == ("open_dashboard", "keys", True)
    assert not line(build_menu(SERVERS["stopped"], STATE), "Advanced", "API keys…").enabled


def test_a_time_that_is_not_today_names_its_day() -> None:
    assert clock(NOW, NOW) == "14:00"
    assert clock(NOW + 86400, NOW) == "Wed 14:00"


def test_the_tooltip_is_the_status_without_its_sign_and_the_known_shares_of_the_plan() -> None:
    assert status_text(READY)[2:] == "Ready on 127.0.0.1:8000"
    windows = (*READY.account.windows, PlanWindow("seven_day", None, None), PlanWindow("seven_day_opus", 0.5, None))
    server = replace(READY, account=replace(READY.account, windows=windows))
    assert tooltip(server, now=NOW) == "Tray Bridge: Ready on 127.0.0.1:8000 · 5 h 37 % · 7 d Opus 50 %"
