"""The real app's life in the tray: how it starts, what it survives, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.commands import start_command
from tests.desktop.fake_tray_host import FakeTrayHost, until
from tests.desktop.private_bus import PrivateBus
from tests.desktop.tray_app import TrayApp, free_port
from tests.resilience.faults import bound
from tray_bridge.machine.cli_program import find_cli

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not PrivateBus.is_available(), reason="needs Linux and dbus-daemon"
)

STORY = 'standin: {"words": 100, "rate": 10}'  # lasts ten seconds


@pytest.fixture
def app(tmp_path: Path, bus: PrivateBus) -> Iterator[TrayApp]:
    app = TrayApp(tmp_path, bus)
    yield app
    app.kill()


@pytest_asyncio.fixture
async def host(bus: PrivateBus) -> AsyncIterator[FakeTrayHost]:
    async with FakeTrayHost(bus.address) as host:
        yield host


async def launch(app: TrayApp, host: FakeTrayHost, *flags: str) -> None:
    """Starts the app and waits until it runs and shows so."""
    app.start(*flags)
    await host.has_item()
    await host.shows("● Ready on")


@pytest.mark.parametrize(
    "number",
    # SIGTERM ends the app in many tests below, and SIGINT `serve` in `command_line/test_commands.py`
    [*(pytest.param(number, marks=pytest.mark.full) for number in (signal.SIGTERM, signal.SIGINT)), signal.SIGHUP],
)
async def test_a_signal_ends_it_cleanly(app: TrayApp, host: FakeTrayHost, number: signal.Signals) -> None:
    await launch(app, host)
    app.send(number)
    assert await app.ends() == 0
    assert "Traceback" not in app.errors


@pytest.mark.full  # in the default run a second click on Quit ends the request, and a signal a server with requests
async def test_a_signal_during_a_request_leaves_no_child(app: TrayApp, host: FakeTrayHost) -> None:
    await launch(app, host)
    body = {"model": "sonnet", "stream": True, "messages": [{"role": "user", "content": STORY}]}
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=30) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        assert app.children()
        app.send(signal.SIGTERM)
        rest = [line async for line in lines if line]
    assert any("error" in line for line in rest)
    assert await app.ends() == 0


async def test_a_signal_while_it_starts_ends_it_too(app: TrayApp, host: FakeTrayHost) -> None:
    app.start()
    await host.has_item()
    app.send(signal.SIGTERM)
    assert await app.ends() == 0


async def test_quit_asked_twice_does_not_wait(app: TrayApp, host: FakeTrayHost) -> None:
    await launch(app, host)
    body = {"model": "sonnet", "stream": True, "messages": [{"role": "user", "content": STORY}]}
    async with (
        httpx.AsyncClient(base_url=app.url, timeout=30) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        lines = answer.aiter_lines()
        await anext(lines)
        await host.shows("Quit (finishes 1 request)")
        await host.click("Quit (finishes 1 request)")
        await host.shows("◐ Quits when 1 request is finished")
        await host.click("Quit now (ends 1 request)")
        rest = [line async for line in lines if line]
    assert any("error" in line for line in rest)
    assert await app.ends() == 0


async def test_the_first_run_is_told_and_gets_a_settings_file(app: TrayApp, host: FakeTrayHost) -> None:
    app.settings_file.unlink()
    await launch(app, host, "--port", str(app.port), "--pool-size", "0")

    async def told() -> bool:
        return bool(host.told) and app.settings_file.exists()

    await until(told, 20, "a notification")
    assert [each.title for each in host.told] == ["Tray Bridge is running"]
    assert f"http://127.0.0.1:{app.port}/v1" in host.told[0].text
    app.settings_file.write_text(app.settings_file.read_text() + "notifications = true\n")
    await asyncio.sleep(2.5)
    assert app.get("/health"), "an edited settings file must not override the flags"
    app.send(signal.SIGTERM)
    assert await app.ends() == 0
    host.told.clear()
    host.items.clear()
    await launch(app, host, "--port", str(app.port), "--pool-size", "0")
    await asyncio.sleep(1.5)
    assert host.told == []


async def test_it_can_wait_to_be_started(app: TrayApp, host: FakeTrayHost) -> None:
    app.write_settings(port=app.port, pool_size=0, start_server_on_launch=False)
    app.start()
    await host.has_item()
    await host.shows("○ Stopped")
    await asyncio.sleep(1)
    await app.is_silent()
    await host.click("Advanced", "Start server")
    await host.shows("● Ready on")


async def test_a_second_launch_shows_the_first_unless_that_has_crashed(app: TrayApp, host: FakeTrayHost) -> None:
    await launch(app, host)
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tray_bridge", "--demo", env=app.environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(second.communicate(), 20)
    assert second.returncode == 0
    assert "running already" in said.decode()
    assert await app.opened() == f"{app.url}/dashboard"
    assert len(host.items) == 1
    app.send(signal.SIGKILL)
    await app.ends()
    host.items.clear()
    await launch(app, host)


async def test_d4_a_bus_that_restarts_gets_the_icon_back_and_stops_no_request(
    app: TrayApp, host: FakeTrayHost, bus: PrivateBus
) -> None:
    await launch(app, host)
    body = {"model": "sonnet", "messages": [{"role": "user", "content": 'standin: {"text": "well"}'}]}
    answers: list[str] = []

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
            while True:
                found = (await client.post("/v1/chat/completions", json=body)).json()
                answers.append(found["choices"][0]["message"]["content"])

    asking = asyncio.create_task(ask())
    bus.stop()
    await host.stop()
    await app.answers()
    bus.start()
    await host.start()
    await host.has_item(bound(5))
    await host.shows("● ")
    before = len(answers)
    await until(lambda: _async(len(answers) > before), 30, "another answer")
    assert not asking.done() and set(answers) == {"well"}
    asking.cancel()
    await host.click("Quit")
    assert await app.ends() == 0


async def test_a_tray_host_that_restarts_gets_the_icon_back_and_a_session_that_ends_ends_the_app(
    app: TrayApp, host: FakeTrayHost, bus: PrivateBus
) -> None:
    await launch(app, host)
    await host.stop()
    await asyncio.sleep(0.5)
    await host.start()
    await host.has_item()
    await host.shows("● Ready on")
    bus.stop()
    assert await app.ends(40) == 0
    assert "Traceback" not in app.errors


async def test_without_a_tray_host_it_serves_says_why_and_waits_for_one(app: TrayApp, bus: PrivateBus) -> None:
    app.start()
    await app.answers()
    assert await app.opened() == f"{app.url}/dashboard"
    lines = app.errors.splitlines()
    assert lines[0].startswith("No tray icon: ")
    assert lines[1:] == [
        f"Tray Bridge serves at {app.url}/v1",
        f"Page: {app.url}/dashboard",
        "Ctrl+C or `tray-bridge stop` ends it.",
    ]
    assert "AppIndicator" in app.errors
    async with FakeTrayHost(bus.address) as host:
        await host.has_item()
        await host.shows("● Ready on")
        await host.click("Quit")
        assert await app.ends() == 0


async def test_without_any_bus_it_serves_until_a_signal(tmp_path: Path) -> None:
    app = TrayApp(tmp_path, None)
    try:
        app.start()
        await app.answers()
        assert "No tray icon: no session bus" in app.errors
        app.send(signal.SIGTERM)
        assert await app.ends() == 0
    finally:
        app.kill()


async def test_a_taken_port_is_told_and_another_is_offered(app: TrayApp, host: FakeTrayHost) -> None:
    holder = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", app.port)
    async with holder:
        app.start()
        await host.has_item()
        await host.shows("✕ Port in use")
        problem = await host.shows(f"⚠ Port {app.port} is in use by ")
        assert "python" in problem.text
        await until(lambda: _async(bool(host.told)), 5, "a notification")
        assert host.told[0].title == "Port in use"
        offer = (await host.menu())["Use port "]
        app.port = int(offer.text.split()[2])
        await host.click(offer.text)
        await host.shows(f"● Ready on 127.0.0.1:{app.port}")
        await app.answers()
        await app.has_setting(f"port = {app.port}")
        assert "⚠" not in await host.menu()
        assert len(host.told) == 1
        assert holder.is_serving()


async def test_who_is_signed_out_is_told_and_can_sign_in(app: TrayApp, host: FakeTrayHost, tmp_path: Path) -> None:
    real, stand_in = find_cli(), tmp_path / "claude"
    assert real is not None
    waits = f"until [ -e {tmp_path}/in ]; do sleep 0.1; done"
    sign_in = f'[ "$1" = auth ] && {{ echo "$@" > {tmp_path}/asked; {waits}; exit 0; }}'
    stand_in.write_text(f'#!/bin/sh\n{sign_in}\nexec {real.path} "$@"\n')
    stand_in.chmod(0o755)
    app.write_settings(port=app.port, pool_size=1, cli_path=str(stand_in))
    nobody = {"CLAUDE_CONFIG_DIR": str(tmp_path / "nobody"), "ANTHROPIC_API_KEY": "", "ANTHROPIC_BASE_URL": ""}
    app.start(demo=False, environment=nobody)
    await host.has_item()
    await host.shows("Sign in…", timeout=60)
    assert not any(line.text.startswith("Claude:") for line in await host.menu())

    async def told() -> bool:
        return any(each.title == "Sign-in needed" for each in host.told)

    await until(told, 20, "a notification")
    await host.click("Sign in…")
    await host.shows("Signing in, in your browser…")
    await host.click("No browser? Link and code are on the dashboard")
    assert await app.opened() == f"{app.url}/dashboard#/start"
    assert (tmp_path / "asked").read_text() == "auth login\n"
    (tmp_path / "in").touch()
    # Where the page asks a test question.
    assert await app.opened() == f"{app.url}/dashboard#/start/test"
    app.send(signal.SIGTERM)
    assert await app.ends() == 0


async def test_a_tray_bridge_on_the_port_is_shown_instead(app: TrayApp, host: FakeTrayHost, tmp_path: Path) -> None:
    port = free_port()
    elsewhere = {**app.environment, "TRAY_BRIDGE_HOME": str(tmp_path / "other"), "POOL_SIZE": "0"}
    words = ("serve", "--demo", "--port", str(port))
    with Path(os.devnull).open("w") as nothing:
        serving = start_command(words, elsewhere, output=nothing, errors=nothing)
    try:
        app.port = port
        await app.answers()
        app.start("--port", str(port))
        assert await app.ends() == 0
        assert await app.opened() == f"http://127.0.0.1:{port}/dashboard"
        assert serving.poll() is None
    finally:
        serving.send_signal(signal.SIGTERM)
        await asyncio.to_thread(serving.wait, 20)


async def _async(value: bool) -> bool:
    return value
