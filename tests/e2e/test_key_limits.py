"""Keys held to their limits, and usage that agrees with what the model itself has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_bridge import RunningBridge, directive, wait_for
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits
from tray_bridge.session_log import LogReader


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


def test_a_limit_of_requests_holds_across_a_restart_and_says_when_it_ends(
    make_bridge: Callable[..., RunningBridge], keys: dict[str, str], tmp_path: Path
) -> None:
    ApiKeys().limit("laptop", KeyLimits(requests_per_day=3))
    settings = {"log_folder": tmp_path}
    first = make_bridge(**settings)
    assert [ask(first, keys["laptop"]).status_code for _ in range(2)] == [200, 200]
    assert ask(first, keys["laptop"], model="no-such-model").status_code == 404  # an error is no answer
    first.server.stop(10)
    second = make_bridge(**settings)
    assert ask(second, keys["laptop"]).status_code == 200
    refused = ask(second, keys["laptop"])
    assert refused.status_code == 429
    assert "used 3 of its 3 requests a day" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 86400
    assert ask(second, keys["ci"]).status_code == 200


def test_a_limit_of_tokens_a_pause_and_what_a_key_may_ask(
    make_bridge: Callable[..., RunningBridge], keys: dict[str, str]
) -> None:
    bridge = make_bridge()
    own = ApiKeys()
    own.limit("laptop", KeyLimits(tokens_per_day=1))
    assert [ask(bridge, keys["laptop"]).status_code for _ in range(2)] == [200, 429]
    own.limit("laptop", KeyLimits(models=("haiku",)))
    assert [ask(bridge, keys["laptop"], model=model).status_code for model in ("haiku", "sonnet")] == [200, 403]
    own.limit("laptop", KeyLimits(dialects=("anthropic_messages",)))
    assert ask(bridge, keys["laptop"]).status_code == 403
    own.limit("laptop", KeyLimits(paused=True))
    refused = ask(bridge, keys["laptop"])
    assert (refused.status_code, refused.json()["error"]["message"][:28]) == (429, "The key laptop is paused. Ra")
    own.limit("laptop", KeyLimits())
    assert ask(bridge, keys["laptop"]).status_code == 200


@pytest.mark.parametrize("choices", [1, 3])
def test_usage_is_what_the_model_has_counted_to_the_token(
    make_bridge: Callable[..., RunningBridge], tmp_path: Path, choices: int
) -> None:
    bridge = make_bridge(log_folder=tmp_path)
    told = [ask(bridge, "none", n=choices).json()["usage"] for _ in range(3)]
    log = LogReader(tmp_path)
    wait_for(lambda: log.search(outcome="completed").total == 3)
    total = log.usage.report("model")["total"]
    read = total["input_tokens"] + total["cache_read_tokens"] + total["cache_creation_tokens"]
    assert total["output_tokens"] == sum(usage["completion_tokens"] for usage in told)
    assert read == sum(usage["prompt_tokens"] for usage in told)
    assert total["requests"] == 3
