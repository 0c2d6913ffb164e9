"""The page's routes for sign-in, clients' setup and pause. They change this user's machine, so one guard checks all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from ...doctor.health import health_of
from ...errors import InvalidRequestError, TrayBridgeError
from ...known_clients import NO_KEY, client_name
from ...machine.api_keys import ApiKeys
from ...machine.bridge_address import address_of
from ...machine.sign_in import ACCOUNT_KINDS
from ...session_log import LogReader
from ...settings.schema import Settings
from ...setup.change import FileChange, plan, undo, was_set_up, write
from ...setup.claude_account import found_accounts, has_account
from ...setup.clients import SETUP_CLIENTS, SetupClient, Values, find_client
from ...setup.place import Place
from ...setup.trial import try_out
from ..json_response import JsonResponse
from ..origins import NO_ORIGINS
from ..services import OwnServer
from .access import DashboardAccess
from .last_hour import LastHour

LAMP_EXCHANGES = 200  # of the log, the newest
OPEN_WEBUI = ("open-webui", "sdk")  # theirs is a file in a project's folder, which the page does not know


def first_run_router(
    server: OwnServer,
    access: DashboardAccess,
    keys: ApiKeys,
    settings: Callable[[], Settings],
    log: LogReader,
    last_hour: LastHour,
) -> APIRouter:
    """Make the routes, below `/dashboard/api`."""

    def check(request: Request) -> None:
        access.check_place(request)
        access.check_person(request)

    router = APIRouter(prefix="/dashboard/api", dependencies=[Depends(check)], include_in_schema=False)

    @router.get("/account")
    def account() -> Response:
        """Tell how Claude Code is signed in, and which other accounts are set up here."""
        snapshot = server.snapshot()
        return JsonResponse(
            {
                "health": health_of(snapshot).as_json(),
                "account": asdict(snapshot.account),
                "demo": snapshot.demo,
                "sign_in": server.sign_in.state.as_json(),
                "found": found_accounts(),
                "settings": {"usable": has_account(), "used": settings().claude_settings},
                "key": access.page_key,
                "has_keys": access.has_keys(),
            }
        )

    @router.post("/account/sign-in")
    def sign_in(kind: str = Body("claudeai", embed=True, max_length=20)) -> Response:
        if kind not in ACCOUNT_KINDS:
            raise InvalidRequestError(f"{kind!r} is not a kind of account.", param="kind")
        server.sign_in.start(settings().cli_path, kind)
        return JsonResponse(server.sign_in.state.as_json())

    @router.post("/account/settings")
    def use_settings(used: bool = Body(embed=True)) -> Response:
        """Use the account that Claude Code's settings.json sets up, or not; the server starts again for it."""
        threading.Thread(target=server.use_claude_settings, args=(used,), daemon=True).start()
        return JsonResponse({"used": used})

    @router.post("/account/code")
    def code(code: str = Body(embed=True, max_length=4096)) -> Response:
        server.sign_in.give_code(code)
        return JsonResponse(server.sign_in.state.as_json())

    @router.post("/account/cancel")
    def cancel() -> Response:
        server.sign_in.cancel()
        return JsonResponse(server.sign_in.state.as_json())

    @router.post("/pause")
    def pause(paused: bool = Body(embed=True)) -> Response:
        server.pause(paused)
        return JsonResponse({"paused": paused})

    @router.post("/allowed-origins")
    def let_in(origin: str = Body(embed=True, max_length=200)) -> Response:
        """Let a page in that was refused: no other, so that the person has seen its name here."""
        if origin in NO_ORIGINS or all(page.origin != origin for page in server.snapshot().refused_pages):
            raise InvalidRequestError(f"{origin!r} is not a page that was refused.", param="origin")
        server.let_page_in(origin)
        return JsonResponse({"allowed": True})

    @router.get("/lamps")
    def lamps() -> Response:
        """Tell of each client's newest request whether it was answered, or why not; from the log for those before the
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

    @router.get("/setup")
    def clients() -> Response:
        """List the clients that can be set up from here."""
        place = Place.here()
        return JsonResponse({"clients": [_described(client, place) for client in _offered()]})

    @router.get("/setup/{client_id}")
    def preview(client_id: str) -> Response:
        """Show the change of a client's files without writing it."""
        client = _client(client_id)
        shown = "(a new key)" if keys.exist() else NO_KEY
        changes = plan(client, _values(shown), Place.here())
        return JsonResponse(_told(client, changes))

    @router.post("/setup/{client_id}")
    def set_up(client_id: str) -> Response:
        """Write the change, then ask one question as the client would: its `problem` is told, the files stay."""
        client = _client(client_id)
        values = _values(_key(client))
        changes = plan(client, values, Place.here())
        write(client, changes)
        problem = None
        try:
            try_out(client, values)
        except TrayBridgeError as error:
            problem = {"title": error.title, "message": error.message, "hint": error.hint}
        return JsonResponse({**_told(client, changes), "problem": problem})

    @router.delete("/setup/{client_id}")
    def take_back(client_id: str) -> Response:
        paths = undo(_client(client_id))
        return JsonResponse({"files": [str(path) for path in paths]})

    def _values(key: str) -> Values:
        snapshot = server.snapshot()
        return Values(f"{address_of(snapshot.host, snapshot.port)}/v1", settings().default_model, key)

    def _key(client: SetupClient) -> str:
        if not keys.exist():
            return NO_KEY
        name = f"{client.name} setup"
        with making:
            if any(key.name == name for key in keys.list()):
                keys.revoke(name)
            return keys.make(name)

    making = threading.Lock()
    return router


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


def _told(client: SetupClient, changes: list[FileChange]) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "diff": "\n".join(change.diff() for change in changes if change.differs),
        "next": client.next_step.replace("{file}", str(changes[0].path)).replace("{key}", "of this bridge"),
        "set_up": was_set_up(client),
    }
