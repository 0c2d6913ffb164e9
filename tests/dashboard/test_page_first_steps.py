"""First steps on the page: from signed out to a green lamp, with no terminal; and the one word of health."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.dashboard.chromium import Open
from tests.dashboard.log_filler import question, write_exchange
from tests.dashboard.scene import Scene
from tests.running_bridge import RunningBridge, directive
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.errors import ModelNotFoundError
from tray_bridge.machine.api_keys import ApiKeys
from tray_bridge.machine.port import next_free_port
from tray_bridge.settings.schema import load_settings
from tray_bridge.snapshots import AccountSnapshot, PlanWindow, Problem

posix_only = pytest.mark.skipif(os.name != "posix", reason="the stand-in for the CLI's sign-in is a shell script")
SIGNED_OUT = AccountSnapshot(signed_in=False)


WRONG: dict[str, dict[str, Any]] = {
    "Not signed in": {"account": SIGNED_OUT},
    "Paused": {"paused": True},
    "Plan limit reached": {"account": AccountSnapshot(True, windows=(PlanWindow("five_hour", 1.0, None, "rejected"),))},
    "The disk is full": {"log_problem": Problem("The disk is full", "No room.")},
}


@pytest.fixture
def calm(scene: Scene, origin: str) -> Scene:
    """The scene, while no request is under way."""
    scene.show(requests=())
    return scene


def test_nothing_is_green_while_something_is_wrong(calm: Scene, origin: str, open_view: Open) -> None:
    page, server = open_view(f"{origin}/dashboard"), calm.snapshot()
    state = page.locator("#state")
    for text, wrong in WRONG.items():
        calm.show(**{name: getattr(server, name) for name in ("account", "paused", "log_problem")})
        expect(state).to_have_attribute("data-state", "ready")
        calm.show(**wrong)
        expect(state).to_have_text(text)
        expect(page.locator("h1")).to_have_text(text)
        assert state.get_attribute("data-state") == "warn"


def test_the_page_says_what_to_do_and_a_pause_ends_with_a_click(calm: Scene, origin: str, open_view: Open) -> None:
    calm.show(paused=True)
    page = open_view(f"{origin}/dashboard")
    expect(page.locator(".hero")).to_contain_text("Resume it in the tray, on the page or with tray-bridge resume.")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("h1")).to_have_text("Ready for requests")
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    expect(page.locator(".hero")).not_to_contain_text("Resume it")
    calm.show(newer_version="9.9")
    expect(page.locator(".hero")).to_contain_text("version 9.9 is available")


def test_signed_out_the_page_offers_to_sign_in(calm: Scene, origin: str, open_view: Open) -> None:
    calm.show(account=SIGNED_OUT)
    page = open_view(f"{origin}/dashboard")
    page.get_by_role("link", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("First steps")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_signed_out_server_is_not_ready_even_where_it_keeps_no_process(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    bridge = make_bridge(pool_size=0)
    bridge.wait_for(lambda server: server.account.signed_in is False)
    assert httpx.get(f"{bridge.url}/health").json()["status"] == "signed_out"
    assert bridge.snapshot().pool.sessions == ()


@posix_only
def test_from_signed_out_to_a_green_lamp_in_five_clicks(
    make_bridge: Callable[..., RunningBridge], open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign-in is a stand-in that prints a link and takes a code; everything after it is the real thing."""
    from tray_bridge.machine.cli_program import find_cli

    real = find_cli()
    assert real
    program = tmp_path / "claude"
    shown = 'echo "If the browser did not open, visit: https://claude.ai/oauth/authorize?x=1"'
    sign_in = f'[ "$1" = auth ] && {{ {shown}; read code; [ "$code" = the-code ] && touch {tmp_path}/in; exit $?; }}'
    key = f"[ -e {tmp_path}/in ] || unset ANTHROPIC_API_KEY"
    program.write_text(f'#!/bin/sh\n{sign_in}\n{key}\nexec {real.path} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".continue").mkdir(parents=True)
    # A port of its own: with port 0 the restart after the sign-in would take another.
    bridge = make_bridge(max_sessions=1, cli_path=program, port=next_free_port("127.0.0.1", 18_900))
    bridge.wait_for(lambda server: server.account.signed_in is False)

    clicks = 0
    page = open_page(f"{bridge.url}/dashboard#/start")
    first, second, third = page.locator(".step").all()
    expect(page.locator("#state")).to_have_text("Not signed in")
    first.get_by_role("button", name="Sign in").click()
    clicks += 1
    expect(first.get_by_role("link", name="https://claude.ai/oauth/authorize?x=1")).to_be_visible()
    first.get_by_label("Code").fill("the-code")
    first.get_by_role("button", name="Send the code").click()
    clicks += 1
    expect(first).to_contain_text("Done", timeout=30_000)
    expect(page.locator("#state")).to_have_text("Ready", timeout=30_000)

    # The sign-in ends in a test question.
    expect(second).to_contain_text("Done", timeout=30_000)

    third.get_by_role("button", name="Set up Continue").click()
    clicks += 1
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_contain_text(f"apiBase: {bridge.base_url}")
    dialog.get_by_role("button", name="Write it").click()
    clicks += 1
    expect(dialog).to_contain_text("A question, asked as Continue would, was answered.", timeout=30_000)
    dialog.get_by_role("button", name="Close").click()
    clicks += 1
    assert clicks == 5
    written = (tmp_path / "home" / ".continue" / "config.yaml").read_text()
    assert bridge.base_url in written

    body = {"model": "haiku", "messages": [{"role": "user", "content": directive(text="Hello")}]}
    print(f"{clicks} clicks from signed out to a client that is set up, no terminal; its first request lights the lamp")
    row = third.locator("li", has_text="Continue")
    expect(row).to_contain_text("not yet heard")
    httpx.post(f"{bridge.base_url}/chat/completions", json=body, headers={"user-agent": "Continue/1.0"}, timeout=60)
    expect(row).to_contain_text("answered")
    assert "on" in (row.locator(".light").get_attribute("class") or "").split()
    httpx.post(
        f"{bridge.base_url}/chat/completions", json={**body, "model": "nosuch"}, headers={"user-agent": "Continue/1.0"}
    )
    expect(row).to_contain_text("its last request failed: Unknown model")
    assert "amber" in (row.locator(".light").get_attribute("class") or "").split()

    page.get_by_role("button", name="Set up Continue").click()
    page.get_by_role("button", name="Restore the old file").click()
    expect(page.get_by_role("dialog")).to_contain_text("as it was before")
    assert not (tmp_path / "home" / ".continue" / "config.yaml").exists()


@posix_only
def test_an_account_in_claude_code_s_settings_is_offered_and_used_only_when_asked(
    make_bridge: Callable[..., RunningBridge], open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = os.environ["ANTHROPIC_BASE_URL"]
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path / "own"))
    bridge = make_bridge(max_sessions=1, port=next_free_port("127.0.0.1", 18_950))
    bridge.wait_for(lambda server: server.account.signed_in is False)
    page = open_page(f"{bridge.url}/dashboard#/start")
    first = page.locator(".step").first
    first.get_by_label("Account", exact=True).select_option("other")
    expect(first.get_by_role("region", name="Settings for other accounts")).to_contain_text("CLAUDE_CODE_USE_BEDROCK")
    expect(first.get_by_role("button", name="Sign in")).to_be_hidden()
    use = first.get_by_role("button", name="Use the account of settings.json")
    expect(use).to_be_hidden()
    given = {"ANTHROPIC_BASE_URL": upstream, "ANTHROPIC_API_KEY": "sk-ant-secret", "PATH": "/nowhere"}
    (tmp_path / "claude").mkdir(exist_ok=True)
    (tmp_path / "claude" / "settings.json").write_text(json.dumps({"env": given, "model": "opus"}))
    expect(first).to_contain_text("sets ANTHROPIC_API_KEY: an API key.")
    assert bridge.snapshot().account.signed_in is False, "nothing is taken unasked"
    use.click()
    expect(first).to_contain_text("Claude Code is signed in with an API key.", timeout=30_000)
    expect(page.locator(".step").nth(1)).to_contain_text("Done", timeout=30_000)
    assert load_settings().claude_settings
    assert "sk-ant-secret" not in page.content()
    assert not any("sk-ant-secret" in path.read_text("utf-8", "replace") for path in (tmp_path / "own").rglob("*.toml"))


