"""The settings: flags > environment > settings.toml > defaults, as one frozen object.

Owns what can be set, its limits and its words. Knows nothing of who uses a setting. A bad value is a
`SettingsError` that names the key, where the value came from and what would be right.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import reprlib
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ..errors import SettingsError
from ..machine.paths import config_file
from ..machine.private_files import replace_file
from ..snapshots import Problem

logger = logging.getLogger(__name__)
_saving = threading.Lock()

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


class Settings(BaseSettings):
    """All settings of one run. Frozen; a change is a new object (`load_settings`, `reload_settings`)."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="TRAY_BRIDGE_", env_ignore_empty=True, populate_by_name=True
    )

    # A field whose alias is its own name takes its variable without a prefix: PORT, POOL_SIZE, …
    host: str = Field(default="127.0.0.1", description="Address to listen on; other than loopback it needs an API key")
    port: int = Field(default=8000, ge=0, le=65535, validation_alias="port", description="Port; 0 takes a free one")
    pool_size: int = Field(default=3, ge=0, le=16, validation_alias="pool_size", description="Warm sessions kept")
    max_sessions: int = Field(
        default=8, ge=1, le=64, description="Most sessions at once; raised to `pool_size` if that is more"
    )
    claude_timeout: float = Field(
        default=120.0,
        gt=0,
        validation_alias="claude_timeout",
        description="Seconds without anything from Claude before a request fails",
    )
    queue_limit: int = Field(default=32, ge=0, description="Requests that may wait while all sessions are busy")
    queue_timeout: float = Field(default=60.0, ge=0, description="Seconds that a request may wait for a session")
    default_model: str = Field(default="sonnet", min_length=1, description="Model of a request that names none")
    model_aliases: Annotated[dict[str, str], NoDecode] = Field(
        default=DEFAULT_ALIASES,
        description="Names that clients hard-code and what they stand for, added to the built-in ones",
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"),
        description="Web origins, besides this machine's own page, that may call the bridge; exact",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("host.docker.internal",),
        description="Names, besides this machine's own, that requests may come for",
    )
    body_limit_mb: int = Field(default=32, ge=1, le=1024, description="Largest request body, in megabytes")
    log_mode: Literal["full", "metadata", "off"] = Field(
        default="full", description="What the session log keeps of an exchange; `metadata` keeps no texts"
    )
    log_days: int = Field(default=7, ge=1, description="Days that the session log goes back")
    log_megabytes: int = Field(default=200, ge=1, description="Most megabytes of session log; the oldest go first")
    log_folder: Path | None = Field(default=None, description="Folder of the session log, if not the usual one")
    parked_sessions: int = Field(
        default=4, ge=0, le=64, description="Sessions kept for a follow-up of their conversation"
    )
    parked_minutes: float = Field(default=10.0, ge=0, description="Minutes that a session waits for a follow-up")
    suspended_sessions: int = Field(default=4, ge=0, le=64, description="Sessions kept waiting for tool results")
    suspended_minutes: float = Field(default=15.0, ge=0, description="Minutes that a session waits for tool results")
    idle_minutes: float = Field(
        default=10.0, ge=0, description="Minutes without a request before the pool shrinks to one warm session"
    )
    keepalive_seconds: float = Field(default=10.0, gt=0, description="Seconds of silence before a stream shows life")
    show_reasoning: bool = Field(default=True, description="Pass the model's reasoning on as `reasoning_content`")
    fetch_private_addresses: bool = Field(
        default=False, description="Fetch images by URL from this machine and its network too"
    )
    cli_path: Path | None = Field(default=None, description="The `claude` program, if not the one that comes along")
    start_server_on_launch: bool = Field(default=True, description="The tray starts the server at once")
    notifications: bool = Field(default=True, description="The tray tells of problems in a notification")
    demo: bool = Field(default=False, description="Answer from a stand-in model; needs no account")

    @field_validator("allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A variable or a flag lists its values with commas."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("model_aliases", mode="before")
    @classmethod
    def _add_to_default_aliases(cls, value: object) -> object:
        """A variable reads `gpt-4o=opus,gpt-5=opus`."""
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
            if not all(name.strip() and model.strip() for name, _, model in pairs):
                raise ValueError
            value = {name.strip(): model.strip() for name, _, model in pairs}
        return {**DEFAULT_ALIASES, **value} if isinstance(value, Mapping) else value

    @field_validator("log_folder", "cli_path", mode="before")
    @classmethod
    def _expand_home(cls, value: object) -> object:
        """An empty text is no path: TOML has no null."""
        return Path(value).expanduser() if isinstance(value, str) and value else value or None

    def model_post_init(self, context: object) -> None:
        if self.max_sessions < self.pool_size:
            self.__dict__["max_sessions"] = self.pool_size

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, InitSettingsSource(settings_cls, _read_file(config_file()))


def load_settings(flags: Mapping[str, object] = {}) -> Settings:
    """Read the settings; `flags` are those given on the command line, by key. Raises SettingsError."""
    given = {key: value for key, value in flags.items() if value is not None}
    for warning in unknown_keys():
        logger.warning("%s", warning)
    try:
        return Settings(**given)  # type: ignore[arg-type]  # it is this call that checks them
    except ValidationError as error:
        keys = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        raise SettingsError(
            " ".join(_complaint(key, given) for key in keys), hint="Correct it, then start Tray Bridge again."
        ) from None


def reload_settings(previous: Settings, flags: Mapping[str, object] = {}) -> tuple[Settings, Problem | None]:
    """Read the settings again; if they are broken, keep the `previous` ones and say what is wrong."""
    try:
        return load_settings(flags), None
    except SettingsError as error:
        return previous, Problem(
            error.title, error.message, "The settings before this stay in force. " + error.hint, time.time()
        )


def save_setting(key: str, value: object) -> None:
    """Write one setting to settings.toml, keeping its comments and order; None takes it out.

    Makes a commented file the first time. Raises SettingsError for a bad value, or a file that cannot be read
    or written. Safe from any thread.
    """
    import tomlkit

    if key not in Settings.model_fields:
        raise SettingsError(f"There is no setting `{key}`.{_nearest(key)}")
    checked = getattr(load_settings({key: value}), key) if value is not None else None
    with _saving:
        path = ensure_settings_file()
        _read_file(path)
        text = path.read_text("utf-8-sig")
        document = tomlkit.parse(text)
        if checked is None:
            document.pop(key, None)
        elif key not in document and (line := re.compile(rf"(?m)^# {key} = .*$")).search(text):
            # The file shows every key, commented out: the value belongs there, beside its description.
            document = tomlkit.parse(line.sub(lambda _: f"{key} = {_toml(value)}", text, count=1))
        else:
            document[key] = _plain(value)
        _write(path, tomlkit.dumps(document))


def ensure_settings_file() -> Path:
    """Make settings.toml, every key described and commented out, if there is none; raises SettingsError."""
    path = config_file()
    if not path.exists():
        lines = ["# Settings of Tray Bridge. Take the # from a line to change its value.", ""]
        for setting in explain():
            lines += [f"# {setting.description} ({setting.expected})."]
            lines += [f"# {setting.key} = {setting.default}", ""]
        _write(path, "\n".join(lines))
    return path


class SettingDescription(NamedTuple):
    """One setting in words, for the README's table, the settings file and `--help`."""

    key: str
    variable: str
    default: str
    expected: str
    description: str


def explain() -> list[SettingDescription]:
    """Every setting, in order."""
    return [
        SettingDescription(key, _variable(key), _toml(field.default), _expected(key), (field.description or "").strip())
        for key, field in Settings.model_fields.items()
    ]


def unknown_keys() -> list[str]:
    """One sentence for each key in settings.toml that means nothing; raises SettingsError."""
    path = config_file()
    return [
        f"{path}{_line(path, key)}: there is no setting `{key}`, so it is ignored.{_nearest(key)}"
        for key in _read_file(path)
        if key not in Settings.model_fields
    ]


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    import tomlkit  # most people have no such file, and the start is sooner without it
    from tomlkit.exceptions import TOMLKitError

    try:
        # Windows editors like to put a byte order mark first, which TOML does not know.
        values: dict[str, Any] = tomlkit.parse(content.decode("utf-8-sig")).unwrap()
        return values
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not valid TOML: {_in_words(error)}.", hint="Correct the line, or delete the file to begin anew."
        ) from error


