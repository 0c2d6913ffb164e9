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
import threading
import time
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import KeyNameError, KeyTakenError, SettingsError, UnknownKeyError
from .paths import keys_file
from .private_files import remedy_of, replace_file

_PREFIX = "tb-"
TITLE = "API keys"
OWNER, PAGE = "the owner", "the page"  # the owner's commands and the page ask as these; no key may
LONGEST_NAME = 64
# What a page's address, a terminal and an eye can tell apart: not `..`, not `a` beside `a `, no dash of an option.
_NAME = re.compile(rf"\w(?:[\w.@-]| (?! )){{0,{LONGEST_NAME - 1}}}(?<! )")


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
        self._changing = threading.Lock()

    def make(self, name: str) -> str:
        """Make a key and return it, the only time; raises KeyNameError for a name that is taken or invalid."""
        name = unicodedata.normalize("NFC", name)  # what looks the same is the same name
        if not _NAME.fullmatch(name):
            without = " ".join(part for part in name.split(" ") if part)
            fault = (
                "has a blank too many" if without != name and _NAME.fullmatch(without) else "is not a valid key name"
            )
            raise KeyNameError(f"{_shown(name)} {fault}.", hint=_valid_name(name))
        if name in (OWNER, PAGE):
            raise KeyNameError(f"Tray Bridge itself goes by the name {name}.", hint="Choose another name.")
        with self._changing:
            keys = self.list()
            if any(key.name == name for key in keys):
                command = f'tray-bridge key revoke "{name}"' if " " in name else f"tray-bridge key revoke {name}"
                hint = f"Choose another name, or revoke that key first: `{command}`."
                raise KeyTakenError(f"There is a key named {name} already.", hint=hint)
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
                hint="Correct the file, or delete it and make new keys with `tray-bridge key make NAME`.",
            ) from error
        return self._keys

    def revoke(self, name: str) -> None:
        """Revoke a key; raises UnknownKeyError if there is none of that name."""
        with self._changing:
            self.known(name)
            self._write(tuple(key for key in self.list() if key.name != name))

    def limits_of(self, name: str) -> KeyLimits:
        """Give the limits of a key; no limits for an unknown name. Raises SettingsError."""
        key = self.get(name)
        return key.limits if key else KeyLimits()

    def get(self, name: str) -> ApiKey | None:
        """Give the key of that name; raises SettingsError if the keys cannot be read."""
        return next((key for key in self.list() if key.name == name), None)

    def known(self, name: str) -> ApiKey:
        """Give the key of that name; raises UnknownKeyError if there is none."""
        if key := self.get(name):
            return key
        raise UnknownKeyError(f"There is no key named {_shown(name)}.")

    def limit(self, name: str, limits: KeyLimits) -> None:
        """Limit a key; raises UnknownKeyError if there is none of that name."""
        with self._changing:
            self.known(name)
            keys = self.list()
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
        return matches[0] if matches and matches[0] not in (OWNER, PAGE) else None

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        try:
            replace_file(self._path, json.dumps([_plain(key) for key in keys], indent=2).encode())
        except OSError as error:
            problem = f"{self._path} cannot be written: {error.strerror or error}."
            raise SettingsError(problem, title=TITLE, hint=remedy_of(error)) from error


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _shown(name: str) -> str:
    """Give a name as a message names it: as it is, or in quotes and cut where it is odd."""
    return name if _NAME.fullmatch(name) else ascii(name[:80])


def _valid_name(name: str) -> str:
    """Tell what a name may be, and give one that is like `name`, if there is any."""
    rule = f"A name has 1 to {LONGEST_NAME} letters, digits, single spaces, . _ @ and -; a letter or digit comes first."
    like = re.sub(r"[^\w.@ -]+", "-", " ".join(name.split())).strip(" -.@")[:LONGEST_NAME].rstrip()
    return f"{rule} `{like}` is one." if _NAME.fullmatch(like) else rule


def _plain(key: ApiKey) -> dict[str, Any]:
    return {**key._asdict(), "limits": key.limits._asdict()}


def _read(entry: dict[str, Any]) -> ApiKey:
    """Read one key; raises ValueError or TypeError for what is none: a spoilt limit is not taken for no limit."""
    entry = dict(entry)
    limits = dict(entry.pop("limits", {}))
    lists = {name: limits.pop(name, []) for name in ("models", "dialects")}
    models, dialects = map(tuple, lists.values())
    key = ApiKey(**entry, limits=KeyLimits(**limits, models=models, dialects=dialects))
    most = [key.limits.requests_per_day, key.limits.tokens_per_day]
    is_right = {
        "name": isinstance(key.name, str),
        "sha256": isinstance(key.sha256, str),
        "made_at": type(key.made_at) in (int, float),
        "limits": all(number is None or (type(number) is int and number >= 0) for number in most),
        "models or dialects": all(isinstance(given, list) for given in lists.values())
        and all(isinstance(one, str) for one in (*models, *dialects)),
        "paused": isinstance(key.limits.paused, bool),
    }
    if wrong := [field for field, right in is_right.items() if not right]:
        raise ValueError(f"the key {key.name!r} has a wrong value in {wrong[0]}")
    return key
