"""A newer release is told of: asked once a day, and nothing is sent but the version."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tray_bridge.doctor.checks import run_checks
from tray_bridge.machine.releases import DAY, newer_release, release_address
from tray_bridge.settings.schema import load_settings

NOW = 1_800_000_000.0


class Index(http.server.BaseHTTPRequestHandler):
    asked: list[dict[str, str]] = []  # noqa: RUF012 - emptied by each test
    newest: object = "0.2.0"

    def do_GET(self) -> None:
        self.asked.append(dict(self.headers.items()))
        body = json.dumps({"info": {"version": self.newest}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    Index.asked, Index.newest = [], "0.2.0"
    server = http.server.HTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_it_is_asked_once_a_day_and_told_only_the_version(index: str) -> None:
    assert newer_release("0.1.0", index, NOW) == "0.2.0"
    assert newer_release("0.1.0", index, NOW + DAY - 1) == "0.2.0"
    assert len(Index.asked) == 1
    sent = {name.lower(): value for name, value in Index.asked[0].items()}
    assert sent["user-agent"] == "tray-bridge/0.1.0"
    assert set(sent) <= {"user-agent", "host", "accept-encoding", "connection"}
    assert newer_release("0.2.0", index, NOW + DAY) is None
    assert len(Index.asked) == 2


def test_it_is_asked_again_after_the_clock_was_set_back(index: str) -> None:
    for moment in (NOW, NOW - 1, NOW):
        assert newer_release("0.1.0", index, moment) == "0.2.0"
    assert len(Index.asked) == 2  # not at the third time, a second later


@pytest.mark.parametrize("newest", ["0.1.0", "0.0.9", "0.2.0rc1", None, 7, "<script>"])
def test_what_is_no_newer_release_is_not_told(index: str, newest: object) -> None:
    Index.newest = newest
    assert newer_release("0.1.0", index, NOW) is None


def test_where_nobody_answers_nothing_is_told_and_it_is_not_asked_again_at_once(index: str) -> None:
    assert newer_release("0.1.0", "http://127.0.0.1:9/", NOW) is None
    assert newer_release("0.1.0", index, NOW + 60) is None
    assert Index.asked == []


def test_the_address_is_the_one_in_the_packages_own_metadata(
    index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "named_bridge-1.0.dist-info"
    folder.mkdir()
    project = f"Metadata-Version: 2.1\nName: named-bridge\nVersion: 1.0\nProject-URL: Newest release, {index}\n"
    (folder / "METADATA").write_text(project)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert release_address("named-bridge") == index
    assert release_address("not-installed-bridge") is None


def test_a_build_that_names_no_address_asks_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    assert release_address() is None
    assert newer_release("0.1.0", now=NOW) is None
    assert list(tmp_path.rglob("release.json")) == []


def test_the_tests_ask_nobody_and_the_doctor_tells_what_the_bridge_knows() -> None:
    assert load_settings().check_for_updates is False
    status = {"newer_version": "9.9.9", "account": {"signed_in": True}}
    found = next(check for check in run_checks(load_settings(), None, status) if check.title == "Version")
    assert (found.status, "9.9.9" in found.message) == ("warning", True)
