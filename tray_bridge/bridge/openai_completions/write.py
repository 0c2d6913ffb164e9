"""Events of a turn → chunks of a legacy completion, and the whole of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...turns import Event, StopReason, TextDelta, TurnEnded, TurnStarted, Usage
from ..dialect import Asked, Frame, Stamp
from ..frames import json_frame, text_frames
from ..openai_chat.usage import sum_usage, write_usage
from .read import CompletionOptions
from .unwrap import Unwrapper

_FINISH: Mapping[StopReason, str] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


class CompletionWriter:
    """Write one choice: the prompt if it is echoed, the text, and the finish reason once."""

    def __init__(self, asked: Asked, stamp: Stamp, index: int) -> None:
        options: CompletionOptions = asked.options
        self.model = asked.turn.model
        self.usage = Usage()
        self._stamp, self._index = stamp, index
        self._echo = options.echoes[index]
        self._unwrapper = Unwrapper()
        self._text = text_frames(_chunk(stamp, self.model, index), "text")

    def write(self, event: Event) -> Sequence[Frame]:
        """Make the frames of `event`."""
        if isinstance(event, TextDelta):
            text = self._unwrapper.push(event.text)
            return (self._text(text),) if text else ()
        if isinstance(event, TurnStarted):
            self.model = event.model or self.model
            self._text = text_frames(_chunk(self._stamp, self.model, self._index), "text")
            return (self._text(self._echo),) if self._echo else ()
        if isinstance(event, TurnEnded):
            self.usage = event.usage
            rest = self._unwrapper.end()
            return (json_frame(_chunk(self._stamp, self.model, self._index, rest, finish_reason(event))),)
        return ()


def finish_reason(event: TurnEnded) -> str:
    """Translate the stop reason."""
    return _FINISH.get(event.stop_reason, "stop")


def usage_chunk(stamp: Stamp, writers: Sequence[CompletionWriter]) -> dict[str, Any]:
    """Make the last chunk of a stream whose client asked for usage."""
    chunk = _chunk(stamp, writers[0].model, 0)
    return {**chunk, "choices": [], "usage": write_usage(sum_usage(writer.usage for writer in writers))}


def write_completion(asked: Asked, stamp: Stamp, answers: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Write the completion from the shaped events of each answer; usage is their sum."""
    options: CompletionOptions = asked.options
    choices, usages, model = [], [], asked.turn.model
    for index, events in enumerate(answers):
        unwrapper = Unwrapper()
        text, reason = options.echoes[index], "stop"
        for event in events:
            if isinstance(event, TextDelta):
                text += unwrapper.push(event.text)
            elif isinstance(event, TurnStarted):
                model = event.model or model
            elif isinstance(event, TurnEnded):
                usages.append(event.usage)
                reason = finish_reason(event)
        choices.append(_choice(index, text + unwrapper.end(), reason))
    return {**_chunk(stamp, model, 0), "choices": choices, "usage": write_usage(sum_usage(usages))}


def _chunk(stamp: Stamp, model: str, index: int, text: str = "", reason: str | None = None) -> dict[str, Any]:
    return {
        "id": stamp.id,
        "object": "text_completion",
        "created": stamp.created,
        "model": model,
        "choices": [_choice(index, text, reason)],
    }


def _choice(index: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
