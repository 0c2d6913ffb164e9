"""Events → events: the rules of an answer that every dialect needs, applied once, before a dialect's writer.

What comes out is simpler than what the pool gives: `TurnStarted` comes once and first, no delta is empty, each call
has arguments, hidden reasoning is gone, and `TurnEnded` is the last event, also after a stop string.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import SessionLostError, UpstreamError
from ..turns import (
    Event,
    Leased,
    RedactedThinking,
    Restarted,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolCallDelta,
    ToolCallStarted,
    TurnEnded,
    TurnStarted,
    Usage,
)
from .dialect import Asked
from .stop_cutter import StopCutter

REFUSAL = "Claude declined to answer this request."  # for dialects that have a field for it
CHARACTERS_PER_TOKEN = 4  # in the estimate after a stop string
_NOTHING: Sequence[Event] = ()


class AnswerShaper:
    """Shape one answer. `finished` is True after `TurnEnded` came out: the caller then stops reading.

    A stop string ends the answer at once, before the turn's own usage comes. Input is then counted as at the turn's
    start, and output is estimated at one token for four characters.

    `streamed` defaults to `asked.streamed`. Where a streamed answer begins again after a part of it came out,
    UpstreamError is raised: a client would read its text twice. Where it is not streamed, `Restarted` is passed on, and
    voids everything before it except `TurnStarted`.
    """

    def __init__(self, asked: Asked, *, streamed: bool | None = None) -> None:
        self.finished = False
        self._streamed = asked.streamed if streamed is None else streamed
        self._show_reasoning = asked.show_reasoning
        self._cutter = StopCutter(asked.turn.stop) if asked.turn.stop else None
        self._usage = Usage()
        self._started = False
        self._shown = False
        self._characters = 0
        self._calls = 0
        self._empty_call: int | None = None

    def shape(self, event: Event) -> Sequence[Event]:
        """Give the events that the client gets now: none, one or several."""
        if self.finished:
            return _NOTHING
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, (ThinkingDelta, ThinkingEnded, RedactedThinking)):
            return self._thinking(event)
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, ToolCallDelta):
            return self._arguments(event)
        if isinstance(event, TurnEnded):
            return self._end(event)
        if isinstance(event, Restarted):
            return self._restart(event)
        if isinstance(event, TextEnded):
            return (*self._flush(), event)
        return self._start(event)

    def _start(self, event: Leased | TurnStarted) -> Sequence[Event]:
        if isinstance(event, Leased):
            return _NOTHING
        self._usage = event.usage
        if self._started:
            return _NOTHING
        self._started = True
        return (event,)

    def _text(self, event: TextDelta) -> Sequence[Event]:
        if not event.text:
            return _NOTHING
        if self._cutter is None:
            self._shown = True
            return (event,) if self._empty_call is None else (*self._fill_call(), event)
        self._characters += len(event.text)
        said = self._said(self._cutter.push(event.text))
        if self._cutter.stop is None:
            return said
        usage = replace(self._usage, output_tokens=-(-self._characters // CHARACTERS_PER_TOKEN), thinking_tokens=0)
        return (*said, *self._fill_call(), self._finish(TurnEnded("stop_sequence", usage, self._cutter.stop)))

    def _said(self, text: str) -> Sequence[Event]:
        if not text:
            return _NOTHING
        self._shown = True
        return (*self._fill_call(), TextDelta(text))

    def _thinking(self, event: ThinkingDelta | ThinkingEnded | RedactedThinking) -> Sequence[Event]:
        held = self._flush()
        if not self._show_reasoning or (isinstance(event, ThinkingDelta) and not event.text):
            return held
        self._shown = True
        return (*held, *self._fill_call(), event)

    def _call(self, event: ToolCallStarted) -> Sequence[Event]:
        before = (*self._flush(), *self._fill_call())
        self._shown = True
        self._calls += 1
        self._empty_call = event.index
        return (*before, event)

    def _arguments(self, event: ToolCallDelta) -> Sequence[Event]:
        if not event.partial_json:
            return _NOTHING
        if event.index == self._empty_call:
            self._empty_call = None
        return (event,)

    def _fill_call(self) -> Sequence[Event]:
        """Give a call without arguments an empty object: clients parse the joined pieces."""
        index, self._empty_call = self._empty_call, None
        return _NOTHING if index is None else (ToolCallDelta(index, "{}"),)

    def _end(self, event: TurnEnded) -> Sequence[Event]:
        before = (*self._flush(), *self._fill_call())
        # The reason follows what the client got: its calls may differ from what the model's own reason says.
        if event.stop_reason == "tool_use" and not self._calls:
            event = replace(event, stop_reason="end_turn")
        elif event.stop_reason == "end_turn" and self._calls:
            event = replace(event, stop_reason="tool_use")
        return (*before, self._finish(event))

    def _finish(self, event: TurnEnded) -> TurnEnded:
        self.finished = True
        return event

    def _restart(self, event: Restarted) -> Sequence[Event]:
        if self._shown and self._streamed:
            raise UpstreamError(
                "Claude's answer broke off and began again.", status=502, hint="Send the request again."
            )
        if self._cutter is not None:
            self._cutter.reset()
        self._characters = self._calls = 0
        self._empty_call = None
        was_shown, self._shown = self._shown, False
        return (event,) if was_shown else _NOTHING

    def _flush(self) -> Sequence[Event]:
        return self._said(self._cutter.flush()) if self._cutter is not None else _NOTHING


class WholeAnswer:
    """Collect the shaped events of an answer that is sent in one piece, for `Dialect.whole`."""

    def __init__(self, asked: Asked) -> None:
        self._shaper = AnswerShaper(asked, streamed=False)
        self._events: list[Event] = []

    @property
    def finished(self) -> bool:
        """Return whether the answer's end has come."""
        return self._shaper.finished

    def add(self, event: Event) -> None:
        """Take one event of the turn; where the answer begins again, drop what came before."""
        for shaped in self._shaper.shape(event):
            if isinstance(shaped, Restarted):
                self._events = [kept for kept in self._events if isinstance(kept, TurnStarted)]
            else:
                self._events.append(shaped)

    def events(self) -> Sequence[Event]:
        """Give the events of the finished answer. Raises SessionLostError if its end has not come."""
        if not self.finished:
            raise SessionLostError("The answer has no end.")
        return self._events
