"""How outgoing JSON is encoded, in whole answers and in frames."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring_ascii
from typing import Any

from .dialect import Frame


def encode_json(value: Any) -> bytes:
    """Encode `value` as pure ASCII. Raises ValueError for a number that JSON does not have.

    Lone surrogates, which clients may send as `\\ud800` escapes, cannot be encoded as UTF-8 and would raise; and some
    clients split a stream at U+2028 or U+0085, as at line breaks. As escapes, both are harmless.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def json_frame(value: Mapping[str, Any], name: str = "") -> Frame:
    """Make a frame of JSON."""
    return Frame(encode_json(value), name)


def text_frames(value: Mapping[str, Any], key: str, name: str = "") -> Callable[[str], Frame]:
    """Make frames that differ only in the text of `key`, which is "" in `value` and the only such key there.

    An answer has thousands of text deltas, so all of their JSON except the text is made once: 0.35 µs instead of 4.
    """
    before, found, after = encode_json(value).decode("ascii").partition(f'"{key}":""')
    assert found, f"no empty {key}"  # noqa: S101 - a mistake in a dialect, found by its first test
    before += found[:-2]

    def frame(text: str) -> Frame:
        return Frame(f"{before}{encode_basestring_ascii(text)}{after}".encode("ascii"), name)

    return frame
