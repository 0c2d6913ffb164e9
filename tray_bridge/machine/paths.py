"""The places of files: settings, keys, logs, caches, and the files of the package. A leaf.

The places are the system's own (platformdirs). `TRAY_BRIDGE_HOME` puts them all under one folder instead, for a
portable copy or a second one beside the first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .private_files import make_private_folder

APP_NAME = "tray-bridge"
HOME_VARIABLE = "TRAY_BRIDGE_HOME"
TRACE_VARIABLE = "TRAY_BRIDGE_TRACE"


def config_folder() -> Path:
    """Return the folder of settings and keys."""
    return _place("config")


def config_file() -> Path:
    """Return the settings file."""
    return config_folder() / "settings.toml"


def keys_file() -> Path:
    """Return the file of the bridge's API keys, hashed."""
    return config_folder() / "keys.json"


def log_folder() -> Path:
    """Return the default folder of the session log, which has a folder for each day."""
    return _place("logs")


def cache_folder() -> Path:
    """Return the folder of caches."""
    return _place("cache")


def runtime_folder() -> Path:
    """Return the folder for files that are valid only while the program runs."""
    return _place("run")


def lock_file() -> Path:
    """Return the lock file of this user's one Tray Bridge."""
    return runtime_folder() / "tray-bridge.lock"


def work_folder() -> Path:
    """Return the neutral, empty working directory of every CLI process; it is made if missing."""
    folder = cache_folder() / "work"
    make_private_folder(folder)
    return folder


def transcript_folder() -> Path:
    """Return the folder of past conversations for CLI processes to resume."""
    return cache_folder() / "transcripts"


def trace_folder() -> Path | None:
    """Return the folder for traces of the CLI's protocol; None unless a person has set the variable."""
    given = os.environ.get(TRACE_VARIABLE)
    return Path(given).expanduser().absolute() if given else None


def capabilities_file() -> Path:
    """Return the file of what was found out about each Claude Code program."""
    return cache_folder() / "capabilities.json"


def resource(name: str) -> Path:
    """Return a file of the package, such as `dashboard/index.html`."""
    return Path(__file__).parent.parent / name


def _place(name: str) -> Path:
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().absolute() / name
    from platformdirs import PlatformDirs

    system = PlatformDirs(APP_NAME, appauthor=False)
    if name == "run":
        return _runtime_place(system.user_cache_path)
    if name == "config":
        return system.user_config_path
    return system.user_log_path if name == "logs" else system.user_cache_path


def _runtime_place(cache: Path) -> Path:
    """Return a folder that only this user can use: without a login session, Linux has only /tmp, which others share."""
    if sys.platform in ("win32", "darwin"):
        from platformdirs import user_runtime_path

        return user_runtime_path(APP_NAME, appauthor=False)
    given = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return Path(given) / APP_NAME if os.access(given, os.W_OK) else cache / "run"
