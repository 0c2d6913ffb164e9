"""What each dialect makes of a request, of an answer and of errors, in every field: the forms that are kept.

python -m tests.bridge.wire_forms            say what differs from what is kept
python -m tests.bridge.wire_forms --write    keep the forms of today; read the difference before it is committed

Each request has most fields of its dialect. It is read as it is, and with each field of it taken away or replaced by a
number and an object: of what is refused the field and the message are kept, of what is read a digest of the turn. What
would be long and says the same again is kept as a digest, too.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

from tests.bridge.wire_requests import ANSWERS, FETCHED, OFFERED, REQUESTS
from tray_bridge.bridge.all_dialects import DIALECTS
from tray_bridge.bridge.answer import AnswerShaper
from tray_bridge.bridge.dialect import Asked, Dialect, ErrorKind, Failure, Frame, Reading, Stamp
from tray_bridge.errors import InvalidRequestError, TrayBridgeError
from tray_bridge.turns import Event

KEPT = Path(__file__).with_name("wire_forms.json")
STAMP = Stamp("id_00112233aabbccdd", 1_700_000_000, "req_1", lambda: 1.5)
REPLACED: Mapping[str, Any] = {"gone": None, "5": 5, "{}": {}}
FULL = ("text", "calls")  # the answers that are kept in full
DEEP = 5  # steps to a field: what is deeper stands in a schema, whose rules have tests of their own


def forms() -> dict[str, Any]:
    """Give everything that is kept, by dialect."""
    return {dialect.name: form_of(dialect) for dialect in DIALECTS}


def form_of(dialect: Dialect) -> dict[str, Any]:
    """Give what is kept of one dialect: what it reads, what it writes, and the rest."""
    requests = REQUESTS[dialect.name]
    first = next(iter(requests))
    return {
        "read": {name: plain(read(dialect, path, body)) for name, (path, body) in requests.items()},
        "changed": {name: dict(changed(dialect, path, body)) for name, (path, body) in requests.items()},
        "written": {
            f"{asked}, {answer}": form if asked == first and answer in FULL else digest(form)
            for asked in requests
            for answer, events in ANSWERS.items()
            for form in [written(dialect, read(dialect, *requests[asked]), events)]
        },
        "errors": {
            f"{kind} {param}": errors(dialect, Failure(418, kind, "It is wrong.", param, "code", "req_1", 2.0))
            for kind in get_args(ErrorKind)
            for param in ("messages[0]", None)
        },
        "described": described(plain(dialect.operation)),
        "models": plain([dialect.models(OFFERED), *(dialect.model(one.value, one) for one in OFFERED)]),
        "owned": [
            path
            for path in (
                "/v1",
                "/v1/messages",
                "/v1/messages/x",
                "/api/chat",
                "/api/x",
                "/v1/models",
                "/v1/responses/r",
            )
            if dialect.owns(path, {}) or dialect.owns(path, {"anthropic-version": "2023-06-01"})
        ],
        "headers": plain(dialect.headers("req_1")),
    }


def described(operation: Any) -> dict[str, Any]:
    """Give what OpenAPI says of each field of a request, and of the answers."""
    (body,) = operation["requestBody"]["content"].values()
    return {
        "required": [operation["requestBody"]["required"], body["schema"].get("required")],
        "fields": {name: digest(schema) for name, schema in body["schema"].get("properties", {}).items()},
        "answers": {status: digest(answer) for status, answer in operation["responses"].items()},
    }


def read(dialect: Dialect, path: str, body: Mapping[str, Any]) -> Asked:
    """Read a request; every model resolves to its own name."""
    reading = Reading(lambda name: name, FETCHED, path, {"anthropic-beta": "x"})
    return dialect.read(body, reading)


def changed(dialect: Dialect, path: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what becomes of the request with each one field changed."""
    for place in places(body):
        for name, value in list(REPLACED.items())[: 3 if len(place) < DEEP else 1]:
            other = with_change(body, place, value, is_gone=name == "gone")
            yield f"{'.'.join(map(str, place))} {name}", told(dialect, path, other)


