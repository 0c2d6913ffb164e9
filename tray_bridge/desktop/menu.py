"""Snapshot → menu: its lines, their texts, and the action of each. Pure.

Owns the lines and their order; `words.py` writes the texts about a snapshot. Must not know pystray, or what an action
does. The top level always holds the same items: a line that does not apply is invisible, not absent, so that an open
menu gets changed texts and is never replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..doctor.health import count_of, health_of
from ..machine.bridge_address import USUAL_PORT
from ..snapshots import DEFAULT_MODEL, USUAL_MODELS, ModelSnapshot, Problem, RequestSnapshot, ServerSnapshot
from .words import (
    account_text,
    ends_text,
    last_problem,
    one_line,
    pool_text,
    port_is_taken,
    quit_text,
    request_text,
    status_text,
)

POOL_SIZES = (0, 1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the menu. `key` identifies it among its siblings if action and value do not, or may change.

    `action` is the name of its action, `value` the action's argument; a line without an action is only a text.
    `checked` is None for a line without a tick.
    """

    text: str = ""
    action: str = ""
    value: str | int | None = None
    key: str = ""
    enabled: bool = True
    visible: bool = True
    checked: bool | None = None
    radio: bool = False
    default: bool = False
    items: tuple[Item, ...] = ()

    @property
    def identity(self) -> str:
        """Give what identifies this line among its siblings."""
        return self.key or f"{self.action} {self.value}"

    @property
    def is_separator(self) -> bool:
        """Return whether it is a separator."""
        return not self.text


@dataclass(frozen=True, slots=True)
class MenuState:
    """What the menu shows besides the server's snapshot. `now` is Unix time; `problem` is that of an action that
    failed.
    """

    now: float = 0.0
    version: str = ""
    configured_port: int = USUAL_PORT
    free_ports: tuple[int, ...] = ()
    pool_size: int = 3
    default_model: str = DEFAULT_MODEL
    records: bool = True
    starts_at_login: bool = False
    starts_on_launch: bool = True
    notifies: bool = True
    shows_ring: bool = False
    signing_in: bool = False
    quitting: bool = False
    problem: Problem | None = None


def build_menu(server: ServerSnapshot, state: MenuState) -> tuple[Item, ...]:
    """Make the whole menu for this moment. The top level is for everybody; what few people need is under *Advanced*."""
    return (
        *_what_is(server, state),
        _separator("use"),
        *_how_to_use(server, state),
        _separator("settings"),
        _settings(server, state),
        _advanced(server, state),
        _separator("end"),
        Item(quit_text(server.active, state.quitting), "quit"),
    )


def _what_is(server: ServerSnapshot, state: MenuState) -> Iterable[Item]:
    """Make the lines about the server's state; each opens the page's view of it, if there is one."""
    ready, shown = server.state == "ready", server.state in ("ready", "stopping")
    signed_out = shown and health_of(server, state.now).word == "signed_out"
    yield _view("status", status_text(server, state.quitting, state.now), "now", ready)
    yield _view("account", account_text(server, state.now), "doctor", ready, shown and not signed_out)
    sign_in = "Signing in, in your browser…" if state.signing_in else "Sign in…"
    yield Item(sign_in, "sign_in", visible=signed_out)
    link = signed_out and state.signing_in
    yield Item("No browser? Link and code are on the dashboard", "open_dashboard", "start", key="link", visible=link)

    problem, taken = last_problem(server, state.problem), port_is_taken(server)
    hint = problem.hint if problem and not taken else ""
    yield Item(one_line(f"⚠ {problem.message}" if problem else "⚠"), "copy_problem", visible=problem is not None)
    yield _line("hint", one_line(hint or "…"), visible=bool(hint))
    offer = state.free_ports[0] if state.free_ports else 0
    yield _refused_pages(server)
    newer = f"Version {server.newer_version} is available"
    yield _view("newer", newer, "now", ready, bool(server.newer_version))
    yield Item(f"Use port {offer} instead", "set_port", offer, key="offer", visible=taken and bool(offer))


def _refused_pages(server: ServerSnapshot) -> Item:
    """The web pages that were not let in, each to be let in with a click; one without an origin cannot be."""
    pages = [page for page in server.refused_pages if page.origin != "null"]
    return Item(
        f"Refused {_pages(len(pages))}",
        key="refused",
        visible=bool(pages) and server.state == "ready",
        items=(
            _line("refused_hint", "Choose one that you trust to let it in"),
            *(Item(one_line(page.origin), "let_page_in", page.origin) for page in reversed(pages)),
        ),
    )


def _pages(number: int) -> str:
    return "1 web page" if number == 1 else f"{number} web pages"


def _how_to_use(server: ServerSnapshot, state: MenuState) -> Iterable[Item]:
    stopped, free = server.state in ("stopped", "error"), _is_free(server, state)
    can_open = free and not port_is_taken(server)
    yield Item(
        "Start server and open dashboard" if stopped else "Open dashboard",
        "open_dashboard",
        enabled=can_open,
        default=True,
    )
    yield Item("Connect a client…", "open_dashboard", "connect", enabled=can_open)
    yield Item("Resume", "pause", 0, key="resume", enabled=free, visible=server.state == "ready" and server.paused)


def _is_free(server: ServerSnapshot, state: MenuState) -> bool:
    """Return whether the server takes another command now."""
    return server.state != "stopping" and not state.quitting


