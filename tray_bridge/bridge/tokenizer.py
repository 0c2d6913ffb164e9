"""The tokenizer that Anthropic published for earlier models: pairs of bytes, merged in the order of a vocabulary.

`vocabulary.xz` holds its tokens of two bytes or more, the one that is merged first at the head, with a byte between
them that no token has. They come from `tokenizer.json` of the package `anthropic` 0.37 (`vocabulary-license.txt`).
"""

from __future__ import annotations

import lzma
import re
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from unicodedata import normalize

_BETWEEN = b"\xff"
_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
_LONGEST = 64  # characters merged at once: a longer word or gap takes too long, and has a token more for each part
_NEVER = 1 << 20  # the rank of what is no token


def count_tokens(text: str) -> int:
    """Count the tokens of a text: about a second for a megabyte. From any thread."""
    return sum(map(_count, _PIECES.findall(normalize("NFKC", text))))


@lru_cache(16_384)
def _count(piece: str) -> int:
    if piece.encode("utf-8", "replace") in _ranks():
        return 1
    return sum(_merge(piece[at : at + _LONGEST]) for at in range(0, len(piece), _LONGEST))


def _merge(piece: str) -> int:
    """Merge the pair that comes first in the vocabulary, until no pair is a token; give what is left."""
    rank, encoded = _ranks().get, piece.encode("utf-8", "replace")
    parts = [encoded[at : at + 1] for at in range(len(encoded))]
    ranks = [rank(left + right, _NEVER) for left, right in pairwise(parts)]
    while (first := min(ranks, default=_NEVER)) < _NEVER:
        at = ranks.index(first)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
        del ranks[at]
        if at:
            ranks[at - 1] = rank(parts[at - 1] + parts[at], _NEVER)
        if at < len(ranks):
            ranks[at] = rank(parts[at] + parts[at + 1], _NEVER)
    return len(parts)


@cache
def _ranks() -> dict[bytes, int]:
    """Read the vocabulary: 30 ms, and 8 MB from then on."""
    packed = files(__package__).joinpath("vocabulary.xz").read_bytes()
    return {token: rank for rank, token in enumerate(lzma.decompress(packed).split(_BETWEEN))}
