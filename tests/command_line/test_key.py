"""`tray-bridge key list`: what each key may do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tray_bridge.command_line.arguments import make_parser
from tray_bridge.command_line.key import manage_keys
from tray_bridge.machine.api_keys import ApiKeys, KeyLimits


def test_the_list_tells_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    for name in ("free", "laptop"):
        ApiKeys().make(name)
    ApiKeys().limit("laptop", KeyLimits(2000, 10, ("sonnet", "gpt-4o"), ("ollama",), paused=True))
    assert manage_keys(make_parser().parse_args(["key", "list"])) == 0
    free, laptop = capsys.readouterr().out.splitlines()
    assert free.split(" made ")[1].count(",") == 0
    told = "paused, 2,000 requests a day, 10 tokens a day, models: sonnet gpt-4o, dialects: ollama"
    assert laptop.endswith(told)
    manage_keys(make_parser().parse_args(["key", "list", "--json"]))
    limits = json.loads(capsys.readouterr().out)["keys"][1]["limits"]
    assert (limits["requests_per_day"], limits["paused"]) == (2000, True)
