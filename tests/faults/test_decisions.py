"""Decisions of docs/faults.md that no other file holds (faults A21, A25, D3, D13, D17, E5)."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands import run_command
from tests.desktop.private_bus import PrivateBus
from tests.running_bridge import RunningBridge, directive
from tray_bridge.doctor.checks import run_checks
from tray_bridge.setup.claude_account import found_accounts, has_account

Make = Callable[..., RunningBridge]
READ: dict[str, Any] = {
    "type": "function",
    "function": {"name": "read", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}},
}


def asked(bridge: RunningBridge, question: str, **fields: Any) -> httpx.Response:
    body = {"model": "sonnet", "messages": [{"role": "user", "content": question}], **fields}
    return httpx.post(f"{bridge.base_url}/chat/completions", json=body, timeout=60, verify=False)


CALLS = directive(text="Look", tools=[{"name": "read", "input": {"path": "A"}}])


def test_a21_a_whole_answer_has_what_typed_clients_demand(bridge: RunningBridge) -> None:
    found = asked(bridge, CALLS, tools=[READ]).json()
    assert found["object"] == "chat.completion" and isinstance(found["created"], int)
    assert isinstance(found["id"], str) and isinstance(found["model"], str)
    (choice,) = found["choices"]
    assert choice["index"] == 0 and choice["finish_reason"] == "tool_calls"
    assert choice["message"]["role"] == "assistant"
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function" and isinstance(call["id"], str) and isinstance(call["function"]["arguments"], str)
    assert all(isinstance(found["usage"][f"{kind}_tokens"], int) for kind in ("prompt", "completion", "total"))


def test_a21_each_chunk_has_what_typed_clients_demand(bridge: RunningBridge) -> None:
    response = asked(bridge, CALLS, tools=[READ], stream=True, stream_options={"include_usage": True})
    chunks = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert all(choice["index"] == 0 and choice.get("finish_reason") != "" for choice in choices)
    pieces = [call for choice in choices for call in choice["delta"].get("tool_calls", ())]
    assert pieces[0]["type"] == "function" and pieces[0]["id"] and pieces[0]["function"]["name"] == "read"
    assert all(isinstance(piece["index"], int) for piece in pieces)
    assert chunks[-1]["usage"]["total_tokens"] > 0 and chunks[-1]["choices"] == []


ODD: dict[str, Any] = {
    "type": "object",
    "properties": {
        "城市": {"type": "string"},
        "$id2": {"type": "integer"},
        "first name": True,
        "child": {"$ref": "#/$defs/child"},
    },
    "$defs": {"child": {"type": "object", "properties": {"again": {"$ref": "#/$defs/child"}}}},
}


def test_a25_a_schema_of_an_answer_is_passed_on_with_its_keys(bridge: RunningBridge) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": ODD}}
    answer = directive(structured={"城市": "Wien", "$id2": 1})
    response = asked(bridge, answer, response_format=form)
    assert response.status_code == 200, response.text
    (tool,) = (each for each in bridge.standin.requests[-1].body["tools"] if each["name"] == "StructuredOutput")
    assert tool["input_schema"]["properties"].keys() == ODD["properties"].keys()
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == {"城市": "Wien", "$id2": 1}


def test_a25_a_schema_of_an_answer_is_mended_as_a_tools_is(bridge: RunningBridge) -> None:
    schema = {"properties": {"a": {"type": "STRING"}, "b": {"type": "object", "properties": []}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert asked(bridge, directive(structured={}), response_format=form).status_code == 200


def test_d3_accounts_of_claude_codes_own_settings_are_named_without_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    given = {"env": {"ANTHROPIC_BASE_URL": "https://gateway", "ANTHROPIC_AUTH_TOKEN": "secret"}, "apiKeyHelper": "x"}
    (tmp_path / "settings.json").write_text(json.dumps(given))
    told = " ".join(found_accounts({}))
    assert "ANTHROPIC_BASE_URL" in told and "apiKeyHelper" in told and "secret" not in told
    (tmp_path / "settings.json").write_text(json.dumps({"apiKeyHelper": "x"}))
    assert has_account()


def test_d13_another_program_on_the_ipv6_loopback_does_not_stop_the_bridge(make_bridge: Make) -> None:
    with socket.socket(socket.AF_INET6) as other:
        try:
            other.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 loopback")
        other.listen()
        port = int(other.getsockname()[1])
        bridge = make_bridge(pool_size=0, port=port)
        assert bridge.url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{bridge.base_url}/models").json()["data"]
        status = httpx.get(f"{bridge.url}/status").json()
        (told,) = (check for check in run_checks(bridge.server.settings, None, status) if check.title == "Server")
        assert told.status == "warning" and "[::1]" in told.message and "127.0.0.1" in told.hint


def test_d13_localhost_leads_to_the_bridge_on_ipv6_too(bridge: RunningBridge) -> None:
    port = bridge.snapshot().port
    try:
        found = httpx.get(f"http://[::1]:{port}/v1/models")
    except httpx.ConnectError:
        pytest.skip("no IPv6 loopback")
    assert found.status_code == 200 and found.json()["data"]


def test_d17_a_model_of_another_service_in_the_environment_is_an_unknown_model(bridge: RunningBridge) -> None:
    variables = {"BRIDGE_URL": bridge.url, "OPENROUTER_MODEL": "mistralai/mistral-large"}
    done = run_command(["ask", "hi"], {**os.environ, **variables})
    assert done.returncode != 0 and "mistral" in done.stderr


@pytest.mark.skipif(sys.platform != "linux" or not PrivateBus.is_available(), reason="needs Linux and dbus-daemon")
async def test_e5_a_watcher_that_does_not_tell_whether_it_has_a_host_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dbus_fast.aio import MessageBus
    from dbus_fast.service import ServiceInterface

    from tray_bridge.desktop import tray_host

    bus = PrivateBus(tmp_path)
    bus.start()
    try:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
        watcher = await MessageBus(bus_address=bus.address).connect()
        watcher.export("/StatusNotifierWatcher", ServiceInterface(tray_host.WATCHER))
        await watcher.request_name(tray_host.WATCHER)
        found: list[str] = []
        probing = threading.Thread(target=lambda: found.append(tray_host.probe().kind))
        probing.start()
        while probing.is_alive():
            await _settle()
        assert found == ["status_notifier"]
        watcher.disconnect()
    finally:
        bus.stop()


async def _settle() -> None:
    import asyncio

    await asyncio.sleep(0.02)
