"""Where the bridge is, for whoever talks to it."""

from __future__ import annotations

import os


def bridge_url(host: str = "127.0.0.1", port: int = 8000) -> str:
    """BRIDGE_URL, else where a bridge bound to `host` and `port` answers; without `/v1` at its end."""
    if url := os.environ.get("BRIDGE_URL"):
        return root_of(url)
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def root_of(url: str) -> str:
    """`url` as the person has it, less the API's path."""
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")
