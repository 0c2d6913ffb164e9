"""The store of answers: chains, owners, limits, restarts and disks that fail."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import time
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tray_bridge.answer_store import AnswerStore
from tray_bridge.answer_store import store as store_module
from tray_bridge.answer_store.database import AnswerDatabase
from tray_bridge.answer_store.memory import COUNT, RecentAnswers
from tray_bridge.settings.schema import Settings

Record = dict[str, Any]


def record(parent: str | None = None, text: str = "x") -> Record:
    return {"parent": parent, "input": [{"text": text}], "output": []}


def store_in(folder: Path, *, persistent: bool = True, days: int = 7, megabytes: int = 200) -> AnswerStore:
    return AnswerStore(folder / "answers.sqlite", persistent=persistent, days=days, megabytes=megabytes)


async def save_chain(store: AnswerStore, count: int, owner: str | None = None) -> None:
    for number in range(count):
        await store.save({f"r{number}": record(f"r{number - 1}" if number else None)}, owner)


@pytest.mark.parametrize("persistent", [True, False])
async def test_a_chain_is_loaded_with_all_before_it(tmp_path: Path, persistent: bool) -> None:
    store = store_in(tmp_path, persistent=persistent)
    await save_chain(store, 3)
    assert set(await store.load(["r2"], None)) == {"r0", "r1", "r2"}
    assert set(await store.load(["r0", "nothing"], None)) == {"r0"}
    store.close()


async def test_a_chain_survives_a_restart_and_its_file_is_private(tmp_path: Path) -> None:
    first = store_in(tmp_path)
    await save_chain(first, 3, "key")
    first.close()
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "answers.sqlite").stat().st_mode) == 0o600
    second = store_in(tmp_path)
    assert (await second.load(["r2"], "key"))["r1"] == record("r0")
    assert set(await second.load(["r2"], "key")) == {"r0", "r1", "r2"}
    second.close()


async def test_what_is_not_persistent_leaves_no_file(tmp_path: Path) -> None:
    store = store_in(tmp_path, persistent=False)
    await save_chain(store, 2)
    assert await store.load(["other"], None) == {}
    store.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("restart", [True, False])
async def test_another_keys_answers_are_unknown(tmp_path: Path, restart: bool) -> None:
    store = store_in(tmp_path)
    await save_chain(store, 2, "one")
    if restart:
        store.close()
        store = store_in(tmp_path)
    assert await store.load(["r1"], "two") == {} and await store.load(["r1"], None) == {}
    assert not await store.delete("r1", "two")
    assert set(await store.load(["r1"], "one")) == {"r0", "r1"}
    store.close()


@pytest.mark.parametrize("persistent", [True, False])
async def test_a_deleted_answer_is_unreachable_but_carries_its_children(tmp_path: Path, persistent: bool) -> None:
    store = store_in(tmp_path, persistent=persistent)
    await save_chain(store, 2)
    assert await store.delete("r0", None)
    assert await store.load(["r0"], None) == {}
    assert set(await store.load(["r1"], None)) == {"r0", "r1"}
    assert await store.delete("r1", None) and not await store.delete("r1", None)
    store.close()
    if persistent:
        with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
            assert connection.execute("SELECT COUNT(*) FROM answers").fetchone() == (0,)


@pytest.mark.parametrize("restart", [True, False])
async def test_an_answer_that_is_deleted_while_it_is_continued_carries_what_comes_of_it(
    tmp_path: Path, restart: bool
) -> None:
    store = store_in(tmp_path)
    await save_chain(store, 2)
    assert await store.delete("r0", None) and await store.delete("r1", None)
    await asyncio.sleep(0.01)  # the answer takes its time
    await store.save({"child": record("r1")}, None)
    if restart:
        store.close()
        store = store_in(tmp_path)
    assert set(await store.load(["child"], None)) == {"r0", "r1", "child"}
    assert await store.load(["r1"], None) == {} == await store.load(["r0"], None)
    store.close()


async def test_a_deleted_answer_can_be_continued_only_for_as_long_as_an_answer_may_be_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "UNDER_WAY", 0.05)
    store = store_in(tmp_path, persistent=False)
    await save_chain(store, 1)
    assert await store.delete("r0", None)
    await asyncio.sleep(0.5)
    await store.save({"child": record("r0")}, None)
    assert "r0" not in await store.load(["child"], None)
    store.close()


def test_a_deleted_answer_stays_for_longer_than_an_answer_waits_and_is_silent() -> None:
    settings = Settings()
    assert settings.queue_timeout + settings.claude_timeout < store_module.UNDER_WAY


def test_a_deleted_answer_is_forgotten_unless_another_continues_it() -> None:
    recent = RecentAnswers()
    recent.add("root", "", record())
    recent.add("child", "", record("root"))
    for id_ in ("root", "child"):
        recent.forget(id_)
    assert len(recent) == 2  # neither was deleted
    for id_ in ("root", "child"):
        recent.delete(id_)
        recent.forget(id_)
    assert len(recent) == 1 and recent.get("root")
    recent.forget("root")
    assert len(recent) == 0


async def test_two_children_of_one_answer_do_not_see_each_other(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    await store.save({"root": record()}, None)
    await store.save({"left": record("root"), "right": record("root")}, None)
    assert set(await store.load(["left"], None)) == {"root", "left"}
    store.close()


def test_memory_is_bounded_by_count_size_and_age() -> None:
    now = 0.0
    recent = RecentAnswers(count=3, size=100_000, seconds=10, now=lambda: now)
    for number in range(5):
        recent.add(f"r{number}", "", record())
    assert [recent.get(f"r{number}") is not None for number in range(5)] == [False, False, True, True, True]
    recent.add("large", "", record(text="x" * 99_000))
    assert len(recent) <= 2 and recent.get("large")
    now = 11.0
    assert recent.get("large") is None
    recent.add("first", "", record())
    now = 22.0
    recent.add("second", "", record())
    assert len(recent) == 1  # what is too old does not stay until someone asks for it


@pytest.mark.parametrize("persistent", [True, False])
async def test_of_more_than_a_thousand_answers_the_oldest_are_on_disk_alone_or_gone(
    tmp_path: Path, persistent: bool
) -> None:
    store = store_in(tmp_path, persistent=persistent)
    for number in range(COUNT + 100):
        await store.save({f"r{number}": record()}, None)
        if number % 100 == 99:
            await asyncio.sleep(0.01 if persistent else 0)  # the disk keeps up with clients
    assert bool(await store.load(["r0"], None)) is persistent
    assert all([await store.load([f"r{number}"], None) for number in range(200, COUNT + 100, 50)])
    store.close(10)


def test_using_an_answer_keeps_it() -> None:
    recent = RecentAnswers(count=2)
    for id_ in ("a", "b"):
        recent.add(id_, "", record())
    recent.get("a")
    recent.add("c", "", record())
    assert recent.get("a") and recent.get("b") is None


def test_going_on_from_an_answer_keeps_all_before_it() -> None:
    recent = RecentAnswers(count=3)
    recent.add("root", "", record())
    recent.add("child", "", record("root"))
    recent.add("other", "", record())
    assert [id_ for id_, _ in recent.chain("child")] == ["child", "root"]
    recent.add("newest", "", record())
    assert [id_ for id_, _ in recent.chain("child")] == ["child", "root"]
    assert recent.get("other") is None


def test_the_disk_is_bounded_by_days_and_children_keep_their_parents(tmp_path: Path) -> None:
    now = 0.0
    database = AnswerDatabase(tmp_path / "answers.sqlite", now=lambda: now)
    for number in range(3):
        database.save(f"old{number}", "", record(f"old{number - 1}" if number else None))
    database.save("root", "", record())
    now = 10 * 86_400.0
    database.save("leaf", "", record("root"))
    database.discard_old(days=7, megabytes=100)
    assert [row.id for row in database.load_chain("leaf")] == ["leaf", "root"]
    assert database.load_chain("old0") == [] and database.load_chain("old2") == []
    database.close()


def test_an_answer_that_was_continued_is_kept_for_as_long_as_if_it_were_new(tmp_path: Path) -> None:
    now = 0.0
    database = AnswerDatabase(tmp_path / "answers.sqlite", now=lambda: now)
    for id_ in ("continued", "left alone"):
        database.save(id_, "", record())
    now = 6 * 86_400.0
    database.save("child", "", record("continued"))
    database.delete("child")
    now = 8 * 86_400.0
    database.discard_old(days=7, megabytes=100)
    assert database.load_chain("continued") and not database.load_chain("left alone")
    database.close()


def test_the_disk_is_bounded_by_megabytes_and_the_oldest_go_first(tmp_path: Path) -> None:
    now = 0.0
    database = AnswerDatabase(tmp_path / "answers.sqlite", now=lambda: now)
    for number in range(1000):
        now += 1
        database.save(f"r{number}", "", record(text=os.urandom(600).hex()))
    database.discard_old(days=7, megabytes=0.5)
    left = [number for number in range(1000) if database.load_chain(f"r{number}")]
    assert 300 < len(left) < 900 and left == list(range(left[0], 1000))
    database.close()
    assert (tmp_path / "answers.sqlite").stat().st_size < 1_200_000


async def test_a_limit_that_is_lowered_while_the_store_runs_acts_with_the_next_answer(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for number in range(10):
        await store.save({f"r{number}": record(text=os.urandom(5000).hex())}, None)
    assert await store.load(["nothing"], None) == {}  # which waits until all are written
    store.configure(persistent=True, days=7, megabytes=0)
    await store.save({"newest": record()}, None)
    store.close()
    again = store_in(tmp_path)
    assert await again.load(["r0", "r9"], None) == {}
    again.close()


def test_answers_that_continue_each_other_do_not_hold_the_disk_for_ever(tmp_path: Path) -> None:
    database = AnswerDatabase(tmp_path / "answers.sqlite")
    for number in range(2):
        database.save(f"r{number}", "", record(f"r{1 - number}", os.urandom(1000).hex()))
    database.discard_old(days=7, megabytes=0.0001)
    assert len(database.load_chain("r0")) > 1
    database.close()


async def test_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(b"no database at all" * 500)
    store = store_in(tmp_path)
    await save_chain(store, 2)
    store.close()
    assert (tmp_path / "answers.broken").exists()
    again = store_in(tmp_path)
    assert set(await again.load(["r1"], None)) == {"r0", "r1"}
    again.close()


async def test_a_file_that_proves_broken_in_use_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "answers.sqlite"
    first = store_in(tmp_path)
    await save_chain(first, 2)
    first.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))  # the head of it is well
    second = store_in(tmp_path)
    assert await second.load(["r1"], None) == {}
    await save_chain(second, 2)
    second.close()
    assert (tmp_path / "answers.broken").exists()
    third = store_in(tmp_path)
    assert set(await third.load(["r1"], None)) == {"r0", "r1"}
    third.close()


@pytest.mark.parametrize(
    "data", [b"\x00\x11", zlib.compress(b"[]"), zlib.compress(b'{"parent": 3}'), zlib.compress(b"{"), "x"]
)
async def test_an_answer_that_was_spoilt_is_missing_and_ends_its_chain(tmp_path: Path, data: object) -> None:
    first = store_in(tmp_path)
    await save_chain(first, 3)
    first.close()
    with closing(sqlite3.connect(tmp_path / "answers.sqlite")) as connection, connection:
        connection.execute("UPDATE answers SET record = ? WHERE id = 'r1'", (data,))
    second = store_in(tmp_path)
    assert set(await second.load(["r2"], None)) == {"r2"}
    assert await second.load(["r1"], None) == {}
    assert set(await second.load(["r0"], None)) == {"r0"}
    second.close()


async def test_a_disk_that_fails_leaves_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "blocked").write_text("a file where a folder is needed")
    store = AnswerStore(tmp_path / "blocked" / "answers.sqlite", persistent=True, days=7, megabytes=200)
    with caplog.at_level(logging.WARNING):
        await save_chain(store, 5)
        assert set(await store.load(["r4"], None)) == {f"r{number}" for number in range(5)}
        assert await store.load(["gone"], None) == {}
        store.close()
    assert len([entry for entry in caplog.records if "only in memory" in entry.message]) == 1


async def test_lone_surrogates_are_stored(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    await store.save({"r": record(text="\ud800")}, None)
    store.close()
    again = store_in(tmp_path)
    assert (await again.load(["r"], None))["r"] == record(text="\ud800")
    again.close()


async def test_a_long_chain_costs_no_more_to_save_and_little_to_load(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    await save_chain(store, 200)
    began = time.perf_counter()
    for _ in range(20):
        await store.load(["r199"], None)
    assert (time.perf_counter() - began) / 20 < 0.01
    store.close()
    with sqlite3.connect(tmp_path / "answers.sqlite") as connection:
        sizes = [size for (size,) in connection.execute("SELECT size FROM answers")]
    assert len(sizes) == 200 and max(sizes) < 2 * min(sizes)


async def test_the_loop_goes_on_while_answers_are_written(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    took = []
    for number in range(50):
        began = time.perf_counter()
        await store.save({f"r{number}": record(text="x" * 1_000_000)}, None)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0)
    store.close(30)
    assert sorted(took)[40] < 0.05  # other programs may stop this one now and then