def with_change(value: Any, place: tuple[Any, ...], new: Any, *, is_gone: bool) -> Any:
    """Give a value with what is at one place of it replaced or taken away; the rest is the same."""
    step, *rest = place
    other = copy.copy(value)
    if rest:
        other[step] = with_change(value[step], tuple(rest), new, is_gone=is_gone)
    elif is_gone:
        del other[step]
    else:
        other[step] = new
    return other


def told(dialect: Dialect, path: str, body: Mapping[str, Any]) -> str:
    """Say what becomes of a request: the field and the message of its refusal, or a digest of what was read."""
    urls = plain(dialect.find_urls(body))
    try:
        asked = read(dialect, path, body)
    except InvalidRequestError as error:
        return f"{error.param}: {error}"
    return digest([urls, plain(asked)])


def digest(form: Any) -> str:
    return hashlib.sha256(json.dumps(form).encode()).hexdigest()[:8]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to each value inside another."""
    if at:
        yield at
    if len(at) > DEEP + 2:
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*at, key))


def written(dialect: Dialect, asked: Asked, events: Sequence[Event]) -> dict[str, Any]:
    """Give the frames of an answer, and the same answer whole and as it is kept."""
    shaper = AnswerShaper(asked, streamed=True)
    writer = dialect.writer(asked, STAMP, 0)
    shaped = [one for event in events for one in shaper.shape(event)]
    frames = [frame for event in shaped for frame in writer.write(event)]
    frames += dialect.closing(asked, STAMP, [writer])
    frames += [frame for frame in [dialect.keep_alive(asked, STAMP)] if frame]
    answers = [shaped] * max(asked.n, 1)
    return {
        "frames": [shown(frame) for frame in frames],
        "whole": attempt(lambda: plain(dialect.whole(asked, STAMP, answers))),
        "kept": attempt(lambda: plain(dialect.kept(asked, STAMP, answers))) if dialect.stores else None,
    }


def attempt(make: Callable[[], Any]) -> Any:
    """Give what is made, or the name of the error."""
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}" if isinstance(error, TrayBridgeError) else type(error).__name__


def errors(dialect: Dialect, failure: Failure) -> list[Any]:
    """Give an error before the stream, and in one that has just begun."""
    (path, body), *_ = REQUESTS[dialect.name].values()
    writer = dialect.writer(read(dialect, path, body), STAMP, 0)
    frames = [shown(frame) for frame in dialect.error_frames(failure, [writer])]
    return [plain(dialect.error(failure)), frames if failure.kind == "internal" else digest(frames)]


def shown(frame: Frame) -> str:
    return f"{frame.name} {frame.data.decode('ascii')}".strip()


def plain(value: Any) -> Any:
    """Give a value as JSON has it: objects of ours by their class and fields."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        told = {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.name != "memo"}
        return {"is": type(value).__name__, **told}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else type(value).__name__


def differences(kept: Any, now: Any, at: str = "") -> Iterator[str]:
    """Name each place where two forms differ."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in [*kept, *(key for key in now if key not in kept)]:
            yield from differences(kept.get(key, "nothing"), now.get(key, "nothing"), f"{at}/{key}")
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for number, (was, became) in enumerate(zip(kept, now, strict=True)):
            yield from differences(was, became, f"{at}[{number}]")
    elif kept != now or type(kept) is not type(now):
        yield f"{at}: {json.dumps(kept)[:300]}  →  {json.dumps(now)[:300]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="keep the forms of today")
    options = parser.parse_args()
    now = forms()
    found = list(differences(json.loads(KEPT.read_text("utf-8")), now)) if KEPT.exists() else ["nothing is kept yet"]
    for each in found:
        print(each)
    if options.write:
        KEPT.write_text(json.dumps(now, indent=0, ensure_ascii=True) + "\n", "utf-8")
    return 1 if found and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())
