"""`tray-bridge status`: what a running bridge does."""

from __future__ import annotations

import time
from typing import Any

from .fetch import fetch_json
from .terminal import printable, write


def show_status(base_url: str) -> int:
    """Print the bridge's state; raises TrayBridgeError."""
    write("\n".join(printable(line) for line in _lines(fetch_json(base_url, "/status"))) + "\n")
    return 0


def _lines(status: dict[str, Any]) -> list[str]:
    pool, account = status["pool"], status["account"]
    demo = " (demo)" if status["demo"] else ""
    lines = [
        f"State     {status['state']}{demo}, {status['served']} answered, {status['failed']} failed",
        f"Base URL  http://{status['host']}:{status['port']}/v1",
        f"Account   {_account(account)}",
    ]
    lines += [f"          {_window(window)}" for window in account["windows"]]
    kinds = ("warm", "starting", "busy", "parked", "suspended")
    counts = ", ".join(f"{pool[kind]} {kind}" for kind in kinds if pool[kind])
    lines.append(f"Sessions  {counts or 'none'}; {pool['queued']} requests wait")
    lines += [f"Request   {_request(request)}" for request in status["requests"]]
    problems = (status["problem"], pool["problem"], status["log_problem"])
    lines += [f"Problem   {one['title']}: {one['message']} {one['hint']}".rstrip() for one in problems if one]
    return lines


def _account(account: dict[str, Any]) -> str:
    if account["signed_in"] is None:
        return "not known yet"
    if not account["signed_in"]:
        return "not signed in: run `claude login`"
    how = "API key" if account["uses_api_key"] else account["plan"] or "signed in"
    return f"{how}, Claude Code {account['cli_version']}" if account["cli_version"] else str(how)


def _window(window: dict[str, Any]) -> str:
    used = "" if window["used"] is None else f" {window['used']:.0%} used"
    resets = window["resets_at"]
    until = time.strftime(", resets %a %H:%M", time.localtime(resets)) if resets else ""
    return f"{window['name'].replace('_', ' ')}{used}{until}"


def _request(request: dict[str, Any]) -> str:
    seconds = max(0.0, time.time() - request["started_at"])
    doing = "waits" if request["queued"] else f"{request['tokens']} tokens"
    return f"{request['id']}  {request['client']}  {request['model']}  {doing}, {seconds:.0f} s"
