"""`tray-bridge key`: make, list and revoke the API keys of the bridge."""

from __future__ import annotations

import argparse
import json
import sys
import time

from ..machine.api_keys import ApiKeys
from .terminal import write


def manage_keys(arguments: argparse.Namespace) -> int:
    """Do what is asked; raises SettingsError."""
    keys = ApiKeys()
    if arguments.action == "make":
        key = keys.make(arguments.name)
        # The key alone on standard output, so that it can be piped.
        sys.stderr.write("This key is shown only now. From now on each request needs a key.\n")
        write(key + "\n")
    elif arguments.action == "revoke":
        keys.revoke(arguments.name)
        left = "Others are left." if keys.list() else "That was the last key: requests need none now."
        write(f"Revoked {arguments.name}. {left}\n")
    elif arguments.json:
        write(json.dumps({"keys": [{"name": entry.name, "made_at": entry.made_at} for entry in keys.list()]}) + "\n")
    else:
        for entry in keys.list():
            write(f"{entry.name:<24} made {time.strftime('%Y-%m-%d', time.localtime(entry.made_at))}\n")
        if not keys.list():
            write("There are no keys.\n")
    return 0
