"""The commands that talk to a running bridge, by name; each is imported when it is wanted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings.schema import Settings


def run_verb(arguments: argparse.Namespace, settings: Settings, base_url: str) -> int:
    """Run a command; gives its exit code, raises TrayBridgeError."""
    verb = arguments.command
    if verb == "ask":
        from .ask import ask

        return ask(arguments, base_url)
    if verb == "status":
        from .status import show_status

        return show_status(base_url, as_json=arguments.json, watch=arguments.watch)
    if verb == "login":
        from .sign_in import log_in

        return log_in(arguments, settings.cli_path, base_url)
    if verb == "logout":
        from .sign_in import log_out

        return log_out(settings.cli_path, base_url)
    if verb == "setup":
        from .setup import set_up

        return set_up(arguments, base_url, settings.default_model)
    from . import owner

    if verb == "models":
        return owner.show_models(base_url, as_json=arguments.json)
    if verb == "open":
        return owner.open_page(base_url, arguments.view)
    if verb == "stop":
        return owner.stop(base_url, now=arguments.now)
    return owner.pause(base_url, paused=verb == "pause")