def _server_switches(server: ServerSnapshot, state: MenuState) -> Iterable[Item]:
    runs, free = server.state in ("ready", "starting"), _is_free(server, state)
    ready, waits = server.state == "ready", server.drains_since is not None
    finishes = f" (finishes {count_of(server.active)})" if server.active else ""
    yield Item(f"Pause{finishes}", "pause", 1, key="pause", enabled=free, visible=ready and not server.paused)
    yield Item(
        f"Stop server{ends_text(server.active)}" if runs else "Start server",
        "stop_server" if runs else "start_server",
        key="start_or_stop",
        enabled=free,
    )
    after = f"Stop server after {count_of(server.active)}"
    yield Item(after, "stop_when_idle", enabled=free, visible=runs and server.active > 0 and not waits)
    yield Item(
        f"Restart{ends_text(server.active)}",
        "restart_server",
        key="restart",
        enabled=free and server.state in ("ready", "error") and not port_is_taken(server),
    )
    again = f"Restart after {count_of(server.active)}"
    yield Item(again, "restart_when_idle", enabled=free, visible=ready and server.active > 0 and not waits)


def _active_requests(requests: tuple[RequestSnapshot, ...], now: float) -> Item:
    lines: tuple[Item, ...] = (_line("none", "None at the moment"),)
    if requests:
        lines = (
            _line("cancel_hint", "Choose one to cancel it"),
            *(Item(request_text(request, now), "cancel_request", request.id) for request in requests),
        )
    return Item(f"Active requests ({len(requests)})" if requests else "Active requests", key="active", items=lines)


def _session_logs(state: MenuState) -> Item:
    return Item(
        "Session logs",
        key="logs",
        items=(
            Item("Open folder", "open_log_folder"),
            Item("Last exchange", "open_last_exchange"),
            Item("Record conversations", "toggle_recording", checked=state.records),
        ),
    )


def _settings(server: ServerSnapshot, state: MenuState) -> Item:
    return Item(
        "Settings",
        key="settings",
        items=(
            _ports(state, server.active),
            Item(
                f"Default model: {state.default_model}",
                key="default_model",
                items=tuple(
                    _choice(text, "set_default_model", value, state.default_model)
                    for value, text in _models(server.models, state.default_model)
                ),
            ),
            _separator("switches"),
            Item("Start at login", "toggle_start_at_login", checked=state.starts_at_login),
            Item("Start server on launch", "toggle_start_on_launch", checked=state.starts_on_launch),
            Item("Notifications", "toggle_notifications", checked=state.notifies),
            Item("Ring around the icon for the plan", "toggle_ring", checked=state.shows_ring),
            _separator("file"),
            Item("Open settings file", "open_settings_file"),
        ),
    )


def _advanced(server: ServerSnapshot, state: MenuState) -> Item:
    """Make the lines that few people need."""
    ready = server.state == "ready"
    requests = f"Requests {server.active} active · {server.served} served · {server.failed} failed"
    return Item(
        "Advanced",
        key="advanced",
        items=(
            _view("pool", pool_text(server.pool), "now", ready),
            _view("requests", requests, "log", ready),
            _separator("copy"),
            Item("Copy base URL", "copy_base_url", enabled=not port_is_taken(server)),
            _separator("server"),
            *_server_switches(server, state),
            _separator("more"),
            _active_requests(server.requests, state.now),
            _session_logs(state),
            Item(
                f"Pool size: {state.pool_size}",
                key="pool_size",
                items=tuple(
                    _choice(str(size), "set_pool_size", size, state.pool_size)
                    for size in sorted({*POOL_SIZES, state.pool_size})
                ),
            ),
            Item("API keys…", "open_dashboard", "keys", key="keys", enabled=ready),
            Item("Check all that is needed…", "open_dashboard", "doctor", key="doctor", enabled=ready),
            _about(server, state),
        ),
    )


def _ports(state: MenuState, active: int) -> Item:
    """Offer the next free ports, and the settings file for others: a menu has no field to type in."""
    ports = (state.configured_port, *(port for port in state.free_ports if port != state.configured_port))
    return Item(
        f"Port: {state.configured_port}",
        key="port",
        items=(
            *(_choice(str(port), "set_port", port, state.configured_port) for port in ports),
            _separator("port"),
            _line("port_ends", f"Another port{ends_text(active)}", visible=active > 0),
            Item("Another, in the settings file…", "open_settings_file", key="other_port"),
        ),
    )


def _about(server: ServerSnapshot, state: MenuState) -> Item:
    cli = server.account.cli_version
    newer = f" · {server.newer_version} is available" if server.newer_version else ""
    return Item(
        "About",
        key="about",
        items=(
            _line("version", f"Tray Bridge {state.version}{newer}"),
            _line("cli_version", f"Claude Code {cli}" if cli else "Claude Code: version not known yet"),
            _line("address", server.base_url),
            Item("Copy these lines", "copy_about"),
        ),
    )


def _models(models: tuple[ModelSnapshot, ...], chosen: str) -> list[tuple[str, str]]:
    """List each model's value and text, the chosen one included."""
    known = {model.value: model.display_name or model.value for model in models if model.value != "default"}
    names = known or {model.value: model.value for model in USUAL_MODELS}
    return list((names if chosen in names else {chosen: chosen, **names}).items())


def _line(key: str, text: str, visible: bool = True) -> Item:
    """Make a line that is only a text."""
    return Item(text, key=key, enabled=False, visible=visible)


def _view(key: str, text: str, section: str, enabled: bool, visible: bool = True) -> Item:
    """Make a line that opens a view of the page."""
    return Item(text, "open_dashboard", section, key=key, enabled=enabled, visible=visible)


def _choice(text: str, action: str, value: str | int, chosen: str | int) -> Item:
    return Item(text, action, value, checked=value == chosen, radio=True)


def _separator(key: str) -> Item:
    return Item(key=f"before_{key}")
