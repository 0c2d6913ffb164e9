"""The address of the bridge, as the programs of this machine reach it. A leaf."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit


def bridge_url(host: str = "127.0.0.1", port: int = 8000) -> str:
    """Return BRIDGE_URL, else the address of a bridge bound to `host` and `port`; without `/v1` at its end."""
    if url := os.environ.get("BRIDGE_URL"):
        return root_of(url)
    return address_of(host, port)


def address_of(host: str, port: int) -> str:
    """Return where this machine reaches what is bound to `host` and `port`."""
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def root_of(url: str) -> str:
    """Return `url` without the API's path."""
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, reaches only this machine; `::ffff:127.0.0.1` does."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower() == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def is_loopback_url(url: str) -> bool:
    """Return whether `url` names this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def port_of(url: str) -> int:
    """Return the port of `url`; raises ValueError if it has none that is valid."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
