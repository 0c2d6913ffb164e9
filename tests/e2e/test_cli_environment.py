"""What the CLI would do without a variable of `cli_environment`: one process, asked as the bridge asks it.

No pool stands between: it would end some of that before the model answers. `docs/claude-code.md` names the test of each
variable.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import annotated_types
import httpx
import pytest

from tests.bench.raw_cli import RawCli
from tests.e2e.upstream import turns
from tests.running_bridge import RunningBridge, directive
from tray_bridge.claude.cli_process import cli_environment
from tray_bridge.settings.schema import Settings
from tray_bridge.standin import StandIn
from tray_bridge.standin.script import Received

Seen: TypeAlias = dict[str, list[Received]]
NEARLY_FULL = 975_000  # tokens of the model's million: Claude Code would sum the conversation up at 967,000
QUESTIONS = {
    "first": directive(text="one"),
    "refused": directive(refusal=True),
    "nearly full": directive(text="two", usage={"input_tokens": NEARLY_FULL, "output_tokens": 5}),
    "last": directive(text="three"),
}


@pytest.fixture(scope="module")
def claude(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("claude")


@pytest.fixture(scope="module")
def upstream(running_standin: StandIn, claude: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What each question became upstream. The CLI may ask the network what it likes; no proxy lets it out."""
    work = tmp_path_factory.mktemp("work").resolve()
    memory = claude / "projects" / re.sub(r"[^A-Za-z0-9]", "-", str(work)) / "memory"
    memory.mkdir(parents=True)
    (memory / "MEMORY.md").write_text("Remembered: the user likes cats.")

    async def ask_all() -> Seen:
        cli = await RawCli(work).start()
        try:
            await cli.initialize()
            seen: Seen = {}
            for name, question in QUESTIONS.items():
                running_standin.clear()
                await cli.ask(f"This is a question about cats and dogs.\n{question}")
                seen[name] = [*running_standin.requests, *running_standin.errands]
            return seen
        finally:
            await cli.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAUDE_CONFIG_DIR", str(claude))
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        patch.delenv("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")
        return asyncio.run(ask_all())


def test_what_claude_code_remembers_of_a_person_stays_on_the_machine(upstream: Seen) -> None:
    for name, requests in upstream.items():
        assert "Remembered" not in json.dumps(requests[0].body), name


def test_no_model_is_asked_for_a_title_or_anything_else_besides(upstream: Seen) -> None:
    assert [len(upstream[name]) for name in ("first", "nearly full", "last")] == [1, 1, 1]


def test_a_refusal_is_not_asked_again_and_no_other_model_is_prepared_for(upstream: Seen) -> None:
    (refused,) = upstream["refused"]
    assert "fallback" not in refused.headers["anthropic-beta"]


def test_a_conversation_that_is_nearly_full_is_not_summed_up(upstream: Seen) -> None:
    (request,) = upstream["last"]
    _, (question, *_) = turns(request.body)[0]
    assert QUESTIONS["first"] in question["text"]


@pytest.mark.usefixtures("upstream")
def test_no_transcript_is_left(claude: Path) -> None:
    assert not list(claude.rglob("*.jsonl"))


def test_a_call_may_wait_for_as_long_as_a_process_may_stay_suspended() -> None:
    (most,) = [
        rule.le for rule in Settings.model_fields["suspended_minutes"].metadata if isinstance(rule, annotated_types.Le)
    ]
    assert int(cli_environment({})["MCP_TOOL_TIMEOUT"]) >= most * 60_000  # type: ignore[operator]


@pytest.mark.full
@pytest.mark.timeout(400)
def test_five_minutes_without_a_word_from_upstream_end_no_answer(bridge_with: Callable[..., RunningBridge]) -> None:
    """Claude Code takes a stream in which nothing came for so long for a broken one."""
    bridge = bridge_with(claude_timeout=600)
    start = {"type": "message", "role": "assistant", "model": "claude-sonnet-5-5", "content": [], "usage": {}}
    events = [
        {"type": "message_start", "message": {"id": "msg_1", **start}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Late."}},
        {"pause": 305},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    body = {"model": "sonnet", "messages": [{"role": "user", "content": directive(events=events)}]}
    response = httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=400, verify=False)
    assert response.json()["choices"][0]["message"]["content"] == "Late.", response.text


def test_each_variable_has_its_row_with_a_test_or_a_reason() -> None:
    """`test_docs` sees that a test that is named exists."""
    page = (Path(__file__).parents[2] / "docs" / "claude-code.md").read_text("utf-8")
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", page))
    assert set(rows) == set(cli_environment({}))
    for name, held in rows.items():
        assert re.search(r"`test_\w+`|^no test: ", held), name
