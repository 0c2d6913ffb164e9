"""`tray-bridge status`: what a running bridge does."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from ..doctor.health import window_name
from ..errors import TrayBridgeError
from ..machine.bridge_address import address_of
from .fetch import Address, find_bridge
from .terminal import printable, write

WATCH_SECONDS = 1.0


def show_status(place: Address, *, as_json: bool = False, watch: bool = False) -> int:
    """Print the bridge's state, again each second if `watch`; raises TrayBridgeError."""
    bridge = find_bridge(place.url, or_own=place.or_own)
    try:
        while True:
            status = bridge.get("/status")
            try:
                text = json.dumps(status) if as_json else "\n".join(printable(line) for line in _lines(status))
            except (KeyError, TypeError, AttributeError) as error:
                raise TrayBridgeError(
                    f"What answers at {bridge.url} tells its state in another way than this version of Tray Bridge.",
                    title="Another version",
                    hint="Restart the bridge, so that it is of the version of this command.",
                ) from error
            if watch and not as_json and sys.stdout.isatty():
                sys.stdout.write("\x1b[H\x1b[2J")  # write() removes escape sequences
            write(text + "\n")
            if not watch:
                return 0
            time.sleep(WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0


def _lines(status: dict[str, Any]) -> list[str]:
    pool, account, health = status["pool"], status["account"], status.get("health") or {}
    demo = " (demo)" if status["demo"] else ""
    lines = [
        f"Health    {health.get('text', 'not known')}",
        f"State     {status['state']}{demo}, {status['served']} answered, {status['failed']} failed",
        f"Base URL  {_base_url(status)}/v1",
        *([f"Ollama    {address_of(status['host'], status['ollama_port'])}"] if status.get("ollama_port") else []),
        f"Page      {_base_url(status)}/dashboard",
        f"Account   {_account(status)}",
    ]
    lines += [f"          {_window(window)}" for window in account["windows"]]
    states = ("starting", "busy", "parked", "suspended")
    numbers = {"warm": pool["warm"] + pool["fitting"], **{state: pool[state] for state in states}}
    counts = ", ".join(f"{number} {state}" for state, number in numbers.items() if number)
    lines.append(f"Processes {counts or 'none'}; {pool['queued']} requests wait")
    mode = pool.get("no_reuse") or "Each serves one conversation after another."
    lines.append(f"          {mode}")
    lines += [f"Request   {_request(request)}" for request in status["requests"]]
    if health and not health["answers"]:
        lines.append(f"Problem   {health['text']}: {health['detail']} {health['hint']}".rstrip())
    problems = (status["problem"], pool["problem"], status["log_problem"], status.get("ollama_problem"))
    shown = (one for one in problems if one and one["title"] != health.get("text"))
    lines += [f"Problem   {one['title']}: {one['message']} {one['hint']}".rstrip() for one in shown]
    return lines + [_refused(page) for page in status.get("refused_pages", ())]


def _refused(page: dict[str, Any]) -> str:
    tries = "once" if page["count"] == 1 else f"{page['count']} times"
    if page["origin"] == "null":
        return f"Refused   a page without an origin, {tries}. Such a page cannot be allowed."
    return f"Refused   the page {page['origin']}, {tries}. To allow it, add {page['origin']} to allowed_origins."


def _base_url(status: dict[str, Any]) -> str:
    return address_of(status["host"], status["port"])


def _account(status: dict[str, Any]) -> str:
    account = status["account"]
    version = f", Claude Code {account['cli_version']}" if account["cli_version"] else ""
    if status["demo"]:
        return f"none is needed in the demo{version}"
    if account["signed_in"] is None:
        return "not known yet"
    if not account["signed_in"]:
        return f"not signed in{version}: run `tray-bridge login`"
    how = "API key" if account["uses_api_key"] else account["plan"] or "signed in"
    return f"{how}{version}"


def _window(window: dict[str, Any]) -> str:
    used = "" if window["used"] is None else f" {window['used']:.0%} used"
    resets = window["resets_at"]
    until = time.strftime(", resets %a %H:%M", time.localtime(resets)) if resets else ""
    return f"{window_name(window['name'])}{used}{until}"


def _request(request: dict[str, Any]) -> str:
    seconds = max(0.0, time.time() - request["started_at"])
    doing = "waits" if request["queued"] else f"{request['tokens']} tokens"
    return f"{request['id']}  {request['client']}  {request['model']}  {doing}, {seconds:.0f} s"
