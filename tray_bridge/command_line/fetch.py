"""Find the bridge for a command, check that it is one, and send requests to it.

Owns which key is sent: none to a program that has not proved to be a Tray Bridge.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..errors import BridgeUnreachableError, TrayBridgeError
from ..machine.bridge_address import bridge_url, is_loopback_url, port_of
from ..machine.owner_note import NONCE_HEADER, PROOF_HEADER, OwnerNote, all_notes, proof_of, read_note

# Not httpx: its import takes longer than all of `status`.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_by_environment = urllib.request.build_opener()


class ForeignProgramError(BridgeUnreachableError):
    """The program that answers at the address is not Tray Bridge."""

    title = "Not a Tray Bridge"


class Address(NamedTuple):
    """Where a command looks for the bridge; `or_own`: any other bridge of this user will do, because none was named."""

    url: str
    or_own: bool = False


@dataclass(frozen=True, slots=True)
class Bridge:
    """A running bridge at `url`. `key` is sent with each request; `is_own`: it is this user's own token."""

    url: str
    health: Mapping[str, Any]
    key: str | None = None
    is_own: bool = False

    def get(self, path: str) -> dict[str, Any]:
        """Return the object at `path`; raises TrayBridgeError."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send `body` to `path` and return the object that answers; raises TrayBridgeError."""
        return self._ask("POST", path, body)

    def require_owner(self, what: str) -> None:
        """Raise TrayBridgeError unless this user runs the bridge."""
        if not self.is_own:
            raise TrayBridgeError(
                f"Only the user that runs the bridge at {self.url} can {what}.", title="Not yours", hint=""
            )

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {self.key}"} if self.key else {})}
        data = None if body is None else json.dumps(body).encode()
        try:
            document, _ = _open(self.url, path, headers, method, data)
        except urllib.error.HTTPError as error:
            raise _refusal(self.url + path, error) from error
        except (OSError, ValueError) as error:
            raise BridgeUnreachableError(f"Nothing answers at {self.url}.") from error
        if not isinstance(document, dict):
            raise ForeignProgramError(f"What answers at {self.url} is not Tray Bridge.")
        return document


def find_bridge(url: str, *, or_own: bool = False) -> Bridge:
    """Return the bridge at `url`; with `or_own`, unless that one is this user's, another that this user runs.

    Raises BridgeUnreachableError if nothing answers, ForeignProgramError if another program does.
    """
    named = bool(os.environ.get("BRIDGE_URL"))
    try:
        found: Bridge | BridgeUnreachableError = _meet(url, is_named=named)
    except BridgeUnreachableError as error:
        found = error
    if or_own and not named and not (isinstance(found, Bridge) and found.is_own):
        for note in all_notes():
            own = bridge_url(note.host, note.port)
            if own != url and (mine := _meet_own(own, note)):
                return mine
    if isinstance(found, Bridge):
        return found
    raise found


def _meet_own(url: str, note: OwnerNote) -> Bridge | None:
    try:
        found = _meet(url, is_named=False)
    except BridgeUnreachableError:
        return None
    return found if found.is_own else None


def _meet(url: str, *, is_named: bool) -> Bridge:
    nonce = secrets.token_hex(16)
    try:
        health, headers = _open(url, "/health", {NONCE_HEADER: nonce})
    except urllib.error.HTTPError as error:
        raise _foreign(url) from error
    except (OSError, ValueError) as error:
        if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
            raise _foreign(url) from error
        raise BridgeUnreachableError(f"Nothing answers at {url}.") from error
    if not isinstance(health, dict) or health.get("service") != "tray-bridge":
        raise _foreign(url)
    note = read_note(port_of(url)) if is_loopback_url(url) else None
    if note and hmac.compare_digest(headers.get(PROOF_HEADER, ""), proof_of(note.token, nonce)):
        return Bridge(url, health, note.token, is_own=True)
    # A key of OpenRouter may be a real one: it is sent only to an address that the person named.
    key = os.environ.get("TRAY_BRIDGE_API_KEY") or (os.environ.get("OPENROUTER_API_KEY") if is_named else None)
    return Bridge(url, health, key or None)


def _foreign(url: str) -> ForeignProgramError:
    from ..machine.port import describe_holder, next_free_port

    holder = None
    port = port_of(url)
    if is_loopback_url(url):
        holder, _ = describe_holder("127.0.0.1", port)
    free = next_free_port("127.0.0.1", port)
    return ForeignProgramError(
        f"What answers at {url} is {holder or 'another program'}, not Tray Bridge.",
        hint=f"Start the bridge on another port with `tray-bridge --port {free}`, or set BRIDGE_URL to where it runs.",
    )


def _refusal(url: str, error: urllib.error.HTTPError) -> TrayBridgeError:
    hint = "Set TRAY_BRIDGE_API_KEY to one of its keys." if error.code == 401 else ""
    told = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = str(json.load(error)["error"]["message"])
    return TrayBridgeError(told or f"{url} answered with {error.code}.", title="The bridge refused", hint=hint)


def _open(
    url: str, path: str, headers: Mapping[str, str], method: str = "GET", data: bytes | None = None
) -> tuple[Any, Mapping[str, str]]:
    """Return the JSON at a path and the headers with lower-case names. Raises OSError or ValueError."""
    opener = _direct if is_loopback_url(url) else _by_environment  # no proxy stands before this machine
    request = urllib.request.Request(url + path, data, dict(headers), method=method)  # noqa: S310  # the person's own
    with opener.open(request, timeout=5.0) as response:
        return json.loads(response.read(10_000_000)), {name.lower(): text for name, text in response.headers.items()}
