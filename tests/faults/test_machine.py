"""What was made once is checked when used (faults D1, D4, D9, D15, E1, E2, E8)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.claude.cli_process import cli_environment
from tray_bridge.machine.paths import cache_folder, work_folder


def answered(bridge: RunningBridge, text: str) -> str | None:
    question = directive(text=text)
    answer = bridge.client.chat.completions.create(model="sonnet", messages=[{"role": "user", "content": question}])
    return answer.choices[0].message.content


def test_d4_a_cache_folder_that_was_wiped_is_made_again(bridge: RunningBridge) -> None:
    for number in range(4):  # those that are up, and those that are started for them
        shutil.rmtree(cache_folder(), ignore_errors=True)
        assert answered(bridge, f"still here {number}") == f"still here {number}"


@pytest.mark.parametrize("given", [{}, {"NO_PROXY": "corp.example"}, {"no_proxy": "corp.example"}])
def test_d1_loopback_is_never_asked_through_a_proxy(given: dict[str, str]) -> None:
    environment = cli_environment({"HTTPS_PROXY": "http://127.0.0.1:9", **given})
    (excepted,) = (value.split(",") for name, value in environment.items() if name.upper() == "NO_PROXY")
    assert {"127.0.0.1", "localhost", "::1"} <= set(excepted)
    assert ("corp.example" in excepted) is bool(given)
    assert "NO_PROXY" not in cli_environment({"PATH": "/bin"})


def test_d1_the_stand_in_is_reached_where_a_proxy_is_set(make_bridge: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    bridge: RunningBridge = make_bridge(pool_size=1)  # type: ignore[operator]
    bridge.wait_until_warm(1)
    for variable in ("HTTP_PROXY", "ALL_PROXY"):  # the test's own client goes without
        monkeypatch.delenv(variable)
    assert answered(bridge, "through no proxy") == "through no proxy"


def test_d9_a_machine_without_a_runtime_folder_is_not_a_warning() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    asked = [sys.executable, "-m", "tray_bridge", "status"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "Warning" not in done.stderr and "site-packages" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_d15_the_work_folder_is_private_under_any_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path / "home"))
    before = os.umask(0)
    try:
        folder = work_folder()
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="D-Bus")
def test_e1_e2_each_address_of_the_bus_is_tried_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tray_bridge.desktop.backends.session_bus import open_session_bus, session_bus_addresses

    living = tmp_path / "bus"
    asked = ["dbus-daemon", "--session", "--nofork", f"--address=unix:path={living}", "--print-address=1"]
    if shutil.which("dbus-daemon") is None:
        pytest.skip("no dbus-daemon")
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as daemon:
        try:
            assert daemon.stdout is not None
            daemon.stdout.readline()
            for value in (
                f"unix:path=/nonexistent;unix:path={living}",
                f"tcp:host=nowhere,port=1;unix:path={living}",
                f"unix:abstract=/nowhere,guid=1;unix:path={living};",
                "unix:runtime=yes",
                "unixexec:path=/nonexistent",
                "rubbish;;=,",
                "autolaunch:",
                "unix:path=/tmp/stale,guid=0",
                "",
            ):
                monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", value)
                monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
                open_session_bus().close()
            monkeypatch.setenv("XDG_RUNTIME_DIR", "/nonexistent")
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
            if session_bus_addresses() == ["unix:path=/nonexistent"]:
                with pytest.raises(OSError):
                    open_session_bus()
        finally:
            daemon.terminate()


@pytest.mark.skipif(sys.platform != "linux", reason="desktop entries")
def test_e8_an_entry_that_is_not_utf_8_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tray_bridge.desktop import autostart

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    entry = tmp_path / "autostart" / "tray-bridge.desktop"
    entry.parent.mkdir()
    entry.write_bytes("[Desktop Entry]\nComment[de]=Für dich\n".encode("latin-1"))
    assert autostart.is_enabled()
    entry.write_bytes("[Desktop Entry]\nComment[de]=Für dich\nHidden=true\n".encode("latin-1"))
    assert not autostart.is_enabled()
