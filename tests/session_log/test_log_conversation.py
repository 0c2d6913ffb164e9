"""Which exchanges belong to one conversation, and where each of them branches off."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tray_bridge.session_log import LogReader
from tray_bridge.session_log.conversation import branches, conversation_of
from tray_bridge.turns import Message, Text, Turn

NOW = datetime.now().astimezone().replace(microsecond=0)


def turn(*texts: str) -> Turn:
    roles = ("user", "assistant")
    return Turn("sonnet", tuple(Message(roles[i % 2], (Text(text),)) for i, text in enumerate(texts)))  # type: ignore[arg-type]


def test_a_follow_up_continues_the_question_before_it() -> None:
    first, second = conversation_of(turn("a")), conversation_of(turn("a", "b", "c"))
    assert first["parent"] is None and first["thread"] == first["tip"]
    assert (second["thread"], second["parent"]) == (first["thread"], first["tip"])
    assert second["tip"] != first["tip"]


def test_another_first_question_is_another_conversation() -> None:
    assert conversation_of(turn("a"))["thread"] != conversation_of(turn("b"))["thread"]


def test_the_second_question_that_goes_on_from_a_point_opens_a_lane() -> None:
    places = branches([("1", "A", None), ("2", "B", "A"), ("3", "C", "A"), ("4", "D", "C"), ("5", "E", "B")])
    assert {name: place["lane"] for name, place in places.items()} == {"1": 0, "2": 0, "3": 1, "4": 1, "5": 0}
    assert (places["2"]["number"], places["3"]["number"]) == (1, 2)
    assert places["2"]["of"] == places["3"]["of"] == 2 and places["1"]["of"] == 1
    assert {name: place["before"] for name, place in places.items()} == {
        "1": None,
        "2": "1",
        "3": "1",
        "4": "3",
        "5": "2",
    }


def test_a_first_question_that_is_asked_again_follows_the_exchange_before_it() -> None:
    places = branches([("1", "A", None), ("2", "B", "A"), ("3", "A", None)])
    assert (places["3"]["before"], places["3"]["lane"], places["3"]["number"]) == ("2", 1, 2)


def test_the_log_finds_the_exchanges_of_a_conversation(tmp_path: Path) -> None:
    asked = {"1": turn("a"), "2": turn("a", "b", "c"), "3": turn("other"), "4": turn("a", "b", "d")}
    for number, own in asked.items():
        received = NOW - timedelta(minutes=10 - int(number))
        document: dict[str, Any] = {
            "id": number,
            "received": received.isoformat(),
            "process": {},
            "blobs": [],
            "timings": {},
            "outcome": "completed",
            "conversation": conversation_of(own),
            "usage": {"input_tokens": 10, "output_tokens": int(number), "cache_read_tokens": 5}
            if number != "2"
            else None,
        }
        path = tmp_path / f"{received:%Y-%m-%d}" / f"{received:%H%M%S}.000-{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
    reader = LogReader(tmp_path)
    thread = conversation_of(asked["1"])["thread"]
    assert sorted(one["id"] for one in reader.search(thread=thread).exchanges) == ["1", "2", "4"]
    assert {name: place["lane"] for name, place in reader.thread(thread).branches.items()} == {"1": 0, "2": 0, "4": 1}
    assert reader.thread(thread).used == {
        "input_tokens": 20,
        "output_tokens": 5,
        "cache_read_tokens": 10,
        "cache_creation_tokens": 0,
        "thinking_tokens": 0,
    }
    reader.close()
