"""Which Claude Code may be reset: proved once for each program, and remembered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tray_bridge.claude.capabilities import PROVED_BY_TESTS, Capabilities
from tray_bridge.claude.transport import LateBindingTransport
from tray_bridge.machine.cli_program import CliProgram, find_cli


@pytest.fixture
def bundled() -> CliProgram:
    found = find_cli()
    assert found is not None and found.bundled
    return found


def test_the_program_that_comes_along_is_the_one_that_the_tests_have_seen(bundled: CliProgram) -> None:
    assert bundled.version in PROVED_BY_TESTS


async def test_a_program_of_the_users_own_is_proved_once_and_remembered(tmp_path: Path, bundled: CliProgram) -> None:
    own = CliProgram(bundled.path, None, bundled=False)
    capabilities = Capabilities(tmp_path / "capabilities.json")
    assert capabilities.known(own) is None
    assert (await capabilities.prove(own)).can_reset
    again = Capabilities(tmp_path / "capabilities.json").known(own)
    assert again is not None and again.can_reset and not again.why_not


async def test_a_program_that_refuses_to_rewind_is_not_reset(
    tmp_path: Path, bundled: CliProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = LateBindingTransport.control

    async def refuse(self: LateBindingTransport, **request: str) -> dict[str, object]:
        if request["subtype"] == "rewind_conversation":
            return {"rewound": False, "reason": "unseen_later_turn"}
        return dict(await control(self, **request))

    monkeypatch.setattr(LateBindingTransport, "control", refuse)
    capabilities = Capabilities(tmp_path / "capabilities.json")
    own = CliProgram(bundled.path, None, bundled=False)
    assert "not proved" in (await capabilities.prove(own)).why_not
    found = capabilities.known(own)
    assert found is not None and not found.can_reset


async def test_a_program_that_only_says_so_is_not_reset(
    tmp_path: Path, bundled: CliProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = LateBindingTransport.control

    async def lie(self: LateBindingTransport, **request: str) -> dict[str, object]:
        if request["subtype"] == "rewind_conversation":
            return {"rewound": True, "precedingAssistantUuid": None}
        return dict(await control(self, **request))

    monkeypatch.setattr(LateBindingTransport, "control", lie)
    verdict = await Capabilities(tmp_path / "capabilities.json").prove(CliProgram(bundled.path, None, bundled=False))
    assert "words of another" in verdict.why_not


def test_another_program_in_the_same_place_has_to_be_proved_anew(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_bytes(b"one")
    file = tmp_path / "capabilities.json"
    own = CliProgram(program, None, bundled=False)
    stat = program.stat()
    key = f"{program.resolve()} {stat.st_size} {stat.st_mtime_ns} "
    file.write_text(f'{{"{key}": {{"can_reset": true, "why_not": ""}}}}'.replace("\\", "\\\\"))
    assert Capabilities(file).known(own) is not None
    os.utime(program, ns=(1, 1))
    assert Capabilities(file).known(own) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_a_file_that_cannot_be_read_knows_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content)
    assert Capabilities(tmp_path / "c.json").known(CliProgram(tmp_path / "claude", None, bundled=False)) is None
