"""The commands for a running bridge, by name; each is imported when it is used."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .fetch import Address

if TYPE_CHECKING:
    from ..settings.schema import Settings


def run_verb(arguments: argparse.Namespace, settings: Settings, base_url: str) -> int:
    """Run a command; gives its exit code, raises TrayBridgeError."""
    verb = arguments.command
    place = Address(base_url, or_own=not (hasattr(arguments, "port") or hasattr(arguments, "host")))
    if verb == "ask":
        from .ask import ask

        return ask(arguments, place)
    if verb == "status":
        from .status import show_status

        return show_status(place, as_json=arguments.json, watch=arguments.watch)
    if verb == "login":
        from .sign_in import log_in

        return log_in(arguments, settings.cli_path, place)
    if verb == "logout":
        from .sign_in import log_out

        return log_out(settings.cli_path, place)
    if verb == "setup":
        from .setup import set_up

        return set_up(arguments, place, settings.default_model)
    from . import owner

    if verb == "models":
        return owner.show_models(place, as_json=arguments.json)
    if verb == "open":
        return owner.open_page(place, arguments.view or "")
    if verb == "stop":
        return owner.stop(place, now=arguments.now)
    return owner.pause(place, paused=verb == "pause")
