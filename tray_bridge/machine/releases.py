"""Whether a newer release exists: asked at most once a day, and only this version is sent.

The address is the URL named `Newest release` in the package's own metadata (`[project.urls]`); a build that names none
asks for nothing. Owns the answer's cache. Whether to ask at all is the setting `check_for_updates`. A leaf.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from .paths import cache_folder
from .private_files import replace_file

ADDRESS = "Newest release"  # it answers {"info": {"version": "1.2.3"}}
DAY = 86_400.0
SECONDS = 10.0
_RELEASE = re.compile(r"\d+(\.\d+){1,3}")


def newer_release(running: str, url: str | None = None, now: float | None = None) -> str | None:
    """Return the newest release if it is newer than the `running` one; None also if that is unknown. Blocks."""
    now = time.time() if now is None else now
    url = url or release_address()
    if url is None:
        return None
    newest, asked_at = _remembered()
    if not 0 <= now - asked_at < DAY:
        newest = _ask(url, running)
        with suppress(OSError):
            replace_file(_cache(), json.dumps({"asked_at": now, "newest": newest}).encode())
    return newest if newest and _parts(newest) > _parts(running) else None


def release_address(package: str = "tray-bridge") -> str | None:
    """Return the address in an installed package's metadata that tells the newest release, or None."""
    with suppress(PackageNotFoundError):
        for entry in metadata(package).get_all("Project-URL") or ():
            name, _, url = entry.partition(", ")
            if name == ADDRESS:
                return str(url)
    return None


def _ask(url: str, running: str) -> str | None:
    """Ask the address; previews do not count."""
    request = urllib.request.Request(url, headers={"user-agent": f"tray-bridge/{running}"})  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            version = json.loads(response.read(5_000_000))["info"]["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and _RELEASE.fullmatch(version) else None


def _remembered() -> tuple[str | None, float]:
    try:
        found = json.loads(_cache().read_bytes())
        return (str(found["newest"]) if found["newest"] else None), float(found["asked_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, float("-inf")


def _cache() -> Path:
    return cache_folder() / "release.json"


def _parts(version: str) -> tuple[int, ...]:
    match = _RELEASE.match(version)
    return tuple(map(int, match[0].split("."))) if match else ()
