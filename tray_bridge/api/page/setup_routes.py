"""The page's routes for clients: which have been answered, what setting one up changes, doing it and undoing it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ...errors import InvalidRequestError, TrayBridgeError
from ...known_clients import NO_KEY, client_name
from ...machine.api_keys import ApiKeys
from ...machine.bridge_address import address_of
from ...session_log import LogReader
from ...settings.schema import Settings
from ...setup.change import FileChange, plan, undo, was_set_up, write
from ...setup.clients import SETUP_CLIENTS, SetupClient, Values, find_client
from ...setup.place import Place
from ...setup.trial import try_out
from ..json_response import JsonResponse
from ..services import OwnServer
from .last_hour import LastHour
from .route import PageRoute

LAMP_EXCHANGES = 200  # of the log, the newest
OPEN_WEBUI = ("open-webui", "sdk")  # theirs is a file in a project's folder, which the page does not know


def lamp_router(log: LogReader, last_hour: LastHour) -> APIRouter:
    """Make the route of the clients' lamps."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/lamps")
    def lamps() -> Response:
        """Say of each client's newest request whether it was answered, or why not; from the log for those before the
        start.
        """
        found: dict[str, dict[str, Any]] = {}
        for summary in reversed(log.search(outcome="completed", limit=LAMP_EXCHANGES).exchanges):
            found[summary["client"] or ""] = {"answered_at": summary["at"], "problem": None}
        for client, lamp in last_hour.lamps().items():
            earlier = found.get(client, {}).get("answered_at")
            found[client] = {**lamp, "answered_at": lamp["answered_at"] or earlier}
        named = {client_name(client): lamp for client, lamp in found.items() if "/" in client}
        return JsonResponse({"lamps": {**found, **named}})

    return router


class _SetUp:
    """What a client is given: address, model and key."""

    def __init__(self, server: OwnServer, keys: ApiKeys, settings: Callable[[], Settings]) -> None:
        self._server = server
        self._keys = keys
        self._settings = settings
        self._making = threading.Lock()

    def values(self, key: str) -> Values:
        snapshot = self._server.snapshot()
        return Values(f"{address_of(snapshot.host, snapshot.port)}/v1", self._settings().default_model, key)

    def key_to_show(self) -> str:
        """Give what stands for the key before it is made."""
        return "(a new key)" if self._keys.exist() else NO_KEY

    def new_key(self, client: SetupClient) -> str:
        """Make the client's key, in place of one from before. Where no key is needed, none is made."""
        if not self._keys.exist():
            return NO_KEY
        with self._making:
            self.revoke_key(client)
            return self._keys.make(_key_name(client))

    def revoke_key(self, client: SetupClient) -> None:
        """Revoke the client's key, if it has one."""
        if any(key.name == _key_name(client) for key in self._keys.list()):
            self._keys.revoke(_key_name(client))


def setup_router(server: OwnServer, keys: ApiKeys, settings: Callable[[], Settings]) -> APIRouter:
    """Make the routes of clients' configuration files."""
    router = APIRouter(route_class=PageRoute, prefix="/setup", include_in_schema=False)
    given = _SetUp(server, keys, settings)

    @router.get("")
    def clients() -> Response:
        """List the clients that can be set up from here."""
        place = Place.here()
        return JsonResponse({"clients": [_described(client, place) for client in _offered()]})

    @router.get("/{client_id}")
    def preview(client_id: str) -> Response:
        """Show the change of a client's files without writing it."""
        client = _client(client_id)
        changes = plan(client, given.values(given.key_to_show()), Place.here())
        return JsonResponse(_told(client, changes, given.key_to_show()))

    @router.post("/{client_id}")
    def set_up(client_id: str) -> Response:
        """Write the change, then ask one question as the client would: its `problem` is told, the files stay."""
        client = _client(client_id)
        plan(client, given.values(given.key_to_show()), Place.here())  # a file that cannot be changed costs no key
        values = given.values(given.new_key(client))
        changes = plan(client, values, Place.here())
        write(client, changes)
        problem = None
        try:
            try_out(client, values)
        except TrayBridgeError as error:
            problem = {"title": error.title, "message": error.message, "hint": error.hint}
        return JsonResponse({**_told(client, changes, values.key), "problem": problem})

    @router.delete("/{client_id}")
    def take_back(client_id: str) -> Response:
        client = _client(client_id)
        paths = undo(client, Place.here())
        given.revoke_key(client)
        return JsonResponse({"files": [str(path) for path in paths]})

    return router


def _key_name(client: SetupClient) -> str:
    return f"{client.name} setup"


def _offered() -> list[SetupClient]:
    return [client for client in SETUP_CLIENTS if client.id not in OPEN_WEBUI]


def _client(client_id: str) -> SetupClient:
    client = find_client(client_id)
    if client is None or client not in _offered():
        raise InvalidRequestError(f"{client_id[:50]!r} is not a client that can be set up here.", param="client_id")
    return client


def _described(client: SetupClient, place: Place) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "installed": client.is_installed(place),
        "set_up": was_set_up(client),
        "files": [str(path) for path, _ in client.files(place)],
    }


def _told(client: SetupClient, changes: list[FileChange], key: str) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "diff": "\n".join(change.diff() for change in changes if change.differs),
        "next": client.next_step.replace("{file}", str(changes[0].path)).replace("{key}", key),
        "set_up": was_set_up(client),
    }
