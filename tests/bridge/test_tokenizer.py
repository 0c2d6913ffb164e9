"""The tokenizer, against counts that the package `tokenizers` gave with the file that Anthropic published."""

from __future__ import annotations

import time

import pytest

from tests.resilience.faults import bound
from tray_bridge.bridge.tokenizer import count_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("Hello there", 2),
        ("it's, they'll, I'D", 9),
        ("internationalization and accessibility", 4),
        ("1234567890 12.50", 4),
        ("snake_case __init__", 6),
        ('{"a": [1, 2]}', 8),
        ("\n\n    return x\n", 4),
        ("x   y\t\tz   ", 7),
        ("桥接程序", 4),
        ("９", 1),  # the wide form of a digit
        ("の한국어", 5),
        ("😀👍🏽", 7),
        ("é e\u0301", 2),  # one letter of two characters
        ("½ ² ٣", 7),
        ("Ünïcödé Straße", 9),
        ("مرحبا بالعالم", 10),
        ("-" * 80, 2),
        (" " * 60, 2),
        ("qT8xQz7kLm2VbN4rWp9sDf6hJc3g", 24),
        ("<EOT", 3),  # the name of a mark is a text like any other
    ],
)
def test_a_text_has_the_tokens_that_the_published_tokenizer_gives(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_half_a_character_counts_like_a_question_mark() -> None:
    assert count_tokens("a \ud800 b") == count_tokens("a ? b")


def test_a_word_without_end_takes_no_longer_than_others() -> None:
    count_tokens("the vocabulary is read")
    began = time.perf_counter()
    assert count_tokens("ab" * 20_000) >= 40_000 / 16
    assert time.perf_counter() - began < bound(1)
