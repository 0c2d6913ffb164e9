"""When a process is worn: by its conversations, by its memory, by the day on which it began."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from tray_bridge.claude import wear
from tray_bridge.claude.wear import Wear


def test_a_process_is_worn_after_its_conversations_and_can_still_serve() -> None:
    worn = Wear()
    worn.conversations = wear.MOST_CONVERSATIONS - 1
    assert not worn.is_worn
    worn.conversations += 1
    assert worn.is_worn
    assert not worn.is_overdue
    worn.conversations += wear.MOST_MORE
    assert worn.is_overdue
    assert not worn.is_worn_out


def test_a_process_whose_memory_has_grown_by_half_is_worn() -> None:
    own = Wear()
    own.weigh(os.getpid())
    own.conversations = wear.SETTLED_AFTER + 1
    own.weigh(os.getpid())
    assert not own.is_worn
    ballast = b"x" * psutil.Process().memory_info().rss
    own.weigh(os.getpid())
    assert len(ballast) and own.is_worn
    assert not own.is_worn_out


def test_memory_that_the_first_conversations_need_is_no_wear() -> None:
    own = Wear()
    own.weigh(os.getpid())
    own.conversations = wear.SETTLED_AFTER
    ballast = b"x" * psutil.Process().memory_info().rss
    own.weigh(os.getpid())
    assert len(ballast) and not own.is_worn


def test_a_process_that_cannot_be_weighed_is_not_worn() -> None:
    gone = Wear()
    gone.weigh(None)
    gone.weigh(2**30)
    assert not gone.is_worn


def test_a_process_of_yesterday_begins_no_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Wear()
    assert not own.is_worn_out
    tomorrow = time.localtime(time.time() + 86400)
    monkeypatch.setattr(time, "localtime", lambda: tomorrow)
    assert own.is_worn_out
