"""What is taken out asks the same again: pictures and files are in its requests as the client sent them."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.session_log.log_fixtures import PNG, answer, begin
from tray_bridge.session_log import FORMS, LogReader, SessionLog, as_curl, as_markdown, as_report, export, with_files

URL = f"data:image/png;base64,{PNG}"
CONTENTS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}],
    "anthropic_messages": [
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}],
        }
    ],
    "ollama": [{"role": "user", "content": "What is it?", "images": [PNG]}],
}


@pytest.mark.parametrize("dialect", CONTENTS)
def test_pictures_are_in_what_asks_again(tmp_path: Path, dialect: str) -> None:
    log = SessionLog(tmp_path)
    log.open()
    answer(begin(log, "one", messages=CONTENTS[dialect]))
    log.close(10)
    reader = LogReader(tmp_path)
    document = reader.get("one")
    assert document
    assert PNG not in json.dumps(document)
    curl = as_curl(with_files(document, reader.blob), "http://here")
    assert json.loads(curl.partition("<<'JSON'\n")[2].rpartition("\nJSON")[0])["messages"] == CONTENTS[dialect]
    har = "".join(export([document], "har", "http://here", reader.blob))
    sent = json.loads(har)["log"]["entries"][0]["request"]["postData"]["text"]
    assert json.loads(sent)["messages"] == CONTENTS[dialect]
    assert PNG in "".join(export([document], "py", "http://here", reader.blob))
    assert json.loads("".join(export([document], "jsonl", "http://here", reader.blob))) == document


def test_a_file_that_is_gone_and_a_text_that_looks_like_one_stay_as_they_are(tmp_path: Path) -> None:
    name = f"blob:{'a' * 64}.png"
    request = {"messages": [{"role": "user", "content": name}], "images": [name]}
    document = {"request": request, "blobs": [name.removeprefix("blob:")]}
    assert with_files(document, LogReader(tmp_path).blob) == document


@pytest.mark.parametrize("content", [5, {"a": 1}, [{"type": "tool_use"}], [7], "lone \ud800"])
def test_what_no_dialect_knows_is_shown_as_it_is(tmp_path: Path, content: Any) -> None:
    log = SessionLog(tmp_path)
    log.open()
    exchange = begin(log, "odd", messages=[{"role": "user", "content": content}], tools=5)
    exchange.turn = None  # as of a request that was refused
    answer(exchange)
    log.close(10)
    document = LogReader(tmp_path).get("odd")
    assert document
    assert "## User" in "".join(export([document], "md", "http://here", LogReader(tmp_path).blob))
    for is_whole in (False, True):
        assert "odd" in as_report(document, "", texts=is_whole, names=is_whole)


def test_a_file_that_is_not_the_logs_outlives_the_last_exchange_of_its_day(tmp_path: Path) -> None:
    log = SessionLog(tmp_path)
    log.open()
    answer(begin(log, "one"))
    log.close(10)
    (file,) = tmp_path.glob("*/*.json")
    (file.parent / "my-notes.txt").write_text("mine")
    assert LogReader(tmp_path).delete("one")
    assert [path.name for path in file.parent.iterdir()] == ["my-notes.txt"]


ODD = "lone \ud800 \udfff, pair \U0001f600, \x00\x1b\x7f\x85\x9b\u2028, 'quotes\" \\ \\ud800 $(x) `y`\nJSON\nEOF"


@pytest.fixture(scope="module")
def received() -> Iterator[tuple[str, list[bytes]]]:
    """A server that keeps the bodies that it gets."""
    bodies: list[bytes] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            assert self.headers["content-type"] == "application/json"
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Keeper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()


@pytest.mark.parametrize("form", ["sh", "py", "har", "jsonl", "ascii"])
def test_what_is_sent_again_equals_what_was_received(
    form: str, received: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, bodies = received
    request = {
        "model": ODD,
        "messages": [{"role": "user", "content": [{"type": ODD, ODD: [ODD, 1e300, 10**20, None]}]}],
    }
    document = {"id": "odd", "received": "", "endpoint": "/v1/it's", "outcome": "completed", "request": request}
    text = "".join(export([document], form, origin, lambda _: None)) if form in FORMS else ""
    text.encode()
    if form == "py":
        monkeypatch.setenv("NO_PROXY", "*")
        exec(compile(text, "again.py", "exec"), {})
    elif form in ("sh", "ascii"):
        if not (shutil.which("curl") and shutil.which("sh")):
            pytest.skip("without curl")
        command = text or as_curl(document, origin, ascii_only=True)
        assert form == "sh" or command.isascii()
        subprocess.run(["sh"], input=command.encode(), check=True, capture_output=True)
    elif form == "har":
        bodies.append(json.loads(text)["log"]["entries"][0]["request"]["postData"]["text"].encode())
    else:
        bodies.append(json.dumps(json.loads(text)["request"]).encode())
    assert json.loads(bodies.pop()) == request


def test_markdown_shows_what_no_encoder_takes_as_escapes() -> None:
    document = {"id": "\ud800", "received": "", "outcome": "completed", "request": {"prompt": "lone \ud800"}}
    assert "lone \\ud800" in as_markdown(document).encode().decode()


@pytest.mark.parametrize("keys", [("laptop", None), (None, "laptop"), (None, None)])
def test_a_program_that_asks_again_has_a_place_for_the_key_if_any_exchange_had_one(
    keys: tuple[str | None, ...],
) -> None:
    documents: list[dict[str, Any]] = [{"endpoint": "/v1/messages", "request": {}, "key_name": name} for name in keys]
    program = "".join(export(documents, "py", "http://here", lambda _: None))
    assert ("Bearer YOUR-KEY" in program) == any(keys)


def test_markdown_shows_what_a_tool_was_asked_and_what_it_returned() -> None:
    called = {"type": "tool_use", "id": "a", "name": "read_file", "input": {"path": "a.txt"}}
    returned = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "Its text."}]}
    messages = [{"role": "assistant", "content": [called]}, {"role": "user", "content": [returned]}]
    text = as_markdown({"id": "x", "received": "", "outcome": "completed", "request": {"messages": messages}})
    assert "read_file" in text
    assert "a.txt" in text
    assert "Result:\n\n```\nIts text.\n```" in text


def test_what_a_person_reads_speaks_of_processes_where_the_log_has_sessions() -> None:
    document = {"id": "x", "received": "", "outcome": "completed", "timings": {"session_ready_s": 0.5, "end_s": 2}}
    assert "- Seconds: process ready 0.5, end 2\n" in as_markdown(document)
