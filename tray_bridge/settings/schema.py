"""The settings: flags > environment > settings.toml > defaults, as one frozen object.

Owns what can be set, its limits and its description. Must not know what uses a setting. A bad value is a
`SettingsError` that names the key, the source of the value and the values that it takes.
"""

from __future__ import annotations

import logging
import os
import re
import reprlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from ..errors import SettingsError
from ..machine.bridge_address import USUAL_PORT
from ..machine.paths import config_file
from ..snapshots import DEFAULT_MODEL, Problem
from .file import line_of, read_file, write_file
from .words import SettingDescription, describe, expected, nearest, plain, toml, variable

logger = logging.getLogger(__name__)
_saving = threading.Lock()

A_DAY, A_WEEK = 86_400, 10_080  # in seconds, in minutes: no wait is longer
DEFAULT_ALIASES = {
    "gpt-3.5-turbo": "haiku",
    "gpt-4": "sonnet",
    "gpt-4-turbo": "sonnet",
    "gpt-4.1": "sonnet",
    "gpt-4.1-mini": "haiku",
    "gpt-4.1-nano": "haiku",
    "gpt-4o": "sonnet",
    "gpt-4o-mini": "haiku",
    "gpt-5": "opus",
    "gpt-5-mini": "sonnet",
    "gpt-5-nano": "haiku",
}


