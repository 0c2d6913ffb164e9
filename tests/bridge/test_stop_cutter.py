"""A text is cut at its first stop string, however it comes in pieces, and as little as possible is held back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bridge.chat_bodies import PROPERTY
from tray_bridge.bridge.stop_cutter import StopCutter


def cut(text: str, stops: list[str]) -> tuple[str, str | None]:
    """What is to be expected, by looking at the whole text: the stop string that ends first, the longest of those."""
    found = [(text.find(stop) + len(stop), -len(stop), stop) for stop in stops if stop in text]
    if not found:
        return text, None
    end, _, stop = min(found)
    return text[: end - len(stop)], stop


def relay(pieces: list[str], stops: list[str]) -> tuple[list[str], str | None]:
    cutter = StopCutter(stops)
    out = [cutter.push(piece) for piece in pieces]
    return [*out, cutter.flush()], cutter.stop


@pytest.mark.parametrize(
    ("pieces", "stops", "out"),
    [
        (["one END two"], ["END"], ["one ", ""]),
        (["one E", "N", "D two"], ["END"], ["one ", "", "", ""]),
        (["one E", "lse"], ["END"], ["one ", "Else", ""]),
        (["one EN"], ["END"], ["one ", "EN"]),
        (["aab"], ["ab"], ["a", ""]),
        (["a", "a", "b"], ["ab"], ["", "a", "", ""]),
        (["xaba", "bac"], ["abac"], ["x", "ab", ""]),
        (["a\n", "\nb"], ["\n\n"], ["a", "", ""]),
        (["xab", "c"], ["abc", "b"], ["xa", "", ""]),
        (["abc"], ["c", "bc"], ["a", ""]),
        (["END"], ["END"], ["", ""]),
        (["no stop"], [], ["no stop", ""]),
    ],
)
def test_examples(pieces: list[str], stops: list[str], out: list[str]) -> None:
    assert relay(pieces, stops)[0] == out


def test_nothing_comes_after_the_stop() -> None:
    cutter = StopCutter(["."])
    assert cutter.push("a.b") == "a"
    assert (cutter.push("c."), cutter.flush(), cutter.stop) == ("", "", ".")


ALPHABET = st.text("ab\n", max_size=12)


@PROPERTY
@given(st.lists(ALPHABET, max_size=8), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=4))
def test_pieces_change_nothing(pieces: list[str], stops: list[str]) -> None:
    out, stop = relay(pieces, stops)
    assert ("".join(out), stop) == cut("".join(pieces), stops)


@PROPERTY
@given(st.lists(ALPHABET, max_size=8), st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=4))
def test_only_what_may_begin_a_stop_string_is_held_back(pieces: list[str], stops: list[str]) -> None:
    cutter = StopCutter(stops)
    sent = said = ""
    for piece in pieces:
        said += piece
        sent += cutter.push(piece)
        if cutter.stop is not None:
            return
        held = said[len(sent) :]
        assert said == sent + held
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)
        longer = [said[at:] for at in range(len(said) - len(held))]
        assert not any(stop.startswith(end) for end in longer for stop in stops)
