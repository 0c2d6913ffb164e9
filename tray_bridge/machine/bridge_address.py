"""The address of the bridge, for whatever talks to it. A leaf."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit


def bridge_url(host: str = "127.0.0.1", port: int = 8000) -> str:
    """BRIDGE_URL, else where a bridge bound to `host` and `port` answers; without `/v1` at its end."""
    if url := os.environ.get("BRIDGE_URL"):
        return root_of(url)
    return address_of(host, port)


def address_of(host: str, port: int) -> str:
    """Return where this machine reaches what is bound to `host` and `port`."""
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def root_of(url: str) -> str:
    """`url` as the person has it, less the API's path."""
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")


def is_loopback_url(url: str) -> bool:
    """Return whether `url` names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def port_of(url: str) -> int:
    """Return the port of `url`; raises ValueError if it has none that is valid."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
