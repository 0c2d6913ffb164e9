"""Keys held to their limits, and usage that agrees with what the model itself has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.client_adapters import CLIENTS, Adapter, Question
from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits
from tray_bridge.machine.key_use import KeyUse, Use
from tray_bridge.session_log import LogReader
from tray_bridge.standin import StandIn


@pytest.fixture
def keys() -> Iterator[dict[str, str]]:
    made = ApiKeys()
    yield {name: made.make(name) for name in ("laptop", "ci")}
    for key in made.list():
        made.revoke(key.name)


def ask(bridge: RunningBridge, key: str, **body: Any) -> httpx.Response:
    whole = {"model": "sonnet", "messages": [{"role": "user", "content": directive(text="Yes.")}], **body}
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{bridge.base_url}/chat/completions", json=whole, headers=headers, timeout=60)


def test_a_limit_of_requests_counts_answers_alone_and_says_when_it_ends(
    bridge_with: Callable[..., RunningBridge], keys: dict[str, str], tmp_path: Path
) -> None:
    ApiKeys().limit("laptop", KeyLimits(requests_per_day=2))
    bridge = bridge_with(log_folder=tmp_path)
    assert ask(bridge, keys["laptop"]).status_code == 200
    assert ask(bridge, keys["laptop"], model="no-such-model").status_code == 404  # an error is no answer
    assert ask(bridge, keys["laptop"]).status_code == 200
    refused = ask(bridge, keys["laptop"])
    assert refused.status_code == 429
    assert "used 2 of its 2 requests a day" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 86400
    log = LogReader(tmp_path)
    told = wait_for(lambda: log.get(refused.headers["x-request-id"])) or {}
    assert told["turn"]["messages"], "it can be asked again"
    assert ask(bridge, keys["ci"]).status_code == 200


def test_a_limit_of_tokens_a_pause_and_what_a_key_may_ask(bridge: RunningBridge, keys: dict[str, str]) -> None:
    own = ApiKeys()
    own.limit("laptop", KeyLimits(tokens_per_day=1))
    assert [ask(bridge, keys["laptop"]).status_code for _ in range(2)] == [200, 429]
    own.limit("laptop", KeyLimits(models=("haiku",)))
    assert [ask(bridge, keys["laptop"], model=model).status_code for model in ("haiku", "sonnet")] == [200, 403]
    full = next(one.resolved for one in bridge.wait_for(lambda s: s.models).models if one.value == "sonnet")
    own.limit("laptop", KeyLimits(models=(full,)))
    assert [ask(bridge, keys["laptop"], model=model).status_code for model in ("sonnet", full, "haiku")] == [
        200,
        200,
        403,
    ]
    own.limit("laptop", KeyLimits(dialects=("anthropic_messages",)))
    refused = ask(bridge, keys["laptop"])
    assert (refused.status_code, "Chat Completions, only Messages." in refused.text) == (403, True)
    key = {"authorization": f"Bearer {keys['laptop']}"}
    count = httpx.post(f"{bridge.base_url}/responses/input_tokens", json={"input": "Hi"}, headers=key)
    assert count.status_code == 403
    own.limit("laptop", KeyLimits(paused=True))
    refused = ask(bridge, keys["laptop"])
    assert (refused.status_code, refused.json()["error"]["message"][:29]) == (429, "The key laptop is paused. Its")
    own.limit("laptop", KeyLimits())
    assert ask(bridge, keys["laptop"]).status_code == 200


def test_each_of_several_answers_counts_towards_a_limit_of_tokens(bridge: RunningBridge, keys: dict[str, str]) -> None:
    told = ask(bridge, keys["laptop"], n=3).json()["usage"]["total_tokens"]
    own = ApiKeys()
    own.limit("laptop", KeyLimits(tokens_per_day=told))
    assert ask(bridge, keys["laptop"]).status_code == 429


EACH = pytest.mark.parametrize("client", CLIENTS, ids=[client.dialect for client in CLIENTS])


def send(bridge: RunningBridge, client: Adapter, question: Question, key: str = "none") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{bridge.url}{client.path}", json=client.ask(question), headers=headers, timeout=60)


@pytest.fixture
def quiet_bridge(bridge_with: Callable[..., RunningBridge]) -> RunningBridge:
    """A bridge whose log keeps nothing."""
    return bridge_with(log_mode="off")


@EACH
def test_every_dialect_is_told_of_a_limit_with_its_reason_and_its_end(
    quiet_bridge: RunningBridge, keys: dict[str, str], client: Adapter
) -> None:
    ApiKeys().limit("laptop", KeyLimits(requests_per_day=1))
    question = Question(directive(text="Yes."), stream=True)
    assert send(quiet_bridge, client, question, keys["laptop"]).status_code == 200
    refused = send(quiet_bridge, client, question, keys["laptop"])
    assert refused.status_code == 429
    assert client.error(refused.json()).startswith(
        "The key laptop has used 1 of its 1 requests a day. It may ask again at midnight."
    )
    assert 0 < int(refused.headers["retry-after"]) <= 86400
    if client.dialect != "ollama":  # it has no types
        assert refused.json()["error"]["type"] in ("rate_limit", "rate_limit_error")
    ApiKeys().limit("laptop", KeyLimits(paused=True))
    paused = send(quiet_bridge, client, question, keys["laptop"])
    assert (paused.status_code, "The key laptop is paused." in client.error(paused.json())) == (429, True)
    assert send(quiet_bridge, client, question, keys["ci"]).status_code == 200  # the others go on


def test_a_limit_holds_across_restarts_though_nothing_is_logged(
    make_bridge: Callable[..., RunningBridge], keys: dict[str, str], tmp_path: Path
) -> None:
    settings = {"log_folder": tmp_path, "log_mode": "off", "pool_size": 1}
    first = make_bridge(**settings)
    answers = [ask(first, keys["laptop"]) for _ in range(2)]
    told = sum(answer.json()["usage"]["total_tokens"] for answer in answers)
    first.server.stop(10)
    ApiKeys().limit("laptop", KeyLimits(requests_per_day=3, tokens_per_day=told + 1))
    second = make_bridge(**settings)
    third = ask(second, keys["laptop"])
    assert third.status_code == 200
    refused = ask(second, keys["laptop"])
    assert (refused.status_code, "3 of its 3 requests" in refused.text) == (429, True)
    ApiKeys().limit("laptop", KeyLimits(tokens_per_day=told + third.json()["usage"]["total_tokens"]))
    assert "tokens a day" in ask(second, keys["laptop"]).json()["error"]["message"]
    used = Use(3, told + third.json()["usage"]["total_tokens"])
    key = ApiKeys().get("laptop")
    assert key
    wait_for(lambda: KeyUse().of(key, str(date.today())) == used)  # what the page shows
    assert not list(tmp_path.glob("????-??-??/*"))


def upstream_counts(standin: StandIn) -> dict[str, int]:
    """What the model's side has counted, in the words of the book of usage."""
    names = {
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "cache_read_tokens": "cache_read_input_tokens",
        "cache_creation_tokens": "cache_creation_input_tokens",
    }
    counted: list[Any] = [request.usage or {} for request in standin.requests]
    sums = {ours: sum(usage.get(theirs, 0) for usage in counted) for ours, theirs in names.items()}
    thought = [usage.get("output_tokens_details", {}).get("thinking_tokens", 0) for usage in counted]
    return {**sums, "thinking_tokens": sum(thought)}


