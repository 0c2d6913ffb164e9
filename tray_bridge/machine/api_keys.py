"""The API keys of the bridge itself: named, random, kept hashed in a file that only its owner may read.

Must not know HTTP. A key has 256 random bits, so one SHA-256 protects it as well as a slow hash, which would delay each
request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import SettingsError
from .paths import keys_file
from .private_files import remedy_of, replace_file

_PREFIX = "tb-"
TITLE = "API keys"
_NAME = re.compile(r"[\w.@ -]{1,64}")


class KeyLimits(NamedTuple):
    """The limits of a key; None or empty means no limit. Days are those of this machine's clock."""

    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    models: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    paused: bool = False


class ApiKey(NamedTuple):
    """What is kept of a key: enough to recognise it, not to use it."""

    name: str
    sha256: str
    made_at: float
    limits: KeyLimits = KeyLimits()


class ApiKeys:
    """The keys in `path`. The file is read again when it has changed, so that a revoked key fails at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or keys_file()
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[ApiKey, ...] = ()

    def make(self, name: str) -> str:
        """Make a key and return it, the only time; raises SettingsError for a name that is taken or invalid."""
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{name!r} is not a valid key name.", hint="Use letters, digits, spaces, . _ @ and -.")
        keys = self.list()
        if any(key.name == name for key in keys):
            raise SettingsError(
                f"There is a key named {name} already.",
                title=TITLE,
                hint=f"Revoke it first: `tray-bridge key revoke {name}`.",
            )
        key = _PREFIX + secrets.token_urlsafe(32)
        self._write((*keys, ApiKey(name, _hash(key), time.time())))
        return key

    def list(self) -> tuple[ApiKey, ...]:
        """List all keys, oldest first; raises SettingsError if they cannot be read."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._stamp:
                entries = json.loads(self._path.read_bytes())
                self._keys, self._stamp = tuple(map(_read, entries)), stamp
        except FileNotFoundError:
            self._keys, self._stamp = (), None
        except (OSError, ValueError, TypeError) as error:
            raise SettingsError(
                f"The API keys in {self._path} cannot be read: {error}.",
                hint="Delete the file and make new keys with `tray-bridge key make NAME`.",
            ) from error
        return self._keys

    def revoke(self, name: str) -> None:
        """Revoke a key; raises SettingsError if there is none of that name."""
        keys = self.list()
        kept = tuple(key for key in keys if key.name != name)
        if len(kept) == len(keys):
            raise SettingsError(f"There is no key named {name}.", title=TITLE, hint="See `tray-bridge key list`.")
        self._write(kept)

    def limits_of(self, name: str) -> KeyLimits:
        """Give the limits of a key; no limits for an unknown name. Raises SettingsError."""
        key = self.get(name)
        return key.limits if key else KeyLimits()

    def get(self, name: str) -> ApiKey | None:
        """Give the key of that name; raises SettingsError if the keys cannot be read."""
        return next((key for key in self.list() if key.name == name), None)

    def limit(self, name: str, limits: KeyLimits) -> None:
        """Limit a key; raises SettingsError if there is none of that name."""
        keys = self.list()
        if all(key.name != name for key in keys):
            raise SettingsError(f"There is no key named {name}.", hint="`tray-bridge key list` shows them.")
        self._write(tuple(key._replace(limits=limits) if key.name == name else key for key in keys))

    def exist(self) -> bool:
        """Return whether there are keys, so that each request needs one; True for a broken file, which allows no
        request.
        """
        try:
            return bool(self.list())
        except SettingsError:
            return True

    def problem(self) -> SettingsError | None:
        """Return why the keys cannot be read; None where they can be, or where there are none."""
        try:
            self.list()
        except SettingsError as error:
            return error
        return None

    def verify(self, candidate: str) -> str | None:
        """Give the name of the key `candidate`, or None; takes the same time whichever key it resembles."""
        try:
            keys = self.list()
        except SettingsError:
            return None
        hashed = _hash(candidate)
        matches = [key.name for key in keys if hmac.compare_digest(key.sha256, hashed)]
        return matches[0] if matches else None

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        try:
            replace_file(self._path, json.dumps([_plain(key) for key in keys], indent=2).encode())
        except OSError as error:
            problem = f"{self._path} cannot be written: {error.strerror or error}."
            raise SettingsError(problem, title=TITLE, hint=remedy_of(error)) from error


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(key: ApiKey) -> dict[str, Any]:
    return {**key._asdict(), "limits": key.limits._asdict()}


def _read(entry: dict[str, Any]) -> ApiKey:
    entry = dict(entry)
    limits = dict(entry.pop("limits", {}))
    models, dialects = (tuple(limits.pop(name, ())) for name in ("models", "dialects"))
    return ApiKey(**entry, limits=KeyLimits(**limits, models=models, dialects=dialects))