def _in_words(error: Exception) -> str:
    """The parser's complaint; it calls the end of the file a NUL character."""
    return "the last value is not finished" if "'\\x00'" in str(error) else str(error).rstrip(".")


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror or error}.") from error


def _complaint(key: str, flags: Mapping[str, object]) -> str:
    """`pool_size` is '40' in the environment variable POOL_SIZE, but takes a whole number from 0 to 16."""
    path = config_file()
    variables = {name.upper(): text for name, text in os.environ.items()}
    if key in flags:
        source, value = f"the flag --{key.replace('_', '-')}", flags[key]
    elif _variable(key) in variables:
        source, value = f"the environment variable {_variable(key)}", variables[_variable(key)]
    else:
        source, value = f"{path}{_line(path, key)}", _read_file(path).get(key)
    return f"`{key}` is {reprlib.repr(value)} in {source}, but takes {_expected(key)}."


def _line(path: Path, key: str) -> str:
    """`:12` if the key's line is easily found."""
    pattern = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    lines = path.read_text("utf-8-sig").splitlines() if path.exists() else []
    return next((f":{number}" for number, line in enumerate(lines, 1) if pattern.match(line)), "")


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, Settings.model_fields, 1)
    return f" Did you mean `{close[0]}`?" if close else ""


def _variable(key: str) -> str:
    field = Settings.model_fields[key]
    return key.upper() if field.validation_alias else f"TRAY_BRIDGE_{key.upper()}"


def _expected(key: str) -> str:
    """What a value must be: `a whole number from 0 to 16`."""
    field = Settings.model_fields[key]
    kind = field.annotation
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _limits(field)
    if kind == Path | None:
        return "a path"
    if get_origin(kind) is tuple:
        return "a list of texts"
    return "a table of name = model" if get_origin(kind) is dict else "a text"


def _limits(field: FieldInfo) -> str:
    low = next((limit.ge for limit in field.metadata if isinstance(limit, Ge)), None)
    high = next((limit.le for limit in field.metadata if isinstance(limit, Le)), None)
    if low is None:
        return " above 0" if field.metadata else ""
    return f" from {low} to {high}" if high is not None else f", {low} or more"


def _plain(value: object) -> object:
    """`value` in TOML's own types."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _toml(value: object) -> str:
    """`value` as it is written in settings.toml, on one line."""
    import tomlkit

    if value is None:
        return '""'
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        table.update(value)
        return table.as_string()
    return tomlkit.item(_plain(value)).as_string()
