"""GET from a running bridge, with its errors in words."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from ..errors import BridgeUnreachableError, TrayBridgeError

# Not httpx, which takes longer to import than all that `status` does; no proxy stands before this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch_json(base_url: str, path: str, timeout: float = 5.0) -> dict[str, Any]:
    """The object at `path`; sends OPENROUTER_API_KEY if it is set. Raises TrayBridgeError."""
    key = os.environ.get("OPENROUTER_API_KEY")
    request = urllib.request.Request(  # noqa: S310  # the person's own URL
        base_url + path, headers={"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        with _opener.open(request, timeout=timeout) as response:
            document = json.load(response)
    except urllib.error.HTTPError as error:
        hint = "Set OPENROUTER_API_KEY to one of its keys." if error.code == 401 else ""
        raise TrayBridgeError(
            f"{base_url}{path} answered with {error.code}.", title="The bridge refused", hint=hint
        ) from error
    except (OSError, ValueError) as error:
        raise BridgeUnreachableError(f"Nothing answers at {base_url}.") from error
    if not isinstance(document, dict):
        raise BridgeUnreachableError(f"What answers at {base_url} is no Tray Bridge.")
    return document
