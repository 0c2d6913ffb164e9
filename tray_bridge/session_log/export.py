"""Exchanges in forms that others read: Markdown, JSONL, HAR, curl, Python.

Pure. Owns what each form holds.
"""

from __future__ import annotations

import base64
import json
import pprint
import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from .record import BLOB_FIELDS, BLOB_PREFIX
from .summary import texts_of

FORMS = {
    "jsonl": "application/jsonl",
    "har": "application/json",
    "md": "text/markdown",
    "sh": "application/x-sh",
    "py": "text/x-python",
}
_CONTROLS = re.compile("[\x7f-\x9f]")  # those below are escaped in any JSON
_BLOB = re.compile(rf"{BLOB_PREFIX}([0-9a-f]{{64}}\.(\w{{1,16}}))")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "txt": "text/plain",
}
# How an exchange came to its process, in the words of the page.
_PROCESSES = {
    "parked": "went on in its parked process",
    "suspended": "went on after a tool call",
    "rewound": "went on from an earlier point",
    "reset": "took over a process",
    "fitting": "a process that was bound ahead",
    "generic": "a ready process",
    "cold": "a new process",
}


Blob: TypeAlias = Callable[[str], "bytes | None"]
"""Gives an image or file of the log by its name, None if it is gone."""


def export(documents: Iterable[Mapping[str, Any]], form: str, origin: str, blob: Blob) -> Iterator[str]:
    """Yield exchanges in one of `FORMS`, piece by piece; `origin` is the bridge's address, without a path.

    What asks again (HAR, curl, Python) has images and files in its requests, as the client sent them.
    """
    if form in ("har", "sh", "py"):
        documents = (with_files(document, blob) for document in documents)
    if form == "jsonl":
        for document in documents:
            yield as_json(document) + "\n"
    elif form == "har":
        yield from _har(documents, origin)
    elif form == "sh":
        yield "#!/bin/sh\n"
        for document in documents:
            if document.get("request") is not None:
                yield f"\n{as_curl(document, origin)}"
    elif form == "py":
        yield from _python(documents, origin)
    else:
        for number, document in enumerate(documents):
            yield ("\n---\n\n" if number else "") + as_markdown(document)


def as_json(value: object, indent: int | None = None, *, ascii_only: bool = False) -> str:
    """Give JSON that any terminal shows and any encoder takes: lone surrogates and control characters are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    return _encodable(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def with_files(document: Mapping[str, Any], blob: Blob) -> Mapping[str, Any]:
    """Give an exchange with the images and files of its request in place again."""
    return {**document, "request": _filled(document["request"], blob)} if document.get("blobs") else document


def _filled(value: Any, blob: Blob, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, blob, key) for key, item in value.items()}
    if isinstance(value, list):  # the pictures of Ollama's messages are bare base64
        return [_filled(item, blob, "data" if name == "images" else "") for item in value]
    named = _BLOB.fullmatch(value) if isinstance(value, str) and name in BLOB_FIELDS else None
    content = blob(named[1]) if named else None
    if named is None or content is None:
        return value
    data = base64.b64encode(content).decode()
    return data if name == "data" else f"data:{_TYPES.get(named[2], 'application/octet-stream')};base64,{data}"


def as_markdown(document: Mapping[str, Any]) -> str:
    """Give an exchange as a text that reads well in a terminal and in an issue."""
    parts = [f"# {document['outcome'] or 'unfinished'} · {document['id']}", _facts(document)]
    if error := document.get("error"):
        told = (error.get(name) for name in ("title", "message", "hint"))
        parts.append("## Error\n\n" + "\n\n".join(text for text in told if text))
    source = document.get("turn") or document.get("request") or {}
    system = source.get("system") or source.get("instructions")
    if system:
        parts.append("## System\n\n" + "\n\n".join(texts_of(system)))
    for message in messages_of(source):
        parts.append(f"## {str(message.get('role') or message.get('type') or 'message').capitalize()}")
        parts += _blocks(message)
    if document.get("reasoning"):
        parts.append("## Reasoning\n\n" + _quoted(document["reasoning"]))
    if document.get("answer") or document.get("tool_calls"):
        parts.append("## Answer")
        parts += [document["answer"]] if document.get("answer") else []
        parts += [_call(call["name"], call["arguments"]) for call in document.get("tool_calls") or ()]
    return _encodable("\n\n".join(parts)) + "\n"


def messages_of(source: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give the messages of a turn or of a request in any dialect."""
    said: Any = next((source[name] for name in ("messages", "input", "prompt") if source.get(name)), [])
    if isinstance(said, list) and all(isinstance(one, Mapping) for one in said):
        return said
    return [{"role": "user", "content": said}]


def _blocks(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content") or message.get("output") or ""
    if isinstance(content, str):
        return [content] if content else []
    out = []
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, Mapping) and block.get("type") == "tool_use":
            out.append(_call(str(block.get("name")), block.get("input")))
        elif isinstance(block, Mapping) and block.get("type") == "tool_result":
            out.append("Result:\n\n" + fenced("\n".join(texts_of(block.get("content")))))
        elif texts := list(texts_of([block])):
            out += texts
        else:
            out.append(fenced(as_json(block, 2), "json"))
    return out


