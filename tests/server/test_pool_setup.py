"""What the pool gets of the settings."""

from __future__ import annotations

from tray_bridge.server.pool_setup import PoolSetup
from tray_bridge.settings.schema import load_settings


def test_each_wait_of_the_settings_reaches_the_pool_in_seconds() -> None:
    waits = {"parked_minutes": 2, "suspended_minutes": 3, "idle_minutes": 4, "claude_timeout": 5, "queue_timeout": 6}
    config = PoolSetup(lambda: None).config(load_settings({**waits, "reuse_workers": False}))
    assert (config.parked_seconds, config.suspended_seconds, config.idle_seconds) == (120, 180, 240)
    assert (config.turn_timeout, config.queue_timeout) == (5, 6)
