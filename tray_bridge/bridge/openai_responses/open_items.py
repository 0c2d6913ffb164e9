"""The item that is being written: its events from `output_item.added` to `output_item.done`.

Events are dicts without their sequence number, which the writer adds. Items are empty when they are added, and each
has one id in all its events.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Literal

from ..dialect import Frame
from ..frames import encode_json
from .custom_input import CustomInput
from .tools import ClientTool

ItemEvent = dict[str, Any]
ItemStatus = Literal["completed", "incomplete"]


class OpenItem(ABC):
    """Write one item; `index` is its place in the output. `delta` makes the frame of one piece of its text."""

    delta: Callable[[str, int], Frame]

    def __init__(self, id_: str, index: int) -> None:
        self.id = id_
        self.index = index
        self.pieces: list[str] = []

    @abstractmethod
    def begin(self) -> Sequence[ItemEvent]:
        """Give the events that begin the item."""

    @abstractmethod
    def end(self, status: ItemStatus) -> tuple[Sequence[ItemEvent], ItemEvent]:
        """Give the events that complete the item, and the finished item."""

    def _event(self, kind: str, **fields: Any) -> ItemEvent:
        return {"type": f"response.{kind}", "item_id": self.id, "output_index": self.index, **fields}

    def _item_event(self, kind: str, item: ItemEvent) -> ItemEvent:
        return {"type": f"response.output_item.{kind}", "output_index": self.index, "item": item}


class OpenMessage(OpenItem):
    """Write a message with one part of text."""

    def __init__(self, id_: str, index: int) -> None:
        super().__init__(id_, index)
        self.delta = delta_frames(self._event("output_text.delta", content_index=0, logprobs=[]))

    def begin(self) -> Sequence[ItemEvent]:
        """Give the events that begin the item."""
        added = self._item_event("added", self._item("in_progress", []))
        return added, self._event("content_part.added", content_index=0, part=_text_part(""))

    def end(self, status: ItemStatus) -> tuple[Sequence[ItemEvent], ItemEvent]:
        """Give the events that complete the item, and the finished item."""
        text = "".join(self.pieces)
        part = _text_part(text)
        item = self._item(status, [part])
        done = self._event("output_text.done", content_index=0, text=text, logprobs=[])
        part_done = self._event("content_part.done", content_index=0, part=part)
        return (done, part_done, self._item_event("done", item)), item

    def _item(self, status: str, content: list[ItemEvent]) -> ItemEvent:
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}


class OpenReasoning(OpenItem):
    """Write thinking as one part of summary; `token` is its `encrypted_content`, if that is asked for."""

    def __init__(self, id_: str, index: int) -> None:
        super().__init__(id_, index)
        self.token: str | None = None
        self.delta = delta_frames(self._event("reasoning_summary_text.delta", summary_index=0))

    def begin(self) -> Sequence[ItemEvent]:
        """Give the events that begin the item."""
        return (self._item_event("added", {"id": self.id, "type": "reasoning", "summary": []}),)

    def begin_part(self) -> ItemEvent:
        """Give the events that begin its summary."""
        return self._event("reasoning_summary_part.added", summary_index=0, part=_summary(""))

    def end(self, status: ItemStatus) -> tuple[Sequence[ItemEvent], ItemEvent]:
        """Give the events that complete the item, and the finished item."""
        text = "".join(self.pieces)
        events: list[ItemEvent] = []
        if text:
            events.append(self._event("reasoning_summary_text.done", summary_index=0, text=text))
            events.append(self._event("reasoning_summary_part.done", summary_index=0, part=_summary(text)))
        item: ItemEvent = {"id": self.id, "type": "reasoning", "summary": [_summary(text)] if text else []}
        if self.token is not None:
            item["encrypted_content"] = self.token
        return (*events, self._item_event("done", item)), item


class OpenCall(OpenItem):
    """Write the call of a function, with or without a namespace."""

    def __init__(self, id_: str, index: int, call_id: str, tool: ClientTool) -> None:
        super().__init__(id_, index)
        self._call_id = call_id
        self._tool = tool
        self.delta = delta_frames(self._event("function_call_arguments.delta"))

    def begin(self) -> Sequence[ItemEvent]:
        """Give the events that begin the item."""
        return (self._item_event("added", self._item("in_progress", "")),)

    def end(self, status: ItemStatus) -> tuple[Sequence[ItemEvent], ItemEvent]:
        """Give the events that complete the item, and the finished item."""
        arguments = "".join(self.pieces) or "{}"
        item = self._item(status, arguments)
        done = self._event("function_call_arguments.done", name=self._tool.name, arguments=arguments)
        return (done, self._item_event("done", item)), item

    def _item(self, status: str, arguments: str) -> ItemEvent:
        item = {"id": self.id, "type": "function_call", "status": status, "call_id": self._call_id}
        if self._tool.namespace is not None:
            item["namespace"] = self._tool.namespace
        return {**item, "name": self._tool.name, "arguments": arguments}


class OpenCustomCall(OpenItem):
    """Write the call of a custom tool, whose input is bare text."""

    def __init__(self, id_: str, index: int, call_id: str, tool: ClientTool) -> None:
        super().__init__(id_, index)
        self._call_id = call_id
        self._tool = tool
        self.input = CustomInput()
        self.delta = delta_frames(self._event("custom_tool_call_input.delta"))

    def begin(self) -> Sequence[ItemEvent]:
        """Give the events that begin the item."""
        return (self._item_event("added", self._item("in_progress", "")),)

    def end(self, status: ItemStatus) -> tuple[Sequence[ItemEvent], ItemEvent]:
        """Give the events that complete the item, and the finished item."""
        text = self.input.whole()
        item = self._item(status, text)
        return (self._event("custom_tool_call_input.done", input=text), self._item_event("done", item)), item

    def _item(self, status: str, text: str) -> ItemEvent:
        item = {"id": self.id, "type": "custom_tool_call", "status": status, "call_id": self._call_id}
        if self._tool.namespace is not None:
            item["namespace"] = self._tool.namespace
        return {**item, "name": self._tool.name, "input": text}


def delta_frames(event: ItemEvent) -> Callable[[str, int], Frame]:
    """Make the frames of an event's deltas. There are thousands, so all of their JSON except the text is made once."""
    before = encode_json(event)[:-1].decode("ascii") + ',"delta":'
    name = event["type"]

    def frame(text: str, number: int) -> Frame:
        return Frame(f'{before}{encode_basestring_ascii(text)},"sequence_number":{number}}}'.encode("ascii"), name)

    return frame


def _text_part(text: str) -> ItemEvent:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _summary(text: str) -> ItemEvent:
    return {"type": "summary_text", "text": text}
