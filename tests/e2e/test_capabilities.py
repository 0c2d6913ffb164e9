"""Which Claude Code may be reset and resume a past: proved once for each program, and remembered."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.e2e import changed_claude
from tray_bridge.claude import capabilities as examination
from tray_bridge.claude.capabilities import Capabilities, Verdict
from tray_bridge.machine.cli_program import CliProgram, find_cli
from tray_bridge.machine.paths import capabilities_file
from tray_bridge.server import pool_setup
from tray_bridge.settings.schema import load_settings

needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="needs programs that are scripts")


@pytest.fixture
def bundled() -> CliProgram:
    found = find_cli()
    assert found is not None and found.bundled
    return found


def test_the_program_that_comes_along_is_the_one_that_the_tests_have_seen(bundled: CliProgram) -> None:
    assert bundled.is_proved


def changed(bundled: CliProgram, folder: Path, way: str) -> CliProgram:
    """The real program behind another one, with one of its ways changed, or none."""
    path = folder / "claude"
    command = shlex.join([sys.executable, "-I", "-S", changed_claude.__file__, way, str(bundled.path)])
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)
    return CliProgram(path, bundled.version, bundled=False)


@needs_scripts
@pytest.mark.parametrize(
    "way",
    [  # a rewind that is refused or not known ends the process, as tools that stay do; the CLI's own refusal is in
        # `test_never_a_wrong_byte`
        pytest.param(way, marks=pytest.mark.full) if way in ("says no with a success", "does not know it") else way
        for way in (*changed_claude.WAYS, changed_claude.READS_NO_FILE)
    ],
)
async def test_a_program_with_changed_ways_is_not_reset_or_does_not_resume(
    tmp_path: Path, bundled: CliProgram, way: str
) -> None:
    capabilities = Capabilities(tmp_path / "capabilities.json")
    program = changed(bundled, tmp_path, way)
    verdict = await capabilities.prove(program)
    assert verdict.can_reset == (way == changed_claude.READS_NO_FILE)
    assert not verdict.can_resume
    assert verdict.is_final
    assert capabilities.known(program) == verdict


async def test_a_program_that_did_not_answer_in_time_is_examined_again(
    tmp_path: Path, bundled: CliProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = CliProgram(bundled.path, None, bundled=False)
    capabilities = Capabilities(tmp_path / "capabilities.json")
    with monkeypatch.context() as patch:
        patch.setattr(examination, "PROOF_SECONDS", 0.01)
        verdict = await capabilities.prove(own)
    assert not verdict.can_reset
    assert "in time" in verdict.why_not
    assert not verdict.is_final
    assert capabilities.known(own) is None  # how that ends is the next test's


@needs_scripts
async def test_the_server_examines_a_program_until_it_has_answered_and_remembers_it(
    tmp_path: Path, bundled: CliProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAY_BRIDGE_HOME", str(tmp_path))
    monkeypatch.setattr(pool_setup, "PROVE_AFTER", 0.0)
    monkeypatch.setattr(pool_setup, "PROVE_AGAIN", 0.2)
    monkeypatch.setattr(examination, "PROOF_SECONDS", 0.01)
    path = changed(bundled, tmp_path, "").path
    settings = load_settings({"cli_path": str(path)})
    said: list[str] = []

    def note() -> None:
        said.append(setup.config(settings).no_reuse)
        examination.PROOF_SECONDS = 60.0

    setup = pool_setup.PoolSetup(note)
    await setup.open(settings, ())
    assert setup.config(settings).no_reuse == examination.NOT_YET
    assert setup.config(settings).transcript_folder is None
    for _ in range(5000):
        if said and not said[-1]:
            break
        await asyncio.sleep(0.02)
    assert "in time" in said[0]
    assert said[-1] == ""
    assert setup.config(settings).transcript_folder is not None
    await setup.stop_proof()
    assert Capabilities(capabilities_file()).known(find_cli(path)) == Verdict(can_reset=True, can_resume=True)


def test_another_program_in_the_same_place_has_to_be_proved_anew(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_bytes(b"one")
    file = tmp_path / "capabilities.json"
    own = CliProgram(program, None, bundled=False)
    stat = program.stat()
    key = f"{program.resolve()} {stat.st_size} {stat.st_mtime_ns} "
    file.write_text(f'{{"{key}": {{"can_reset": true, "why_not": "", "can_resume": true}}}}'.replace("\\", "\\\\"))
    assert Capabilities(file).known(own) is not None
    os.utime(program, ns=(1, 1))
    assert Capabilities(file).known(own) is None


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_a_file_that_cannot_be_read_knows_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content)
    assert Capabilities(tmp_path / "c.json").known(CliProgram(tmp_path / "claude", None, bundled=False)) is None
