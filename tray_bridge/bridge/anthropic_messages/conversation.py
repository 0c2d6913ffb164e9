"""The `system` and `messages` of a Messages request → messages as `bridge.messages` reads them.

`bridge.messages` reads most shapes. These are this dialect's own:

- A `system` turn before the first other one belongs to the system prompt. A later one stays at its place, in the tags
  that Claude knows for this, so that the prompt before it stays the same from one request to the next.
- Such a reminder after tool results becomes part of the last of them: Claude Code sends one every few rounds, and
  results with text beside them could not be given to the turn that waits for results.
- A document may hold its text as `content`; `search_result` and `tool_reference` blocks become text.
- `tool_addition` and `tool_removal` blocks, which a system turn may hold, are named as ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...turns import JsonObject
from ..content import part_type, split_parts
from ..fields import kind_of, read_string, refuse, required_string
from ..tools import safe_name

MESSAGES = 100_000  # the Messages API's own limit
REMINDER = "<system-reminder>\n{}\n</system-reminder>"
Sent = list[tuple[str, JsonObject]]
# Claude Code's note on its own build, which changes with each request and is not part of the system prompt.
_ATTRIBUTION = "x-anthropic-billing-header:"


def message_list(body: JsonObject, ignored: list[str]) -> Sent:
    """List each message with its path, the system prompt first."""
    given = body.get("messages")
    if given is None:
        refuse("`messages` is missing. It must be an array with at least one message.", "messages")
    if not isinstance(given, list):
        refuse(f"`messages` must be an array, not {kind_of(given)}.", "messages")
    if not given:
        refuse("`messages` is empty. It must hold at least one message.", "messages")
    if len(given) > MESSAGES:
        refuse(f"`messages` has {len(given)} entries; at most {MESSAGES} are read.", "messages")
    sent: Sent = [("system", {"role": "system", "content": list(_system_parts(body))})]
    begun = False
    for index, message in enumerate(given):
        param = f"messages[{index}]"
        if not isinstance(message, Mapping):
            refuse(f"`{param}` must be an object, not {kind_of(message)}.", param)
        role = required_string(message.get("role"), f"{param}.role")
        if role in ("system", "developer"):
            texts = list(_system_texts(message, param, ignored))
            if not begun:
                sent.append((param, {"role": "system", "content": texts}))
            elif texts:
                _remind(sent, param, [REMINDER.format(text) for text in texts])
            continue
        begun = True
        sent.append((param, {**message, "content": _plain_parts(message.get("content"), f"{param}.content")}))
    return sent


def _remind(sent: Sent, param: str, reminders: list[str]) -> None:
    """Say these in the last tool result before them, or else in a message of their own."""
    at, before = sent[-1]
    parts: Any = before.get("content")
    if not _ends_with_result(parts):
        sent.append((param, {"role": "user", "content": reminders}))
        return
    sent[-1] = (at, {**before, "content": [*parts[:-1], _reminded(parts[-1], reminders)]})


def _ends_with_result(parts: object) -> bool:
    last = parts[-1] if isinstance(parts, list) and parts else None
    return isinstance(last, Mapping) and last.get("type") == "tool_result"


def _reminded(result: JsonObject, reminders: Sequence[Any]) -> JsonObject:
    """The tool result with these texts at its end."""
    content = result.get("content")
    said = list(content) if isinstance(content, list) else [content] if content else []
    return {**result, "content": [*said, *reminders]}


def _system_parts(body: JsonObject) -> Iterator[JsonObject]:
    content = body.get("system")
    if not isinstance(content, (str, list, type(None))):
        refuse(f"`system` must be a string or an array of parts, not {kind_of(content)}.", "system")
    for _, part in split_parts(content, "system"):
        text = part.get("text")
        if not (isinstance(text, str) and text.startswith(_ATTRIBUTION)):
            yield part


def _system_texts(message: JsonObject, param: str, ignored: list[str]) -> Iterator[str]:
    for at, part in split_parts(message.get("content"), f"{param}.content"):
        kind = part_type(part)
        if kind != "text":
            ignored.append(f"system.{safe_name(kind)}")
        elif (text := read_string(part.get("text"), f"{at}.text")) and text.strip():
            yield text


def _plain_parts(content: object, param: str) -> Any:
    if not isinstance(content, list):
        return content
    parts: list[Any] = []
    for index, part in enumerate(content):
        plain = _plain_part(part, f"{param}[{index}]") if isinstance(part, Mapping) else [part]
        if _is_reminder(part) and _ends_with_result(parts):
            parts[-1] = _reminded(parts[-1], plain)
        else:
            parts += plain
    return parts


def _is_reminder(part: object) -> bool:
    text = part.get("text") if isinstance(part, Mapping) else None
    return isinstance(text, str) and text.startswith("<system-reminder>") and text.endswith("</system-reminder>")


def _plain_part(part: JsonObject, param: str) -> list[Any]:
    kind = part.get("type")
    if kind == "tool_result" and isinstance(part.get("content"), list):
        return [{**part, "content": _plain_parts(part["content"], f"{param}.content")}]
    if kind == "search_result":
        return [_search_result(part)]
    if kind == "tool_reference":
        return [{"type": "text", "text": f"Tool: {part.get('tool_name') or part.get('name') or ''}"}]
    source = part.get("source")
    if kind == "document" and isinstance(source, Mapping) and source.get("type") == "content":
        return _content_document(part, source, param)
    return [part]


def _search_result(part: JsonObject) -> JsonObject:
    """Join a search result's title, source and text."""
    head = [str(part[key]) for key in ("title", "source") if isinstance(part.get(key), str)]
    texts = [str(piece.get("text", "")) for _, piece in split_parts(part.get("content"), "content")]
    return {"type": "text", "text": "\n".join([*head, *texts])}


def _content_document(part: JsonObject, source: JsonObject, param: str) -> list[Any]:
    """Read a document made of blocks: its text as one text document, then its pictures."""
    pieces = split_parts(source.get("content"), f"{param}.source.content")
    texts = [str(piece.get("text", "")) for _, piece in pieces if part_type(piece) == "text"]
    others = [piece for _, piece in pieces if part_type(piece) != "text"]
    text = "\n\n".join(filter(None, texts))
    document = {**part, "source": {"type": "text", "media_type": "text/plain", "data": text}}
    return [*([document] if text.strip() else []), *others]