def test_usage_is_what_the_model_has_counted_to_the_token_in_every_dialect(
    make_bridge: Callable[..., RunningBridge], standin: StandIn, tmp_path: Path
) -> None:
    bridge = make_bridge(log_folder=tmp_path, pool_size=1, max_sessions=1)
    log = LogReader(tmp_path)
    odd = {"cache_creation_input_tokens": 7, "output_tokens_details": {"thinking_tokens": 5}}
    expected, number = {}, 0
    for client in CLIENTS:
        standin.clear()
        questions = [
            Question(directive(text="Yes, it is so."), stream=True),
            Question(directive(text="No."), stream=False),
            Question(directive(text="Well.", usage=odd), stream=True),
        ]
        if "one call" not in client.cannot:
            call = {"name": "look", "input": {"at": "it"}}
            questions.append(Question(directive(tools=[call]), stream=True, tools=("look",)))
        for question in questions:
            assert send(bridge, client, question).status_code == 200
        if client.dialect == "openai_chat":
            assert ask(bridge, "none", n=3).status_code == 200
            number += 1
        number += len(questions)
        wait_for(lambda: log.search(outcome="completed").total == number)  # noqa: B023
        expected[client.dialect] = upstream_counts(standin)
    assert not standin.errands
    rows = {row["name"]: row for row in log.usage.report("dialect")["rows"]}
    found = {dialect: {name: rows[dialect][name] for name in counts} for dialect, counts in expected.items()}
    assert found == expected
    for counts in expected.values():
        assert counts["output_tokens"] > 0
        assert (counts["cache_creation_tokens"], counts["thinking_tokens"]) == (7, 5)
    log.close()
