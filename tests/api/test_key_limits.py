"""The limits of keys, counted across restarts whatever becomes of the log, the day and the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from pathlib import Path

import pytest

from tray_bridge.api import key_limits
from tray_bridge.api.key_limits import LimitKeeper
from tray_bridge.errors import KeyLimitError
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits
from tray_bridge.machine.key_use import KeyUse, Use
from tray_bridge.turns import Usage

MODELS = ("claude-sonnet-5", "sonnet")


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    keys = ApiKeys(tmp_path / "keys.json")
    keys.make("laptop")
    return keys


def keeper(keys: ApiKeys, folder: Path) -> LimitKeeper:
    return LimitKeeper(keys, KeyUse(folder / "used.db"))


async def is_admitted(limits: LimitKeeper) -> bool:
    try:
        await limits.admit("laptop", "openai_chat", MODELS)
    except KeyLimitError as error:
        assert 0 < (error.retry_after or 0) <= 86400
        return False
    return True


async def test_what_was_used_before_there_was_a_limit_counts_too(keys: ApiKeys, tmp_path: Path) -> None:
    limits = keeper(keys, tmp_path)
    assert [await is_admitted(limits) for _ in range(3)] == [True] * 3
    limits.failed("laptop")
    limits.used("laptop", Usage(10, 2, 30, 4, 5))
    keys.limit("laptop", KeyLimits(requests_per_day=3))
    assert [await is_admitted(limits), await is_admitted(limits)] == [True, False]
    keys.limit("laptop", KeyLimits(tokens_per_day=46))
    assert not await is_admitted(limits)
    keys.limit("laptop", KeyLimits(tokens_per_day=47))
    await limits.close()
    again = keeper(keys, tmp_path)
    assert [await is_admitted(again)] == [True]
    await again.close()
    key = keys.get("laptop")
    assert key is not None
    assert KeyUse(tmp_path / "used.db").of(key, str(date.today())) == Use(4, 46)


async def test_a_limit_ends_at_midnight(keys: ApiKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.limit("laptop", KeyLimits(requests_per_day=1))
    limits = keeper(keys, tmp_path)
    assert [await is_admitted(limits), await is_admitted(limits)] == [True, False]

    class Tomorrow(date):
        @classmethod
        def today(cls) -> Tomorrow:
            return cls.fromordinal(date.today().toordinal() + 1)

    monkeypatch.setattr(key_limits, "date", Tomorrow)
    limits.failed("laptop")  # of yesterday
    assert await is_admitted(limits)
    with pytest.raises(KeyLimitError):
        await limits.admit("laptop", "openai_chat", MODELS)
    await limits.close()


async def test_a_key_that_is_made_anew_begins_anew(keys: ApiKeys, tmp_path: Path) -> None:
    keys.limit("laptop", KeyLimits(requests_per_day=1))
    limits = keeper(keys, tmp_path)
    assert await is_admitted(limits)
    keys.revoke("laptop")
    keys.make("laptop")
    keys.limit("laptop", KeyLimits(requests_per_day=1))
    assert [await is_admitted(limits), await is_admitted(limits)] == [True, False]
    await limits.close()


async def test_what_a_disk_refuses_is_saved_with_what_comes_next(
    keys: ApiKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = keeper(keys, tmp_path)

    refused = asyncio.Event()
    loop = asyncio.get_running_loop()

    def refuse(*_: object) -> None:
        loop.call_soon_threadsafe(refused.set)
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(KeyUse, "add", refuse)
        assert await is_admitted(limits)
        await refused.wait()
    assert await is_admitted(limits)
    await limits.close()
    key = keys.get("laptop")
    assert key is not None
    assert KeyUse(tmp_path / "used.db").of(key, str(date.today())).requests == 2


async def test_a_limit_of_0_promises_no_midnight(keys: ApiKeys, tmp_path: Path) -> None:
    limits = keeper(keys, tmp_path)
    keys.limit("laptop", KeyLimits(tokens_per_day=0))
    with pytest.raises(KeyLimitError) as refused:
        await limits.admit("laptop", "openai_chat", MODELS)
    assert refused.value.message == "The key laptop may use no tokens: its limit is 0 a day."
    assert refused.value.retry_after is None
    await limits.close()
