"""Files of the log that somebody has spoilt: a field or a file is left out, nothing else is lost, no query fails."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.session_log.log_fixtures import answer, begin, files
from tray_bridge.api.page.last_hour import LastHour
from tray_bridge.api.page.log_routes import log_router
from tray_bridge.api.page.remember import remember
from tray_bridge.api.page.usage_routes import usage_router
from tray_bridge.command_line.arguments import make_parser
from tray_bridge.command_line.logs import show_logs
from tray_bridge.command_line.usage import show_usage
from tray_bridge.session_log import FORMS, LogReader, SessionLog
from tray_bridge.session_log.retention import discard_old
from tray_bridge.turns import ToolCallStarted

ODD: list[Any] = [
    None,
    True,
    -1,
    5,
    10**30,
    1e300,
    math.nan,
    math.inf,
    "",
    "x",
    "\ud800",
    [],
    [5],
    {},
    {"a": 5},
    [{}],
    ["../../x"],
]
VALUES = st.sampled_from(ODD) | st.recursive(
    st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One exchange that has all that an exchange can have."""
    folder = tmp_path_factory.mktemp("whole")
    log = SessionLog(folder)
    log.open()
    exchange = begin(log, "spoilt", tools=[{"type": "function", "function": {"name": "read"}}])
    exchange.record(ToolCallStarted(0, "call_1", "read"))
    answer(exchange)
    log.close(10)
    document: dict[str, Any] = json.loads(files(folder)[0].read_bytes())
    error = {"title": "Overloaded", "message": "Try again", "hint": "Later"}
    return document | {"error": error, "response": {"choices": []}}


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*before, name)
        yield from places(item, (*before, name))


def spoilt_at(document: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    inner: Any = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return copy


def page_of(reader: LogReader) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(log_router(reader))
    server: Any = SimpleNamespace(snapshot=lambda: SimpleNamespace(models=()))
    app.include_router(usage_router(server, reader))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


async def ask_everything(reader: LogReader) -> list[str]:
    """Ask every route, and give the ids of the log."""
    async with page_of(reader) as page:
        found = (await page.get("/exchanges")).json()
        paths = ["/filters", "/exchanges?text=because", "/exchanges?client=c&model=s&outcome=completed"]
        paths += [f"/usage?by={by}" for by in ("day", "model", "client")] + ["/usage?form=csv"]
        paths += [f"/export?form={form}" for form in FORMS]
        for one in found["exchanges"]:
            address = f"/exchanges/{one['id']}"
            paths += [address, f"{address}/export?form=md"]
            paths += [f"{address}/export?form=report{more}" for more in ("", "&without=names&without=texts")]
        paths += [f"/threads/{(await page.get('/exchanges/other')).json()['conversation']['thread']}"]
        for path in paths:
            answer = await page.get(path)
            assert answer.status_code == 200, path
            if answer.headers["content-type"] == "application/json" and "form=har" not in path:
                json.loads(answer.content)
    return [one["id"] for one in found["exchanges"]]


def run_commands(folder: Path) -> None:
    for words in (["logs"], ["logs", "--json"], ["logs", "show", "other"], ["logs", "show", "other", "--curl"]):
        with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8", errors="replace")):
            assert show_logs(make_parser().parse_args(words), folder, "http://127.0.0.1:9") == 0
    with redirect_stdout(io.StringIO()):
        assert show_usage(make_parser().parse_args(["usage"]), folder) == 0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_of_the_log_holds_nothing_else_is_lost_and_every_query_is_answered(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Any], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    document = whole
    everywhere = list(places(whole))
    for place in data.draw(st.lists(st.sampled_from(everywhere), min_size=1, max_size=2)):
        try:
            document = spoilt_at(document, place, data.draw(VALUES))
        except (KeyError, IndexError, TypeError):
            continue  # the place went with the one before
    check(folder, whole, document)


SPOILT: list[tuple[tuple[Any, ...], Any]] = [
    (("conversation",), 5),
    (("conversation", "tip"), ["x"]),
    (("usage", "input_tokens"), 10**30),
    (("usage",), {"input_tokens": "x"}),
    (("timings", "first_token_s"), math.nan),
    (("timings", "first_token_s"), "x"),
    (("timings",), None),
    (("client",), None),
    (("received",), "0001-01-01T00:00:00"),
    (("received",), 5),
    (("id",), ""),
    (("process",), 5),
    (("outcome",), "often"),
    (("error",), "text"),
    (("tool_calls",), [{"name": 5}, 7]),
    (("blobs",), ["../../../x", "\0"]),
    (("request",), [[]]),
    (("turn", "messages"), 5),
    (("turn", "tools"), 5),
    (("request", "messages"), {"a": math.inf}),
    (("status",), 10**30),
    (("request", "metadata"), json.loads("[" * 500 + "]" * 500)),
    (("later",), json.loads("[" * 500 + "]" * 500)),
]


def test_a_spoilt_field_is_left_out(tmp_path: Path, whole: dict[str, Any]) -> None:
    check(tmp_path, whole, *(spoilt_at(whole | {"id": str(n)}, *one) for n, one in enumerate(SPOILT)))


def check(folder: Path, whole: dict[str, Any], *documents: dict[str, Any]) -> None:
    for number, one in enumerate([*documents, whole | {"id": "other"}]):
        path = folder / whole["received"][:10] / f"120000.000-{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(one), "ascii")
    reader = LogReader(folder)
    ids = asyncio.run(ask_everything(reader))
    assert "other" in ids
    total = reader.usage.report("day")["total"]
    assert total["output_tokens"] >= whole["usage"]["output_tokens"]
    run_commands(folder)
    remember(LastHour(), reader)
    discard_old(folder, days=10_000, megabytes=100)
    under_way = reader.search(outcome="in_progress").total  # by its file, which names a program that runs: this one
    assert under_way <= sum(document["outcome"] is None for document in documents if document["id"] in ids)
    assert reader.delete_all() == len(ids) - under_way
    reader.close()


def test_a_name_of_another_file_among_the_blobs_deletes_nothing(tmp_path: Path, whole: dict[str, Any]) -> None:
    path = tmp_path / "log" / whole["received"][:10] / "120000.000-one.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(whole | {"blobs": ["../../mine.txt"]}))
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    assert LogReader(tmp_path / "log").delete_all() == 1
    assert mine.exists()


def test_a_file_that_is_passed_over_is_named_once(
    tmp_path: Path, whole: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    day = tmp_path / "2026-01-01"
    day.mkdir()
    (day / "a.json").write_text(json.dumps(whole | {"received": "soon"}))
    (day / "b.json").write_text("[" * 3000)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert LogReader(tmp_path).search().total == 0
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "a.json: `received` is no time" in told[0]
    assert "b.json: it is no JSON that can be read" in told[1]
