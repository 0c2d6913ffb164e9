"""`tray-bridge setup`: show the change of a client's file, write it, try it out, or undo it."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress

from ..errors import BridgeUnreachableError, SettingsError
from ..known_clients import NO_KEY
from ..machine.api_keys import ApiKeys
from ..machine.signals import INTERRUPTED
from ..settings.words import nearest
from ..setup.change import FileChange, SetupError, plan, undo, was_set_up, write
from ..setup.clients import SETUP_CLIENTS, SetupClient, Values, find_client
from ..setup.place import Place
from ..setup.trial import try_out
from .fetch import Address, ForeignProgramError, find_bridge
from .terminal import printable
from .terminal import write as say

SHOWN_KEY = "(a new key)"


def set_up(arguments: argparse.Namespace, address: Address, model: str) -> int:
    """Do what is asked; gives the exit code, raises TrayBridgeError."""
    place = Place.here()
    if arguments.client is None:
        return _list(place, as_json=arguments.json)
    client = find_client(arguments.client)
    if client is None:
        names = ", ".join(one.id for one in SETUP_CLIENTS)
        problem = f"{arguments.client!r} is not a client that can be set up."
        problem += nearest(arguments.client.lower(), names.split(", "))
        raise SettingsError(problem, title="Unknown client", hint=f"There are: {names}.")
    if arguments.undo:
        for path in undo(client, place, arguments.file and arguments.file.absolute(), force=arguments.yes):
            say(f"{path} is as it was before.\n")
        with suppress(SettingsError):
            ApiKeys().revoke(_key_name(client))
        return 0
    return _change(client, arguments, place, _values(arguments, address, model))


def _values(arguments: argparse.Namespace, address: Address, model: str) -> Values:
    """Give the address of the running bridge, else that of the settings."""
    base_url = address.url
    try:
        base_url = find_bridge(address.url, or_own=address.or_own).url
    except ForeignProgramError:
        if not arguments.show:
            raise  # the client's key is for no other program
    except BridgeUnreachableError:
        pass
    return Values(f"{base_url}/v1", arguments.model or model, SHOWN_KEY if ApiKeys().exist() else NO_KEY)


def _change(client: SetupClient, arguments: argparse.Namespace, place: Place, values: Values) -> int:
    changes = plan(client, values, place, arguments.file and arguments.file.absolute())
    for change in changes:
        say(printable(change.diff() or f"{change.path} needs no change.") + "\n")
    if arguments.show:
        return 0
    if not arguments.yes and any(change.differs for change in changes) and not _agreed():
        say("Nothing was written.\n")
        return INTERRUPTED
    if values.key == SHOWN_KEY:
        values = Values(values.base_url, values.model, _new_key(client))
        changes = plan(client, values, place, arguments.file and arguments.file.absolute())
    backup = write(client, changes)
    say(f"{client.name} is set up. Undo: tray-bridge setup {client.id} --undo   (backup: {backup})\n")
    say(next_step(client, changes, values) + "\n")
    if arguments.no_test:
        return 0
    try:
        find_bridge(values.base_url.removesuffix("/v1"))
    except BridgeUnreachableError:
        say("No bridge runs yet, so nothing was tried. Start it with `tray-bridge`.\n")
        return 0
    try_out(client, values)
    say(f"A request like those of {client.name} was answered.\n")
    return 0


def next_step(client: SetupClient, changes: list[FileChange], values: Values) -> str:
    """Return what a person does next in that client."""
    return client.next_step.replace("{file}", str(changes[0].path)).replace("{key}", values.key)


def _agreed() -> bool:
    if not sys.stdin or not sys.stdin.isatty():
        raise SetupError(
            "This is no terminal to ask in.", title="Not written", hint="Add --yes to write it without a question."
        )
    say("Write this? [y/N] ")
    return input().strip().lower() in ("y", "yes")


def _new_key(client: SetupClient) -> str:
    keys = ApiKeys()
    with suppress(SettingsError):
        keys.revoke(_key_name(client))
    return keys.make(_key_name(client))


def _key_name(client: SetupClient) -> str:
    return f"{client.name} setup"  # as the page names it


def _list(place: Place, *, as_json: bool) -> int:
    rows = [
        {
            "id": client.id,
            "name": client.name,
            "installed": client.is_installed(place),
            "set_up": was_set_up(client),
            "files": [str(path) for path, _ in client.files(place)],
        }
        for client in SETUP_CLIENTS
    ]
    if as_json:
        say(json.dumps(rows) + "\n")
        return 0
    for client, row in zip(SETUP_CLIENTS, rows, strict=True):
        missing = "not found" if client.programs else "–"  # a library cannot be looked for
        state = "set up" if row["set_up"] else "installed" if row["installed"] else missing
        say(f"{row['id']:<12} {state:<10} {row['name']}\n")
    say("`tray-bridge setup CLIENT` shows what it would change, and asks first.\n")
    return 0
