"""Proxies of the environment, kept away from addresses of this machine. A leaf."""

from __future__ import annotations

import os

LOCAL = "127.0.0.1,localhost,::1"


def without_proxy() -> dict[str, str]:
    """Return the variables that let a child process reach this machine directly, whatever proxy is set."""
    given = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    both = ",".join(filter(None, (given, LOCAL)))
    return {"NO_PROXY": both, "no_proxy": both}
