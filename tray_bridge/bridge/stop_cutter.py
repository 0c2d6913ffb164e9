"""Cuts a text that comes in pieces at its first stop string. Knows neither turns nor OpenAI's shapes."""

from __future__ import annotations

from collections.abc import Sequence


class StopCutter:
    """Passes text on, but for what might be the beginning of a stop string.

    The first stop string is the one that is complete first, as if the text came one character at a time: how
    the text is cut into pieces changes nothing. Of two that end together, the longer counts.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.stop: str | None = None

    def push(self, text: str) -> str:
        """The text that may go out now; once `stop` is set it is the last, and what follows is void."""
        if self.stop is not None:
            return ""
        text = self._held + text
        found = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            _, at, self.stop = min(found)
            self._held = ""
            return text[:at]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def flush(self) -> str:
        """What was held back, when no more text comes to complete it."""
        held, self._held = self._held, ""
        return held

    def reset(self) -> None:
        """Forget what was held back: the text begins again."""
        self._held = ""


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` that `stop` begins with."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
