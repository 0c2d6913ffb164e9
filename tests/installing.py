"""The environment for installers (pip, uv, npm): the person's own caches and certificates.

Read while tests are collected: while they run they have another home, and no certificates.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HOME = Path.home()
_CERTIFICATES = {name: os.environ.get(name) for name in ("SSL_CERT_DIR", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")}


def installing() -> dict[str, str]:
    """Return the test's environment with what downloads need."""
    kept = {name: value for name, value in os.environ.items() if name not in _CERTIFICATES}
    found = {name: value for name, value in _CERTIFICATES.items() if value}
    caches = {} if sys.platform == "win32" else {"XDG_CACHE_HOME": str(HOME / ".cache")}
    return {**kept, **found, **caches}
