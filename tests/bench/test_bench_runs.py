"""The measuring stick in its smallest form: it runs and says what it promises; in full, how much slower things are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
FIGURES = {"name", "unit", "goal", "value", "met", "bridge", "raw", "ratio", "note"}


def bench(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    path = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench", "--json", str(path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(path.read_text())
    return result


@pytest.mark.full  # it is a tool of ours, and starts a dozen processes
def test_every_way_to_a_session_is_timed_beside_the_raw_cli(tmp_path: Path) -> None:
    result = bench(tmp_path, "--runs", "1", "first-token")
    assert result["machine"]["cores"] and result["versions"]["claude-code"]
    assert len(result["figures"]) == 6
    for figure in result["figures"]:
        assert figure.keys() == FIGURES
        assert figure["goal"] is not None and figure["raw"]["n"] == figure["bridge"]["n"] >= 1
        assert figure["value"] > 0, figure["name"]


@pytest.mark.full
@pytest.mark.alone
def test_the_quick_form_measures_every_figure_that_has_a_goal(tmp_path: Path) -> None:
    result = bench(tmp_path, "--quick")
    assert sum(figure["goal"] is not None for figure in result["figures"]) >= 12
    assert all(figure["bridge"]["n"] for figure in result["figures"])
    first_token = bench(tmp_path, "--runs", "1", "first-token")["figures"]
    # A miss costs ten times as much as a hit; a loaded machine, at one sample, twice or thrice.
    assert all(0 < figure["value"] < 8 for figure in first_token), first_token


@pytest.mark.full
@pytest.mark.alone
def test_a_soak_leaves_no_process_descriptor_or_memory_behind(tmp_path: Path) -> None:
    picture = tmp_path / "soak.png"
    result = bench(tmp_path, "--soak", "40", "--plot", str(picture))
    before, after = result["looks"][0], result["looks"][-1]
    assert result["failed"] == 0
    assert picture.stat().st_size > 10_000
    assert after["processes"] <= before["processes"] + 4  # parked ones
    assert after["descriptors"] <= before["descriptors"] + 4 * 4
    assert after["own_memory"] <= before["own_memory"] * 1.25
