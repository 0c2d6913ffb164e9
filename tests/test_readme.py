"""The README's examples do what they say, and each of its claims names the tests that show it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.readme_claims import CLAIMS, NO_CLAIM
from tests.running_bridge import RunningBridge

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text("utf-8")


def block(language: str, containing: str) -> str:
    """Give the one code block in this language that contains this."""
    found: list[str] = [
        text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text
    ]
    assert len(found) == 1
    return found[0]


def test_the_python_of_the_readme_gets_an_answer(bridge: RunningBridge, capsys: pytest.CaptureFixture[str]) -> None:
    code = block("python", "OpenAI")
    assert "http://127.0.0.1:8000/v1" in code
    exec(code.replace("http://127.0.0.1:8000/v1", bridge.base_url), {})
    assert "stand-in" in capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("sh"), reason="curl is run by a shell")
def test_the_curl_of_the_readme_streams_an_answer(bridge: RunningBridge) -> None:
    command = block("bash", "curl http").replace("http://127.0.0.1:8000/v1", bridge.base_url)
    done = subprocess.run(["sh", "-c", command], capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("data: {") and done.stdout.rstrip().endswith("data: [DONE]")


def plain(text: str) -> str:
    return " ".join(re.sub(r"\]\([^)]*\)|[\[*]", "", text).split())


def test_each_claim_stands_in_the_readme_and_its_tests_exist() -> None:
    text = plain(README)
    for words, tests in CLAIMS:
        assert plain(words) in text
        for test in tests.split():
            file, _, name = test.partition("::")
            source = (TESTS / file).read_text("utf-8")
            assert not name or f"def {name}" in source, test


def test_every_paragraph_of_the_readme_is_in_the_list_of_claims() -> None:
    text = re.sub(r"```.*?```|<!-- endpoints -->.*?<!-- /endpoints -->|<div.*?</div>", "", README, flags=re.DOTALL)
    parts = [plain(part) for part in re.split(r"\n\n|\n- ", text)]
    known = [plain(words) for words in (*NO_CLAIM, *(words for words, _ in CLAIMS))]
    left = [part for part in parts if part and part[0] not in "#|" and not any(words in part for words in known)]
    assert left == []
