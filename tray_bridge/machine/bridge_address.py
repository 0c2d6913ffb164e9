"""The address of the bridge, as the programs of this machine reach it. A leaf."""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

USUAL_PORT = 8000  # unless the settings name another
OWN_NAMES = r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"  # of this machine alone, with a port or without, in a URL
_LOCAL_NAME = re.compile(r"([a-z0-9_-]+\.)*localhost|ip6-localhost|ip6-loopback")
_ALL_ADDRESSES = ("0.0.0.0", "::", "")  # what is bound to one of them is reached at each address of this machine


def bridge_url(host: str = "127.0.0.1", port: int = USUAL_PORT) -> str:
    """Return BRIDGE_URL, else the address of a bridge bound to `host` and `port`; without `/v1` at its end."""
    if url := os.environ.get("BRIDGE_URL"):
        return root_of(url)
    return address_of(host, port)


def address_of(host: str, port: int) -> str:
    """Return where this machine reaches what is bound to `host` and `port`."""
    host = reachable(host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def reachable(host: str) -> str:
    """Return the address by which this machine reaches what is bound to `host`."""
    return "127.0.0.1" if host in _ALL_ADDRESSES else host


def root_of(url: str) -> str:
    """Return `url` without the API's path."""
    return url.rstrip("/").removesuffix("/v1").removesuffix("/api")


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, reaches only this machine; `::ffff:127.0.0.1` does."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def leads_here(host: str) -> bool:
    """Return whether a connection to `host` goes to this machine: loopback, a name below `localhost`, or 0.0.0.0.

    RFC 6761, section 6.3: `localhost` and all names below it are loopback.
    """
    if (address := _address(host)) is not None:
        return address.is_loopback or address.is_unspecified
    return _LOCAL_NAME.fullmatch(host.lower()) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Give the address that `host` is, an IPv4 address inside an IPv6 one as itself; None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback_url(url: str) -> bool:
    """Return whether `url` names this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def port_of(url: str) -> int:
    """Return the port of `url`; raises ValueError if it has none that is valid."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
