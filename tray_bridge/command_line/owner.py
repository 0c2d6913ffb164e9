"""The owner's commands: `open`, `stop`, `pause`, `resume`, `models`."""

from __future__ import annotations

import json
import time
from contextlib import suppress

from ..errors import BridgeUnreachableError, TrayBridgeError
from .fetch import Address, find_bridge
from .terminal import write

END_SECONDS = 15.0
TELL_SECONDS = 5.0  # between two lines about the wait for requests


def open_page(place: Address, view: str = "") -> int:
    """Open the page in the browser and print its address; raises TrayBridgeError."""
    from ..desktop.open_folder import CannotOpenError
    from ..desktop.open_folder import open_page as show

    bridge = find_bridge(place.url, or_own=place.or_own)
    address = f"{bridge.url}/dashboard"
    fragment = f"#/{view}" if view else ""
    given = f"?pass={bridge.post('/owner/pass', {})['pass']}" if bridge.is_own else ""
    try:
        show(address + given + fragment)
    except CannotOpenError as error:
        # The pass opens the page once, so a later reader of the terminal cannot use it.
        write(f"{address}{given}{fragment}\n")
        raise TrayBridgeError(
            "No browser was found.", title="Cannot open", hint="Open the address above in a browser."
        ) from error
    write(f"{address}{fragment}\n")
    return 0


def stop(place: Address, *, now: bool = False) -> int:
    """End the Tray Bridge that runs, after its requests or at once, and wait for it; raises TrayBridgeError."""
    bridge = find_bridge(place.url, or_own=place.or_own)
    bridge.require_owner("stop it")
    active = bridge.post("/owner/end", {"drain": not now})["active"]
    if active:
        what = f"{active} request" + ("" if active == 1 else "s")
        write(f"Ends {what}.\n" if now else f"Finishes {what}; `tray-bridge stop --now` ends them.\n")
    began = told = time.monotonic()
    while time.monotonic() < began + END_SECONDS or (active and not now):
        try:
            health = find_bridge(bridge.url).health["health"]
        except BridgeUnreachableError:
            write("Tray Bridge has stopped.\n")
            return 0
        if active and not now and health["word"] in ("ready", "busy"):
            raise TrayBridgeError("It was resumed, so it goes on.", title="Called off", hint="")
        if time.monotonic() >= told + TELL_SECONDS:
            told = time.monotonic()
            write(f"{health['text']} ({told - began:.0f} s).\n")
        time.sleep(0.1)
    raise TrayBridgeError("It has not stopped yet.", title="Still stopping", hint="`tray-bridge status` shows why.")


def pause(place: Address, *, paused: bool) -> int:
    """Refuse new requests, or take them again; raises TrayBridgeError."""
    bridge = find_bridge(place.url, or_own=place.or_own)
    bridge.require_owner("pause it")
    bridge.post("/owner/pause", {"paused": paused})
    write("Paused: new requests are refused.\n" if paused else "Requests are answered again.\n")
    return 0


def show_models(place: Address, *, as_json: bool = False) -> int:
    """Print the names of the models that a client may ask for; raises TrayBridgeError."""
    found = find_bridge(place.url, or_own=place.or_own).get("/v1/models")
    models = found.get("data") or []
    if as_json:
        write(json.dumps(models) + "\n")
        return 0
    for model in models:
        name = ""
        with suppress(KeyError, TypeError):
            name = str(model.get("name") or model.get("display_name") or "")
        write(f"{model['id']:<32} {name}".rstrip() + "\n")
    return 0
