"""A custom tool's bare text, read from the call's JSON arguments while they come in pieces."""

from __future__ import annotations

import json
import re

_BEGINNING = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_TOKEN = re.compile(r'[^"\\]+|\\u[0-9a-fA-F]{4}|\\[^u]')
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")  # of a surrogate pair: it waits for the other half


class CustomInput:
    """Read the text of `{"input": "…"}` piece by piece; `whole` gives all of it, also for arguments of another form."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._rest = ""
        self._inside = self._ended = False
        self._said: list[str] = []

    def push(self, piece: str) -> str:
        """Take a piece of the arguments; give the text that it adds."""
        self._pieces.append(piece)
        if self._ended:
            return ""
        self._rest += piece
        if not self._inside:
            found = _BEGINNING.match(self._rest)
            if found is None:
                return ""
            self._inside = True
            self._rest = self._rest[found.end() :]
        return self._decode()

    def whole(self) -> str:
        """Give the whole text; arguments of another form are given unchanged."""
        joined = "".join(self._pieces)
        try:
            arguments = json.loads(joined)
        except ValueError:
            return "".join(self._said) or joined
        text = arguments.get("input") if isinstance(arguments, dict) else None
        return text if isinstance(text, str) else ("" if arguments == {} else joined)

    def remainder(self) -> str:
        """Give the rest of `whole` that no piece has given yet."""
        return self.whole().removeprefix("".join(self._said))

    def _decode(self) -> str:
        tokens = []
        at = 0
        while found := _TOKEN.match(self._rest, at):
            tokens.append(found[0])
            at = found.end()
        self._ended = self._rest[at : at + 1] == '"'
        if tokens and not self._ended and _HALF.fullmatch(tokens[-1]):
            at -= len(tokens.pop())
        self._rest = self._rest[at:]
        body = "".join(tokens)
        try:
            text: str = json.loads(f'"{body}"', strict=False)
        except ValueError:
            self._ended = True  # `whole` gives the rest
            return ""
        self._said.append(text)
        return text
