"""What a choice in the menu changes is what a restart would find."""

from __future__ import annotations

from pathlib import Path

from tray_bridge.desktop.actions import Actions
from tray_bridge.server.thread import ServerThread
from tray_bridge.settings.schema import load_settings, save_setting


def test_settings_after_a_click_are_those_after_a_restart(own_home: Path) -> None:
    save_setting("max_sessions", 4)
    settings = load_settings()
    actions = Actions(ServerThread(settings), {})
    for size in (8, 1):
        actions.do("set_pool_size", size)
        assert actions.problem is None
        assert actions.settings == load_settings()
        assert actions.settings.session_limit == load_settings().session_limit == max(4, size)