def test_connect_s_lamps_are_green_only_for_an_answer(
    calm: Scene, origin: str, log: Path, last_hour: LastHour, open_view: Open
) -> None:
    write_exchange(log, "req_1", client="curl", request=question("Hi"))
    last_hour.answered("Zed", first_token=0.1, output_tokens=3)
    last_hour.failed("req_2", "Zed", ModelNotFoundError("There is no model x."))
    page = open_view(f"{origin}/dashboard#/connect")
    curl = page.locator(".clients a[data-id=curl]")
    expect(curl).to_contain_text("answered")
    zed = page.locator(".clients a[data-id=zed]")
    expect(zed).to_contain_text("its last request failed: Unknown model")
    expect(zed.locator(".light.amber")).to_be_visible()
    expect(page.locator(".clients a", has_text="Any other client")).to_be_visible()


def test_a_key_that_a_client_asks_for_by_itself_is_shown_once(
    bridge: RunningBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    keys = ApiKeys()
    with httpx.Client(headers={"x-tray-bridge": "1"}, base_url=f"{bridge.url}/dashboard/api", timeout=60) as page:
        assert "give the key not-needed under" in page.get("/setup/zed").json()["next"]
        try:
            assert page.post("/sign-in", json={"key": keys.make("someone")}).status_code == 200
            assert "give the key (a new key) under" in page.get("/setup/zed").json()["next"]
            done = page.post("/setup/zed").json()
            shown = re.search(r"give the key (tb-[\w-]+) under", done["next"])
            assert shown
            assert keys.verify(shown[1]) == "Zed setup"
            assert page.delete("/setup/zed").status_code == 200
            assert keys.verify(shown[1]) is None
        finally:
            for made in keys.list():
                keys.revoke(made.name)


def test_what_the_page_changes_needs_its_own_header_and_its_key_where_there_are_keys(bridge: RunningBridge) -> None:
    api = f"{bridge.url}/dashboard/api"
    assert httpx.post(f"{api}/account/sign-in", json={}).status_code == 403
    assert httpx.post(f"{api}/setup/aider").status_code == 403
    ApiKeys().make("someone")
    try:
        for path in ("account", "setup", "setup/aider", "lamps"):
            assert httpx.get(f"{api}/{path}").status_code == 401
    finally:
        ApiKeys().revoke("someone")
    key = httpx.get(f"{api}/account").json()["key"]
    assert (
        httpx.post(
            f"{bridge.url}/owner/end", json={"drain": False}, headers={"authorization": f"Bearer {key}"}
        ).status_code
        == 401
    )
