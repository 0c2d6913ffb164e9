"""The settings file as text: reading, writing, and the line of a key. Must not know a setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..machine.private_files import remedy_of, replace_file


def read_file(path: Path) -> dict[str, Any]:
    """Read the settings file; empty if there is none. Raises SettingsError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}.") from error
    import tomlkit  # slow to import, and most people have no such file
    from tomlkit.exceptions import TOMLKitError

    try:
        # Windows editors often write a byte order mark first, which TOML does not allow.
        values: dict[str, Any] = tomlkit.parse(content.decode("utf-8-sig")).unwrap()
        return values
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not valid TOML: {_reason(error)}.",
            hint="Correct the line, or delete the file to start with the defaults.",
        ) from error


def _reason(error: Exception) -> str:
    """Give the parser's reason, which calls the end of the file a NUL character."""
    return "the last value is not finished" if "'\\x00'" in str(error) else str(error).rstrip(".")


def write_file(path: Path, text: str) -> None:
    """Write the settings file; raises SettingsError."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}.", title="Not saved", hint=remedy_of(error)
        ) from error


def line_of(path: Path, key: str) -> str:
    """Give `:12` if the key's line is found."""
    pattern = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    lines = path.read_text("utf-8-sig").splitlines() if path.exists() else []
    return next((f":{number}" for number, line in enumerate(lines, 1) if pattern.match(line)), "")
