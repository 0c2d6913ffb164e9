"""The real app under a fake tray host: every line of the menu is clicked, and its effect is seen from outside.

One app serves all tests of this module; each leaves it ready again.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.commands import run_command
from tests.desktop.fake_tray_host import FakeTrayHost, Told, until
from tests.desktop.private_bus import PrivateBus
from tests.desktop.tray_app import TrayApp, free_port
from tests.running_bridge import claude_processes
from tray_bridge import __version__

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(sys.platform != "linux" or not PrivateBus.is_available(), reason="needs Linux and dbus-daemon"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tray(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[TrayApp, FakeTrayHost]]:
    folder = tmp_path_factory.mktemp("tray")
    bus = PrivateBus(folder)
    bus.start()
    app = TrayApp(folder, bus)
    try:
        async with FakeTrayHost(bus.address) as host:
            app.start()
            await host.has_item()
            await host.shows("● Ready on")
            yield app, host
    finally:
        app.kill()
        bus.stop()


@pytest.fixture
def app(tray: tuple[TrayApp, FakeTrayHost]) -> TrayApp:
    tray[0].commands.forget()
    return tray[0]


@pytest.fixture
def host(tray: tuple[TrayApp, FakeTrayHost]) -> FakeTrayHost:
    tray[1].signals.clear()
    return tray[1]


def question(text: str = 'standin: {"words": 600, "rate": 10}') -> dict[str, object]:
    """A request, which by itself lasts a minute."""
    return {"model": "sonnet", "stream": True, "messages": [{"role": "user", "content": text}]}


async def test_the_first_lines_tell_how_the_server_is(app: TrayApp, host: FakeTrayHost) -> None:
    menu = await host.menu()
    assert menu.texts[:2] == [f"● Ready on 127.0.0.1:{app.port} (demo)", "Claude: demo, a stand-in answers"]
    advanced = menu.at("Advanced")
    assert "Pool 0 ready · 0 busy" in advanced
    assert "Requests 0 active · 0 served · 0 failed" in advanced


@pytest.mark.parametrize(
    ("line", "view"),
    [
        ("● Ready on", "now"),
        ("Claude: ", "doctor"),
        ("Connect a client…", "connect"),
        ("Advanced/Pool ", "now"),
        ("Advanced/Requests ", "log"),
        ("Advanced/API keys…", "keys"),
        ("Advanced/Check all that is needed…", "doctor"),
    ],
)
async def test_each_of_them_leads_to_the_dashboard_s_view_of_it(
    app: TrayApp, host: FakeTrayHost, line: str, view: str
) -> None:
    await host.click(*line.split("/"))
    assert await app.opened() == f"{app.url}/dashboard#/{view}"


async def test_the_icon_has_a_tooltip_and_an_image_of_each_size(app: TrayApp, host: FakeTrayHost) -> None:
    item = await host.item()
    assert (item["Id"], item["Status"], item["Title"]) == (
        "tray-bridge",
        "Active",
        f"Tray Bridge: Ready on 127.0.0.1:{app.port} (demo)",
    )
    for width, height, pixels in item["IconPixmap"]:
        assert len(pixels) == width * height * 4
    assert {22, 24, 48, 128} <= {width for width, _, _ in item["IconPixmap"]}


async def test_open_dashboard(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Open dashboard")
    assert await app.opened() == f"{app.url}/dashboard"


async def test_a_click_on_the_icon_does_the_default(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click_icon()
    assert await app.opened() == f"{app.url}/dashboard"


async def test_copy_base_url(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Copy base URL")
    assert await app.copied() == f"{app.url}/v1"


async def test_pause_and_resume(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Pause")
    await host.shows("‖ Paused")
    async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
        refused = await client.post("/v1/chat/completions", json=question())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    await host.click("Resume")
    await host.shows("● Ready on")


async def test_stop_waits_for_what_is_under_way_says_for_how_long_and_can_be_called_off(
    app: TrayApp, host: FakeTrayHost
) -> None:
    curl = {"user-agent": "curl/8.0"}
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=30) as client,
        client.stream("POST", "/v1/chat/completions", json=question(), headers=curl) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        await host.shows("● Busy with 1 request")
        await host.click("Advanced", "Stop server after 1 request")
        line = await host.shows("◐ Stops when 1 request is finished · ")
        assert line.text.endswith(" s")
        refused = await client.post("/v1/chat/completions", json=question())
        assert refused.status_code == 503
        assert "stops when its last requests are finished" in refused.text
        assert (await asyncio.to_thread(app.get, "/health") or {})["status"] == "stopping"
        await host.click("Resume")
        await host.shows("● Busy with 1 request")
        before = (await asyncio.to_thread(app.get, "/status") or {})["started_at"]
        await host.click("Advanced", "Restart after 1 request")
        await host.shows("◐ Restarts when 1 request is finished · ")
        await host.click("Advanced", "Active requests (1)", "curl · ")
        await host.shows("● Ready on")
        assert (await asyncio.to_thread(app.get, "/status") or {})["started_at"] > before


async def test_a_refused_web_page_is_named_and_let_in(app: TrayApp, host: FakeTrayHost) -> None:
    before, page = app.settings_file.read_text(), {"origin": "https://notes.example"}
    async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
        assert (await client.get("/v1/models", headers=page)).status_code == 403
        await host.shows("Refused 1 web page", "Choose one that you trust to let it in")
        await host.click("Refused 1 web page", "https://notes.example")
        await host.lacks("Refused 1 web page")
        assert (await client.get("/v1/models", headers=page)).status_code == 200
    assert "https://notes.example" in app.settings_file.read_text()
    app.settings_file.write_text(before)


async def test_stop_and_start_server(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Stop server")
    await host.shows("○ Stopped")
    await app.is_silent()
    assert not (await host.menu()).at("Advanced")["Restart"].enabled
    clicked = time.monotonic()
    await host.click("Advanced", "Start server")
    await host.shows("● Ready on")
    await app.answers()
    assert time.monotonic() - clicked < 10  # the budget of 2 s is measured apart, on a quiet machine


async def test_the_dashboard_of_a_stopped_server_starts_it(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Stop server")
    await host.shows("○ Stopped")
    await host.click("Start server and open dashboard")
    assert await app.opened() == f"{app.url}/dashboard"
    await host.shows("● Ready on")


async def test_restart(app: TrayApp, host: FakeTrayHost) -> None:
    before = app.get("/status")
    assert before is not None
    await host.click("Advanced", "Restart")

    async def restarted() -> bool:
        now = await asyncio.to_thread(app.get, "/status")
        if now is None or now["state"] != "ready":
            return False
        return bool(now["started_at"] > before["started_at"])

    await until(restarted, 20, "another start")
    await host.shows("● Ready on")


async def test_an_active_request_is_shown_and_can_be_cancelled(app: TrayApp, host: FakeTrayHost) -> None:
    await host.shows("Advanced", "Active requests", "None at the moment")
    async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
        headers = {"user-agent": "curl/8.0"}
        async with client.stream("POST", "/v1/chat/completions", json=question(), headers=headers) as answer:
            chunks = answer.aiter_lines()
            while not (await anext(chunks)).startswith("data:"):
                pass
            line = await host.shows("Advanced", "Active requests (1)", "curl · ")
            assert "sonnet" in line.text
            assert "Quit (finishes 1 request)" in await host.menu()
            await host.click("Advanced", "Active requests (1)", "curl · ")
            rest = [line async for line in chunks if line.startswith("data:")]
    assert "error" in rest[-1] or "error" in rest[-2]
    await host.shows("Advanced", "Active requests", "None at the moment")
    await host.shows("Advanced", "Requests 0 active · 0 served · 1 failed")


async def test_requests_change_texts_and_no_layout_but_their_own(app: TrayApp, host: FakeTrayHost) -> None:
    active = (await host.menu()).at("Advanced", "Active requests").id
    served = (app.get("/status") or {})["served"]
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        body = {**question("Hello!"), "stream": False}
        for _ in range(2):
            assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    await host.shows("Advanced", f"Requests 0 active · {served + 2} served")
    changed = {signal.name for signal in host.signals}
    assert "ItemsPropertiesUpdated" in changed
    assert {signal.body[1] for signal in host.signals if signal.name == "LayoutUpdated"} <= {active}


async def test_the_demo_leaves_the_person_s_own_claude_folder_alone(app: TrayApp) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        body = {**question("Hello!"), "stream": False}
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    folders = {Path(process.environ()["CLAUDE_CONFIG_DIR"]) for process in claude_processes(app.pid)}
    assert {folder.name for folder in folders} == {"demo"}


async def test_updates_come_at_most_about_once_a_second(app: TrayApp, host: FakeTrayHost) -> None:
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=60) as client,
        client.stream("POST", "/v1/chat/completions", json=question()) as answer,
    ):
        lines = answer.aiter_lines()  # kept: without it the client hangs up
        await anext(lines)
        await host.shows("Advanced", "Active requests (1)")
        host.signals.clear()
        began = time.monotonic()
        await asyncio.sleep(4)
        updates = [signal for signal in host.signals if signal.name == "ItemsPropertiesUpdated"]
        passed = time.monotonic() - began
    assert 1 <= len(updates) <= passed + 3  # a stalled machine may bring some of the seconds before


async def test_nothing_is_sent_while_nothing_changes(app: TrayApp, host: FakeTrayHost) -> None:
    await host.shows("Advanced", "Active requests", "None at the moment")
    await asyncio.sleep(2.5)
    host.signals.clear()
    await asyncio.sleep(2.5)
    assert host.signals == []


async def test_open_log_folder(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Session logs", "Open folder")
    assert await app.opened() == str(app.log_folder)


async def test_last_exchange(app: TrayApp, host: FakeTrayHost) -> None:
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        body = {**question("What is the last exchange?"), "stream": False}
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    await asyncio.sleep(1)
    await host.click("Advanced", "Session logs", "Last exchange")
    opened = await app.opened()
    assert opened.startswith(f"{app.url}/dashboard#/log/req_")
    exchange = opened.rpartition("/")[2]
    files = list(app.log_folder.glob(f"*/*{exchange}.json"))
    assert "What is the last exchange?" in files[0].read_text()


async def test_record_conversations(app: TrayApp, host: FakeTrayHost) -> None:
    assert (await host.menu()).at("Advanced", "Session logs", "Record conversations").checked is True
    await host.click("Advanced", "Session logs", "Record conversations")
    await app.has_setting('log_mode = "metadata"')
    assert app.settings_file.read_text().startswith("# A person's own remark.\n")

    async def ticked() -> bool | None:
        return (await host.menu()).at("Advanced", "Session logs", "Record conversations").checked

    async def unticked() -> bool:
        return await ticked() is False

    await until(unticked, 20, "no tick")
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        body = {**question("Nobody shall keep this."), "stream": False}
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    await asyncio.sleep(1)
    assert not any("Nobody shall keep this." in path.read_text() for path in app.log_folder.glob("*/*.json"))
    await host.click("Advanced", "Session logs", "Record conversations")
    await app.has_setting('log_mode = "full"')
    await until(ticked, 20, "a tick")


async def test_port(app: TrayApp, host: FakeTrayHost) -> None:
    old = app.port
    ports = (await host.menu()).at("Settings", f"Port: {old}")
    assert ports[str(old)].checked is True
    new = next(int(line.text) for line in ports if line.text.isdigit() and line.checked is False)
    await host.click("Settings", "Port", str(new))
    await host.shows(f"● Ready on 127.0.0.1:{new}")
    await app.is_silent()
    app.port = new
    await app.answers()
    await app.has_setting(f"port = {new}")
    await host.shows("Settings", f"Port: {new}")


async def test_another_port(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Settings", "Port", "Another, in the settings file…")
    assert await app.opened() == str(app.settings_file)


async def test_pool_size(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Advanced", "Pool size: 0", "1")
    await app.has_setting("pool_size = 1")
    await host.shows("Advanced", "Pool 1 ready")
    await host.click("Advanced", "Pool size: 1", "0")
    await host.shows("Advanced", "Pool 0 ready · 0 busy")
    await host.shows("Advanced", "Pool size: 0")


async def test_default_model(app: TrayApp, host: FakeTrayHost) -> None:
    models = (await host.menu()).at("Settings", "Default model: sonnet")
    other = next(line.text for line in models if line.checked is False)
    await host.click("Settings", "Default model", other)
    line = await host.shows("Settings", "Default model: ")

    async def chosen() -> bool:
        return (await host.menu()).at("Settings", "Default model", other).checked is True

    await until(chosen, 20, f"{other} to be chosen")
    text = app.settings_file.read_text()
    assert "default_model = " in text and 'default_model = "sonnet"' not in text
    assert line.kind == ""
    first = next(line.text for line in models if line.checked)
    await host.click("Settings", "Default model", first)
    await app.has_setting('default_model = "sonnet"')


async def test_start_at_login(app: TrayApp, host: FakeTrayHost) -> None:
    entry = app.home / "config" / "autostart" / "tray-bridge.desktop"
    for expected in (True, False):
        await host.click("Settings", "Start at login")

        async def follows(expected: bool = expected) -> bool:
            ticked = (await host.menu()).at("Settings", "Start at login").checked
            return entry.exists() is expected and ticked is expected

        await until(follows, 20, f"start at login: {expected}")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Start server on launch", "start_server_on_launch"),
        ("Notifications", "notifications"),
        ("Ring around the icon for the plan", "plan_ring"),
    ],
)
async def test_switches(app: TrayApp, host: FakeTrayHost, text: str, key: str) -> None:
    for on in (True, False) if key == "plan_ring" else (False, True):  # the ring is off at first
        await switch(app, host, text, key, on)


async def switch(app: TrayApp, host: FakeTrayHost, text: str, key: str, on: bool) -> None:
    """Click a setting, and wait until the file and the menu have it so."""
    await host.click("Settings", text)
    await app.has_setting(f"{key} = {str(on).lower()}")

    async def follows() -> bool:
        return (await host.menu()).at("Settings", text).checked is on

    await until(follows, 20, f"{text}: {on}")


async def test_without_notifications_the_menu_alone_tells_a_problem_and_copies_it_with_its_hint(
    app: TrayApp, host: FakeTrayHost
) -> None:
    await switch(app, host, "Notifications", "notifications", False)
    host.told.clear()
    old = app.settings_file.read_text()
    taken = free_port()
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", taken):
        app.settings_file.write_text(old.replace(f"\nport = {app.port}\n", f"\nport = {taken}\n"))
        await host.shows("✕ Port in use")
        await host.click("⚠ Port ")
        title, message, *hint = (await app.copied()).splitlines()
        assert (title, message.startswith(f"Port {taken} is in use")) == ("Port in use", True)
        assert ["--port" in line for line in hint] == [True]
    await host.click("Advanced", "Start server")  # the other program has ended
    await host.shows(f"● Ready on 127.0.0.1:{taken}")
    app.settings_file.write_text(old)
    await host.shows(f"● Ready on 127.0.0.1:{app.port}")
    await switch(app, host, "Notifications", "notifications", True)
    await host.click("Advanced", "Copy base URL")
    await until(lambda: is_told(host), 20, "a notification")
    assert host.told == [Told("Copied", f"{app.url}/v1")]


async def is_told(host: FakeTrayHost) -> bool:
    return bool(host.told)


async def test_open_settings_file(app: TrayApp, host: FakeTrayHost) -> None:
    await host.click("Settings", "Open settings file")
    assert await app.opened() == str(app.settings_file)


async def test_a_settings_file_edited_by_hand_takes_effect(app: TrayApp, host: FakeTrayHost) -> None:
    old = app.settings_file.read_text()
    app.settings_file.write_text(old.replace("pool_size = 0", "pool_size = 1"))
    await host.shows("Advanced", "Pool size: 1")
    app.settings_file.write_text(old.replace("pool_size = 0", "pool_size = 99"))
    await host.shows("⚠ `pool_size` is 99")
    assert "Pool size: 1" in (await host.menu()).at("Advanced")
    assert app.get("/health")
    app.settings_file.write_text(old)
    await host.shows("Advanced", "Pool size: 0")
    await host.lacks("⚠")


async def test_about(app: TrayApp, host: FakeTrayHost) -> None:
    about = (await host.menu()).at("Advanced", "About")
    assert about.texts[0] == f"Tray Bridge {__version__}"
    await host.click("Advanced", "About", "Copy these lines")
    copied = await app.copied()
    assert f"Tray Bridge {__version__}" in copied
    assert re.search(r"\nbridge\.log:\n\d{4}-.* [A-Z]+ tray_bridge\.", copied), copied


async def test_what_fails_is_told_in_the_menu_until_something_works(app: TrayApp, host: FakeTrayHost) -> None:
    app.commands.make("xdg-open", status=3)
    await host.click("Settings", "Open settings file")
    await host.shows("⚠ The desktop has no program to open")
    await host.click("⚠ ")
    copied = await app.copied()
    assert copied.startswith("Cannot open\nThe desktop has no program to open")
    assert "⚠ The desktop has no program to open" in await host.menu()
    app.commands.make("xdg-open")
    await host.click("Settings", "Open settings file")
    await app.opened()
    await host.lacks("⚠")


async def test_the_menu_opens_the_page_without_a_key_though_there_are_keys(app: TrayApp, host: FakeTrayHost) -> None:
    made = await asyncio.to_thread(run_command, ("key", "make", "first"), app.environment)
    assert made.returncode == 0
    async with httpx.AsyncClient(base_url=app.url) as client:
        assert (await client.get("/v1/models")).status_code == 401
    await host.click("Open dashboard")
    page = await app.opened()
    assert "?pass=" in page
    async with httpx.AsyncClient(follow_redirects=True) as browser:
        assert (await browser.get(page)).status_code == 200
        assert browser.cookies
    app.settings_file.with_name("keys.json").unlink()


async def test_every_line_was_clicked_or_only_tells(app: TrayApp, host: FakeTrayHost) -> None:
    """A new line in the menu needs a test above, then its text here."""
    known = {
        "Open dashboard", "Copy base URL", "Stop server", "Restart", "Open folder", "Last exchange",
        "Record conversations", "Another, in the settings file…", "Start at login", "Start server on launch",
        "Notifications", "Open settings file", "Copy these lines", "Quit", "Connect a client…", "Pause",
        "API keys…", "Check all that is needed…", "Ring around the icon for the plan",
    }  # fmt: skip
    choices = ("Port", "Pool size", "Default model", "Refused ")

    states = ("● Ready on", "Pool ", "Requests ", "Claude: ", "⚠ ")

    def unknown(line: object) -> list[str]:
        assert hasattr(line, "lines") and hasattr(line, "text") and hasattr(line, "enabled")
        if line.text.startswith(choices):
            return [each.text for each in line.lines if each.kind != "radio" and each.text not in {"", *known}]
        if line.lines:
            return [text for each in line.lines for text in unknown(each)]
        is_known = line.text in {"", *known} or line.text.startswith(states)
        return [line.text] if line.enabled and not is_known else []

    assert [text for each in await host.menu() for text in unknown(each)] == []


async def test_quit(app: TrayApp, host: FakeTrayHost) -> None:
    """The last test of this module: it ends the app, once the request in flight has its answer."""
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        # Under way for ten seconds: the menu is brought up to date each second.
        body = {**question('standin: {"words": 100, "rate": 10}'), "stream": False}
        asking = asyncio.create_task(client.post("/v1/chat/completions", json=body))
        await host.shows("Quit (finishes 1 request)")
        assert psutil.Process(app.pid).children(recursive=True)
        await host.click("Quit (finishes 1 request)")
        assert (await asking).status_code == 200
    assert await app.ends() == 0
    await app.is_silent()
