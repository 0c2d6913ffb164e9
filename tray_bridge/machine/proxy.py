"""Proxies of the environment, kept away from addresses of this machine. A leaf."""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})


def without_proxy(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that let a child process reach loopback directly, where `inherited` names a proxy.

    A proxy cannot reach what listens on this machine's loopback, such as the demo's stand-in.
    """
    if not any(name.upper() in _PROXIES and value for name, value in inherited.items()):
        return {}
    names = [name for name in inherited if name.upper() == "NO_PROXY"] or ["NO_PROXY"]
    return {name: ",".join(filter(None, [inherited.get(name), *LOOPBACK])) for name in names}
