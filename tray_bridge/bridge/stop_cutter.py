"""Cut a text that comes in pieces at its first stop string. Must not know turns or a dialect."""

from __future__ import annotations

from collections.abc import Sequence


class StopCutter:
    """Pass text on, but hold back what may be the beginning of a stop string.

    The stop string that is complete first counts, as if the text came one character at a time: how it is cut into
    pieces changes nothing. Of two that end together, the longer counts.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._firsts = frozenset(stop[0] for stop in stops)
        self._held = ""
        self.stop: str | None = None

    def push(self, text: str) -> str:
        """Take a piece; give the text that may be sent now. Once `stop` is set, it is the last."""
        if self.stop is not None:
            return ""
        text = self._held + text
        if self._firsts.isdisjoint(text):  # as most pieces: a client may send hundreds of stop strings
            return text
        found = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            _, at, self.stop = min(found)
            self._held = ""
            return text[:at]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """Give the text that was held back. For the end of the text."""
        held, self._held = self._held, ""
        return held

    def reset(self) -> None:
        """Drop what was held back. For a text that begins again."""
        self._held = ""


def _overlap(text: str, stop: str) -> int:
    """Give the length of the longest end of `text` with which `stop` begins."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
