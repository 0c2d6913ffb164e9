"""Where Tray Bridge keeps things: settings, keys, logs, caches, and the files that come with it. A leaf.

The places are the system's own (platformdirs). `TRAY_BRIDGE_HOME` puts them all under one folder instead, for
a portable copy or a second one beside the first.
"""

from __future__ import annotations

import os
from pathlib import Path

APP_NAME = "tray-bridge"
HOME_VARIABLE = "TRAY_BRIDGE_HOME"


def config_folder() -> Path:
    return _place("config")


def config_file() -> Path:
    return config_folder() / "settings.toml"


def keys_file() -> Path:
    """The API keys of the bridge, hashed."""
    return config_folder() / "keys.json"


def log_folder() -> Path:
    """The session log's default place: a folder per day is in it."""
    return _place("logs")


def cache_folder() -> Path:
    return _place("cache")


def runtime_folder() -> Path:
    """For what lasts only while the program runs."""
    return _place("run")


def lock_file() -> Path:
    """Held by the one Tray Bridge of this user."""
    return runtime_folder() / "tray-bridge.lock"


def work_folder() -> Path:
    """The neutral, empty working directory of every CLI process; made here when it is missing."""
    folder = cache_folder() / "work"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def transcript_folder() -> Path:
    """Of past conversations on their way to a CLI process."""
    return cache_folder() / "transcripts"


def resource(name: str) -> Path:
    """A file that comes with the package, such as `dashboard/index.html`."""
    return Path(__file__).parent.parent / name


def _place(name: str) -> Path:
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().absolute() / name
    from platformdirs import PlatformDirs

    system = PlatformDirs(APP_NAME, appauthor=False)
    return {
        "config": system.user_config_path,
        "logs": system.user_log_path,
        "cache": system.user_cache_path,
        "run": system.user_runtime_path,
    }[name]
