"""An infill as Claude wrote it → the bare text, piece by piece: without its tags, or a code fence around the whole."""

from __future__ import annotations

import re

from ..stop_cutter import StopCutter
from .infill import CLOSING, OPENING

_FENCE = "```"
_CUT_CLOSING = CLOSING[:3]  # the least that is a closing tag which was cut, and not text
_FENCED = re.compile(r"```[^\n`]*\n((?:(?!```).)*?)\n?```\s*", re.DOTALL)


class Unwrapper:
    """Pass text without an opening tag on unchanged. A fence is held back until it is known to enclose the whole."""

    def __init__(self) -> None:
        self._held = ""
        self._decided = False
        self._fenced = False
        self._cutter: StopCutter | None = None

    def push(self, text: str) -> str:
        """Take a piece; give the text that may be sent now."""
        if not self._decided:
            self._held += text
            bare = self._held.lstrip()
            if len(bare) < len(OPENING) and OPENING.startswith(bare):
                return ""
            self._decided = True
            text, self._held = self._held, ""
            if bare.startswith(OPENING):
                self._cutter = StopCutter((CLOSING,))
                text = bare[len(OPENING) :]
            self._fenced = True  # until the first characters say otherwise
        return self._without_fence(text if self._cutter is None else self._cutter.push(text))

    def end(self) -> str:
        """Give the text that was held back. For the end of the answer."""
        if not self._decided:
            return self._held
        cut = self._cutter.flush() if self._cutter is not None else ""
        rest = self._held + ("" if cut.startswith(_CUT_CLOSING) else cut)
        if self._fenced and (found := _FENCED.fullmatch(rest)):
            return found[1]
        return rest

    def _without_fence(self, text: str) -> str:
        if not self._fenced:
            return text
        self._held += text
        start = self._held[: len(_FENCE)]
        if _FENCE.startswith(start) or start == _FENCE:
            return ""
        self._fenced = False
        text, self._held = self._held, ""
        return text
