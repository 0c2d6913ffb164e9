"""`tray-bridge key`: make, list and revoke the API keys of the bridge."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from ..machine.api_keys import ApiKeys, KeyLimits
from .terminal import write


def manage_keys(arguments: argparse.Namespace) -> int:
    """Do what is asked; raises SettingsError."""
    keys = ApiKeys()
    if arguments.action == "make":
        key = keys.make(arguments.name)
        # The key alone on standard output, so that it can be piped.
        sys.stderr.write("This key is shown only now. From now on each request needs a key.\n")
        sys.stderr.write("A client sends it as its API key. `tray-bridge open keys` limits or pauses it.\n")
        write(key + "\n")
    elif arguments.action == "revoke":
        keys.revoke(arguments.name)
        left = "Others are left." if keys.list() else "That was the last key: requests need none now."
        write(f"Revoked {arguments.name}. {left}\n")
    elif arguments.json:
        told = [{"name": key.name, "made_at": key.made_at, "limits": key.limits._asdict()} for key in keys.list()]
        write(json.dumps({"keys": told}) + "\n")
    else:
        for entry in keys.list():
            made = f"made {time.strftime('%Y-%m-%d', time.localtime(entry.made_at))}"
            write(f"{entry.name:<24} {', '.join((made, *_words(entry.limits)))}\n")
        if not keys.list():
            write("There are no keys.\n")
    return 0


def _words(limits: KeyLimits) -> Iterator[str]:
    """Give what a key is limited to, in words."""
    if limits.paused:
        yield "paused"
    for most, what in ((limits.requests_per_day, "requests"), (limits.tokens_per_day, "tokens")):
        if most is not None:
            yield f"{most:,} {what} a day"
    for names, what in ((limits.models, "models"), (limits.dialects, "dialects")):
        if names:
            yield f"{what}: {' '.join(names)}"