class Settings(BaseModel, frozen=True):
    """All settings of one run. Frozen; a change is a new object (`load_settings`, `reload_settings`)."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; any but loopback needs an API key")
    port: int = Field(default=USUAL_PORT, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    ollama_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="A second port, for programs that expect Ollama at 11434; 0 for none",
    )
    pool_size: int = Field(default=3, ge=0, le=16, description="Processes kept ready")
    max_sessions: int = Field(default=8, ge=1, le=64, description="Most processes at once; at least `pool_size`")
    claude_timeout: float = Field(
        default=120.0,
        gt=0,
        le=A_DAY,
        description="Seconds without anything from Claude before a request fails",
    )
    queue_limit: int = Field(
        default=32, ge=0, le=100_000, description="Requests that may wait while all processes are busy"
    )
    queue_timeout: float = Field(
        default=60.0, ge=0, le=A_DAY, description="Seconds that a request may wait for a process"
    )
    default_model: str = Field(default=DEFAULT_MODEL, min_length=1, description="Model for requests without one")
    model_aliases: dict[str, str] = Field(
        default=DEFAULT_ALIASES,
        description="Model names that clients send, each with the model it means; added to the built-in ones",
    )
    list_aliases: bool = Field(
        default=True,
        description="List the aliases among the models; with `false` they still work, and clients' pickers are short",
    )
    allowed_origins: tuple[str, ...] = Field(
        default=("tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"),
        description="Web origins that may call the bridge, besides its own page; exact",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("host.docker.internal",),
        description="Host names that requests may use, besides this machine's own",
    )
    body_limit_mb: int = Field(default=32, ge=1, le=1024, description="Largest request body, in megabytes")
    log_mode: Literal["full", "metadata", "off"] = Field(
        default="full", description="What the session log keeps; `metadata` leaves out all texts"
    )
    log_days: int = Field(default=7, ge=1, le=36_500, description="Days that the session log is kept")
    log_megabytes: int = Field(
        default=200,
        ge=1,
        le=1_000_000,
        description="Largest size of the session log, in megabytes; the oldest files are deleted first",
    )
    log_folder: Path | None = Field(default=None, description="Folder of the logs, if not the usual one")
    reuse_workers: bool = Field(
        default=True,
        description="Let one Claude Code process serve one conversation after another; `false` gives each its own",
    )
    parked_sessions: int = Field(
        default=4, ge=0, le=64, description="Processes that keep their conversation for a follow-up"
    )
    parked_minutes: float = Field(
        default=10.0, ge=0, le=A_WEEK, description="Minutes that a process keeps its conversation for a follow-up"
    )
    suspended_sessions: int = Field(default=4, ge=0, le=64, description="Processes that may wait for tool results")
    suspended_minutes: float = Field(
        default=15.0, ge=0, le=A_WEEK, description="Minutes that a process waits for tool results"
    )
    idle_minutes: float = Field(
        default=10.0,
        ge=0,
        le=A_WEEK,
        description="Minutes without a request before the pool shrinks to one ready process",
    )
    keepalive_seconds: float = Field(
        default=10.0, gt=0, le=A_DAY, description="Seconds of silence before a keep-alive is sent"
    )
    show_reasoning: bool = Field(default=True, description="Pass the model's reasoning on to clients")
    fetch_private_addresses: bool = Field(
        default=False, description="Fetch images by URL from this machine and its network, too"
    )
    claude_settings: bool = Field(
        default=False, description="Use the account that Claude Code's own settings.json sets up: `env`, `apiKeyHelper`"
    )
    cli_path: Path | None = Field(default=None, description="Path to `claude`, if not the bundled one")
    start_server_on_launch: bool = Field(default=True, description="Start the server when the tray starts")
    notifications: bool = Field(default=True, description="Show a notification when something goes wrong")
    plan_ring: bool = Field(
        default=False, description="Draw a ring around the tray icon that fills with the fullest window of the plan"
    )
    log_level: Literal["error", "warning", "info", "debug"] = Field(
        default="info",
        description="Least severe level that bridge.log keeps; `--verbose` sets `debug` and shows them in the terminal",
    )
    check_for_updates: bool = Field(default=True, description="Ask once a day whether a newer release exists")
    demo: bool = Field(default=False, description="Answer from a scripted model; needs no account")

    @field_validator("allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Split the values of a variable or a flag at commas."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("model_aliases", mode="before")
    @classmethod
    def _add_to_default_aliases(cls, value: object) -> object:
        """Read a variable such as `gpt-4o=opus,gpt-5=opus`, and add it to the built-in aliases."""
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            if not all(name.strip() and model.strip() for name, _, model in pairs):
                raise ValueError
            value = {name.strip(): model.strip() for name, _, model in pairs}
        return {**DEFAULT_ALIASES, **value} if isinstance(value, Mapping) else value

    @field_validator("allowed_origins", "allowed_hosts", "model_aliases", mode="before")
    @classmethod
    def _read_as_in_the_file(cls, value: object) -> object:
        """Read `["a", "b"]` or `{a = "b"}` in a variable or a flag; before those above, as the last one runs first."""
        if not (isinstance(value, str) and value.lstrip().startswith(("[", "{"))):
            return value
        import tomlkit

        return tomlkit.parse(f"value = {value}").unwrap()["value"]

    @field_validator("log_folder", "cli_path", mode="before")
    @classmethod
    def _expand_home(cls, value: object) -> object:
        """Expand `~`; an empty text means no path, because TOML has no null."""
        return Path(value).expanduser() if isinstance(value, str) and value else value or None

    @property
    def session_limit(self) -> int:
        """Give `max_sessions`, but at least `pool_size`; computed each time, so that a changed copy has it too."""
        return max(self.max_sessions, self.pool_size)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


def load_settings(flags: Mapping[str, object] = {}) -> Settings:
    """Read the settings; `flags` are those given on the command line, by key. Raises SettingsError."""
    given = {key: value for key, value in flags.items() if value is not None}
    written = read_file(config_file())
    for warning in _unknown(written):
        logger.warning("%s", warning)
    try:
        variables = {key: text for key, (_, text) in _environment().items()}
        return Settings.model_validate({**written, **variables, **given})
    except ValidationError as error:
        keys = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        raise SettingsError(
            " ".join(_complaint(key, given) for key in keys), hint="Correct it, then start Tray Bridge again."
        ) from None


def reload_settings(previous: Settings, flags: Mapping[str, object] = {}) -> tuple[Settings, Problem | None]:
    """Read the settings again; if they are broken, keep the `previous` ones and return the problem."""
    try:
        return load_settings(flags), None
    except SettingsError as error:
        return previous, Problem(
            error.title, error.message, "The settings before this stay in force. " + error.hint, time.time()
        )


def save_setting(key: str, value: object) -> None:
    """Write one setting to settings.toml, keeping its comments and order; None removes it.

    Makes a commented file the first time. Raises SettingsError for a bad value, or a file that cannot be read or
    written. Safe from any thread.
    """
    import tomlkit

    if key not in Settings.model_fields:
        raise SettingsError(f"There is no setting `{key}`.{nearest(key, Settings.model_fields)}")
    checked = checked_value(key, value) if value is not None else None
    with _saving:
        path = ensure_settings_file()
        read_file(path)
        text = path.read_text("utf-8-sig")
        document = tomlkit.parse(text)
        if checked is None:
            document.pop(key, None)
        elif key not in document and (line := re.compile(rf"(?m)^# {key} = .*$")).search(text):
            # The file shows every key, commented out: the value belongs there, beside its description.
            document = tomlkit.parse(line.sub(lambda _: f"{key} = {toml(value)}", text, count=1))
        else:
            document[key] = plain(value)
        write_file(path, tomlkit.dumps(document))


def checked_value(key: str, value: object) -> object:
    """The value as the settings have it; raises SettingsError that tells what it takes."""
    try:
        return getattr(load_settings({key: value}), key)
    except SettingsError as error:
        if "in the flag --" not in error.message:
            raise
        problem = f"`{key}` takes {expected(Settings.model_fields[key])}, not {reprlib.repr(value)}."
        raise SettingsError(problem, hint="Nothing was written.") from None


def ensure_settings_file() -> Path:
    """Make settings.toml, every key described and commented out, if there is none; raises SettingsError."""
    path = config_file()
    if not path.exists():
        lines = ["# Settings of Tray Bridge. Take the # from a line to change its value.", ""]
        for setting in explain():
            lines += [f"# {setting.description} ({setting.expected})."]
            lines += [f"# {setting.key} = {setting.default}", ""]
        write_file(path, "\n".join(lines))
    return path


def explain() -> list[SettingDescription]:
    """Describe every setting, in order."""
    return describe(Settings.model_fields)


def unknown_keys() -> list[str]:
    """Give a sentence for each unknown key in settings.toml; raises SettingsError."""
    return _unknown(read_file(config_file()))


def _unknown(written: Mapping[str, object]) -> list[str]:
    path = config_file()
    return [
        f"{path}{line_of(path, key)}: there is no setting `{key}`, so it is ignored."
        + nearest(key, Settings.model_fields)
        for key in written
        if key not in Settings.model_fields
    ]


def _complaint(key: str, flags: Mapping[str, object]) -> str:
    """Write, for example: `pool_size` is '40' in the environment variable POOL_SIZE, but takes a whole number from 0 to
    16.
    """
    path = config_file()
    environment = _environment()
    if key in flags:
        source, value = f"the flag --{key.replace('_', '-')}", flags[key]
    elif key in environment:
        name, value = environment[key]
        source = f"the environment variable {name}"
    else:
        source, value = f"{path}{line_of(path, key)}", read_file(path).get(key)
    return f"`{key}` is {reprlib.repr(value)} in {source}, but takes {expected(Settings.model_fields[key])}."


def _environment() -> dict[str, tuple[str, str]]:
    """Find the settings that the environment has: the variable and its text by key. An empty one is none."""
    given = {name.upper(): text for name, text in os.environ.items() if text}
    names = {key: {variable(key), f"TRAY_BRIDGE_{key.upper()}"} & given.keys() for key in Settings.model_fields}
    return {key: (name, given[name]) for key, found in names.items() for name in sorted(found)[:1]}
