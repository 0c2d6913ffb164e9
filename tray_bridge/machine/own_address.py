"""Keep workers from asking the bridge itself: people point ANTHROPIC_BASE_URL at it for their own Claude Code. A leaf.

A worker with that address would ask the bridge, which would ask a worker, until the queue is full.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from .bridge_address import leads_here

logger = logging.getLogger(__name__)

BASE_URL = "ANTHROPIC_BASE_URL"
_KEYS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY")  # keys that are set beside the address are for the bridge too


def without_loop(environ: Mapping[str, str], ports: Collection[int]) -> dict[str, str]:
    """Give the variables to blank for a worker: those of an address that is this bridge's own, if any."""
    given = {name.upper(): value for name, value in environ.items()}
    url = given.get(BASE_URL, "")
    if not is_own(url, ports):
        return {}
    logger.warning(
        "%s is %s, which is Tray Bridge itself. The workers ignore it and use your sign-in.",
        BASE_URL,
        url,
    )
    return {BASE_URL: "", **{name: "" for name in _KEYS if given.get(name)}}


def is_own(url: str, ports: Collection[int]) -> bool:
    """Return whether the address leads to this machine and one of these ports."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    host = host.rstrip(".")
    return port in ports and (leads_here(host) or host.endswith(".internal"))  # as a container names this machine
