"""The limits of API keys: what each key has used today, counted across restarts.

What was used before this program began is read from a file once for each key; what comes since is counted here and
saved behind the requests, so that none waits for a disk. Used in the server's event loop only.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import TypeVar

from ..bridge import all_dialects
from ..errors import AccessDeniedError, KeyLimitError
from ..machine.api_keys import ApiKey, ApiKeys, KeyLimits
from ..machine.key_use import KeyUse, Use
from ..turns import Usage

CLOSE_SECONDS = 2.0
T = TypeVar("T")
logger = logging.getLogger(__name__)


class LimitKeeper:
    """Apply the limits of `keys`, and keep what they use in `use`."""

    def __init__(self, keys: ApiKeys, use: KeyUse | None = None) -> None:
        self._keys = keys
        self._use = use or KeyUse()
        self._day = str(date.today())
        self._today: dict[ApiKey, Use] = {}
        self._admitted: dict[str, ApiKey] = {}
        self._unsaved: dict[tuple[ApiKey, str], Use] = defaultdict(Use)
        self._loading = asyncio.Lock()
        self._saving: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="key-use")

    async def admit(self, name: str | None, dialect: str, models: tuple[str, ...]) -> None:
        """Count a request of a key for a model, of which all names are given.

        Raises KeyLimitError or AccessDeniedError if the key may not ask that now.
        """
        key = self.check(name, dialect, models)
        if key is None:
            return
        limits = key.limits
        await self._load(_same(key))
        today = self._today[_same(key)]
        for used, most, what in (
            (today.requests, limits.requests_per_day, "requests"),
            (today.tokens, limits.tokens_per_day, "tokens"),
        ):
            if most == 0:  # the page refuses it, but the file may have it
                raise KeyLimitError(f"The key {name} may use no {what}: its limit is 0 a day.")
            if most is not None and used >= most:
                message = f"The key {name} has used {used:,} of its {most:,} {what} a day."
                raise KeyLimitError(f"{message} It may ask again at midnight.", retry_after=_seconds_to_midnight())
        self._admitted[key.name] = _same(key)
        self._count(_same(key), Use(requests=1))

    def check(self, name: str | None, dialect: str, models: tuple[str, ...]) -> ApiKey | None:
        """Give the key if it may ask this at all, whatever it has used; raises as `admit` does."""
        key = self._keys.get(name) if name else None
        if key is None:
            return None
        limits = key.limits
        if limits.paused:
            raise KeyLimitError(f"The key {name} is paused.", hint="Its owner can resume it on the page, under Keys.")
        if limits.dialects and dialect not in limits.dialects:
            titles = {known.name: known.title for known in all_dialects.DIALECTS}
            allowed = ", ".join(titles.get(one, one) for one in limits.dialects)
            raise AccessDeniedError(f"The key {name} may not use {titles.get(dialect, dialect)}, only {allowed}.")
        if limits.models and not set(models) & set(limits.models):
            raise AccessDeniedError(f"The key {name} may not ask {models[0]}, only {', '.join(limits.models)}.")
        return key

    def used(self, name: str | None, usage: Usage) -> None:
        """Count the tokens of an answer for its key."""
        if name and (key := self._admitted.get(name)):
            read = usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens
            self._count(key, Use(tokens=read + usage.output_tokens))

    def failed(self, name: str | None) -> None:
        """Take back a request that ended in an error: only answers count."""
        if name and (key := self._admitted.get(name)):
            self._count(key, Use(requests=-1))

    async def close(self) -> None:
        """Save what is not saved yet; a disk that hangs is not waited for."""
        for _ in range(2):  # what is under way, and what came meanwhile or was refused before
            if self._saving is None and self._unsaved:
                self._saving = asyncio.ensure_future(self._save())
            if self._saving is not None:
                await asyncio.wait({self._saving}, timeout=CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    def _count(self, key: ApiKey, use: Use) -> None:
        day = self._turn_the_day()
        before = self._today.get(key, Use())
        # A request that ended in an error after midnight was yesterday's.
        use = Use(max(use.requests, -before.requests), use.tokens)
        self._today[key] = before + use
        self._unsaved[key, day] += use
        if self._saving is None:
            self._saving = asyncio.ensure_future(self._save())

    def _turn_the_day(self) -> str:
        """Begin anew if the day has changed: all of the new day is counted here."""
        if (today := str(date.today())) != self._day:
            self._day = today
            self._today = {key: Use() for key in self._today}
        return today

    async def _load(self, key: ApiKey) -> None:
        """Read once what the key used today before this program began."""
        self._turn_the_day()
        async with self._loading:
            if key in self._today:
                return
            before = Use()
            try:
                before = await self._in_thread(self._use.of, key, self._day)
            except (OSError, sqlite3.Error) as error:
                logger.warning("What the key %s used before could not be read: %s", key.name, error)
            self._today[key] = before

    async def _save(self) -> None:
        """Save until there is nothing left; what a disk refuses is saved with what comes next."""
        try:
            while self._unsaved:
                unsaved, self._unsaved = self._unsaved, defaultdict(Use)
                try:
                    await self._in_thread(self._use.add, [(key, day, use) for (key, day), use in unsaved.items()])
                except (OSError, sqlite3.Error) as error:
                    logger.warning("What keys have used could not be saved: %s", error)
                    for place, use in unsaved.items():
                        self._unsaved[place] += use
                    return
        finally:
            self._saving = None

    def _in_thread(self, work: Callable[..., T], *values: object) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *values)


def _same(key: ApiKey) -> ApiKey:
    """Give the key without its limits: a change of them does not make it another one."""
    return key._replace(limits=KeyLimits())


def _seconds_to_midnight() -> float:
    tomorrow = datetime.combine(date.today() + timedelta(days=1), datetime.min.time())
    return max(1.0, tomorrow.timestamp() - time.time())