def _call(name: str, arguments: object) -> str:
    text = arguments if isinstance(arguments, str) else as_json(arguments, 2)
    return f"Call of `{name}`:\n\n" + fenced(text, "json")


def fenced(text: str, language: str = "") -> str:
    """Give a block of code in Markdown, whatever it holds."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _facts(document: Mapping[str, Any]) -> str:
    usage = document.get("usage") or {}
    # The log's field is `session_ready_s`; a person reads of processes.
    timings = {
        name.removesuffix("_s").replace("session", "process").replace("_", " "): value
        for name, value in (document.get("timings") or {}).items()
    }
    model, answered_by = document.get("model"), document.get("answered_by")
    cached = usage.get("cache_read_tokens", 0)
    read = usage.get("input_tokens", 0) + cached + usage.get("cache_creation_tokens", 0)
    pairs = {
        "Received": document["received"],
        "Client": document.get("client"),
        "Key": document.get("key_name"),
        "Model": f"{model} → {answered_by}" if answered_by and answered_by != model else model,
        "HTTP": f"{document.get('status') or '–'} {document.get('endpoint') or ''}".strip(),
        "Process": _PROCESSES.get(str(document.get("session")), document.get("session")),
        "Ended by": document.get("stop_reason"),
        "Tokens": usage and f"{read} in ({cached} from the cache), {usage.get('output_tokens')} out",
        "Seconds": ", ".join(f"{name} {value}" for name, value in timings.items()),
    }
    return "\n".join(f"- {name}: {value}" for name, value in pairs.items() if value)


def as_curl(document: Mapping[str, Any], origin: str, *, ascii_only: bool = False) -> str:
    """Give a command that asks the same again."""
    key = '  -H "Authorization: Bearer YOUR-KEY" \\\n' if document.get("key_name") else ""
    # A quoted heredoc takes every character as it is; JSON never has a line that is its end mark alone.
    body = as_json(document.get("request"), 2, ascii_only=ascii_only)
    head = f'curl -N {shlex.quote(origin + document["endpoint"])} \\\n{key}  -H "Content-Type: application/json" \\\n'
    return f"{head}  --data-binary @- <<'JSON'\n{body}\nJSON\n"


_PYTHON_HEAD = """\
import json

import httpx

REQUESTS = [
"""
_PYTHON_FOOT = """\
]
HEADERS = {headers}

with httpx.Client(base_url="{origin}", headers=HEADERS, timeout=None) as client:
    for path, body in REQUESTS:
        with client.stream("POST", path, content=json.dumps(body)) as answer:
            for line in answer.iter_lines():
                print(line)
"""


def _python(documents: Iterable[Mapping[str, Any]], origin: str) -> Iterator[str]:
    """Yield a program that asks the same again, one after the other. Exchanges without texts are left out."""
    keyed = False
    yield _PYTHON_HEAD
    for document in documents:
        if document.get("request") is not None:
            keyed = keyed or bool(document.get("key_name"))
            asked = (document["endpoint"], document["request"])
            yield f"{textwrap.indent(pprint.pformat(asked, width=110, sort_dicts=False), '    ')},\n"
    headers = {"content-type": "application/json", **({"authorization": "Bearer YOUR-KEY"} if keyed else {})}
    yield _PYTHON_FOOT.format(headers=headers, origin=origin)


def _har(documents: Iterable[Mapping[str, Any]], origin: str) -> Iterator[str]:
    """Yield an HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/) of exchanges, without headers."""
    yield '{"log": {"version": "1.2", "creator": {"name": "Tray Bridge", "version": "1"}, "entries": ['
    for number, document in enumerate(documents):
        entry = as_json(_har_entry(document, origin), 2)
        yield (",\n" if number else "\n") + entry
    yield "\n]}}\n"


def _har_entry(document: Mapping[str, Any], origin: str) -> dict[str, Any]:
    timings = document.get("timings") or {}
    end = timings.get("end_s", 0.0)
    first = timings.get("first_token_s", end)
    answer = document.get("response") or {
        name: document.get(name) for name in ("answer", "reasoning", "tool_calls", "error") if document.get(name)
    }
    nothing: dict[str, Any] = {"cookies": [], "headers": [], "headersSize": -1, "httpVersion": "HTTP/1.1"}
    sent, came = as_json(document.get("request")), as_json(answer)
    return {
        "startedDateTime": document["received"],
        "time": round(end * 1000, 1),
        "request": {
            **nothing,
            "method": "POST",
            "url": f"{origin}{document.get('endpoint') or ''}",
            "queryString": [],
            "bodySize": len(sent.encode()),
            "postData": {"mimeType": "application/json", "text": sent},
        },
        "response": {
            **nothing,
            "status": document.get("status") or 0,
            "statusText": "",
            "redirectURL": "",
            "bodySize": -1,
            "content": {"size": len(came.encode()), "mimeType": "application/json", "text": came},
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(first * 1000, 1), "receive": round((end - first) * 1000, 1)},
        "serverIPAddress": urlsplit(origin).hostname or "",
        "comment": document["id"],
    }
