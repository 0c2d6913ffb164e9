"""The limits of API keys: what each key has used today, counted across restarts.

What was used before this program began is read from `usage.db`; what came since is counted here, so that the file may
lag behind. Used in the server's event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

from ..errors import AccessDeniedError, KeyLimitError
from ..machine.api_keys import ApiKeys
from ..session_log import LogReader
from ..turns import Usage


class LimitKeeper:
    """Apply the limits of `keys`; `log_folder` holds `usage.db`."""

    def __init__(self, keys: ApiKeys, log_folder: Path) -> None:
        self._keys = keys
        self._log_folder = log_folder
        self._began = time.time()
        self._day = date.today()
        self._requests: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._loaded: set[str] = set()
        self._loading = asyncio.Lock()

    async def admit(self, key: str | None, dialect: str, models: tuple[str, ...]) -> None:
        """Count a request of a key for a model, as it is and as it was named.

        Raises KeyLimitError or AccessDeniedError if the key may not ask that now.
        """
        if key is None:
            return
        limits = self._keys.limits_of(key)
        if limits.paused:
            raise KeyLimitError(f"The key {key} is paused.")
        if limits.dialects and dialect not in limits.dialects:
            raise AccessDeniedError(f"The key {key} may not use {dialect}, only {', '.join(limits.dialects)}.")
        if limits.models and not set(models) & set(limits.models):
            raise AccessDeniedError(f"The key {key} may not ask {models[0]}, only {', '.join(limits.models)}.")
        self._turn_the_day()
        if limits.requests_per_day is not None or limits.tokens_per_day is not None:
            await self._load(key)
            for used, most, what in (
                (self._requests[key], limits.requests_per_day, "requests"),
                (self._tokens[key], limits.tokens_per_day, "tokens"),
            ):
                if most is not None and used >= most:
                    message = f"The key {key} has used {used:,} of its {most:,} {what} a day."
                    raise KeyLimitError(f"{message} It may ask again at midnight.", retry_after=_seconds_to_midnight())
        self._requests[key] += 1

    def used(self, key: str | None, usage: Usage) -> None:
        """Count the tokens of an answer for its key."""
        if key is not None:
            self._turn_the_day()
            read = usage.input_tokens + usage.cache_read_tokens + usage.cache_creation_tokens
            self._tokens[key] += read + usage.output_tokens

    def failed(self, key: str | None) -> None:
        """Take back a request that ended in an error: only answers count."""
        if key is not None and self._requests[key] > 0:
            self._requests[key] -= 1

    def _turn_the_day(self) -> None:
        if (today := date.today()) != self._day:
            self._day = today
            self._requests.clear()
            self._tokens.clear()
            # All of the new day is counted here.
            self._began = 0.0
            self._loaded.clear()

    async def _load(self, key: str) -> None:
        """Add what the key used today before this program began."""
        async with self._loading:
            midnight = datetime.combine(self._day, datetime.min.time()).timestamp()
            known = self._keys.get(key)
            # An earlier key of the same name was another one.
            since = max(midnight, known.made_at if known else 0.0)
            if key in self._loaded or self._began <= since:
                return
            requests, tokens = await asyncio.to_thread(self._before, key, since)
            self._requests[key] += requests
            self._tokens[key] += tokens
            self._loaded.add(key)

    def _before(self, key: str, since: float) -> tuple[int, int]:
        reader = LogReader(self._log_folder)
        try:
            return reader.usage.answered(key, since, self._began)
        finally:
            reader.close()


def _seconds_to_midnight() -> float:
    tomorrow = datetime.combine(date.today() + timedelta(days=1), datetime.min.time())
    return max(1.0, tomorrow.timestamp() - time.time())
