"""CONTRIBUTING's recipes, done in a copy of the house: what each says is all that it takes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_import_rules import too_long

ROOT = Path(__file__).parents[1]
# File, the text before which something is put in, and what.
A_SETTING = (
    (
        "settings/schema.py",
        "    demo: bool",
        '    greeting: str = Field(default="Hi", description="What is said first")\n',
    ),
    ("server/thread.py", '"host", "port", "ollama_port"', '"greeting", '),
)
AN_ERROR = (
    ("errors.py", "class SettingsError",
     'class TeapotError(TrayBridgeError):\n    """A teapot was asked for coffee."""\n\n'
     '    title = "Teapot"\n    hint = "Ask it for tea."\n\n\n'),
    ("api/errors.py", "    TrayBridgeError: UNEXPECTED",
     '    errors.TeapotError: Row(418, "invalid_request", "teapot"),\n'),
)  # fmt: skip
A_PARAMETER = (
    ("bridge/openai_chat/parameters.py", '    *SAMPLING,', '    no_setting("warmth", 1),\n'),
)  # fmt: skip
A_CLIENT = (
    ("known_clients.py", '    (r"^curl/", "curl"),', '    (r"^Abacus/", "Abacus"),\n'),
)  # fmt: skip
A_DIALECT = (
    ("bridge/all_dialects.py", "Messages())", "Tiny(), "),
    ("bridge/all_dialects.py", "from .openai_chat", "from .tiny.dialect import Tiny\n"),
)
LOOK = """
import json, runpy, sys
write = runpy.run_path("docs/write.py")
write["main"]()
from tray_bridge import errors, known_clients
from tray_bridge.api.errors import row_of
from tray_bridge.bridge.all_dialects import DIALECTS, dialect_of
from tray_bridge.bridge.openai_chat.parameters import PARAMETERS
from tray_bridge.bridge.parameters import check_parameters
from tray_bridge.server import thread
from tray_bridge.settings.schema import load_settings
print(json.dumps({
    "setting": load_settings({"greeting": "Hello"}).greeting,
    "restarts": "greeting" in thread.RESTART_SETTINGS,
    "status": row_of(errors.TeapotError("No coffee.")).status,
    "client": known_clients.client_name("Abacus/1.0"),
    "ignored": check_parameters({"warmth": 2}, PARAMETERS),
    "dialects": [dialect.name for dialect in DIALECTS],
    "owner": dialect_of("/tiny", {}).title,
    "outdated": [str(path) for path in write["outdated"]()],
}))
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and the documents, with something new by each recipe, and the pages written again."""
    folder = tmp_path_factory.mktemp("house")
    ignore = shutil.ignore_patterns("__pycache__", "images", "dashboard", "icons")
    for name in ("tray_bridge", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "README.md", folder)
    package = folder / "tray_bridge"
    for file, before, new in (*A_SETTING, *AN_ERROR, *A_PARAMETER, *A_CLIENT, *A_DIALECT):
        text = (package / file).read_text("utf-8")
        assert text.count(before) == 1, f"{file}: {before}"
        (package / file).write_text(text.replace(before, new + before), "utf-8")
    (package / "bridge" / "tiny").mkdir()
    (package / "bridge" / "tiny" / "__init__.py").touch()
    (package / "bridge" / "tiny" / "dialect.py").write_text("from tests.conformance.tiny_dialect import Tiny as Tiny\n")
    return folder


@pytest.fixture(scope="module")
def seen(house: Path) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(house), str(ROOT)])}
    ran = subprocess.run([sys.executable, "-c", LOOK], cwd=house, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_a_setting_is_one_field_and_its_page_is_written(house: Path, seen: dict[str, Any]) -> None:
    assert seen["setting"] == "Hello"
    assert seen["restarts"]
    row = '| `greeting` | `TRAY_BRIDGE_GREETING` | `"Hi"` | a text | What is said first |'
    assert row in (house / "docs" / "settings.md").read_text("utf-8")


def test_an_error_is_one_class_and_one_row_and_its_page_is_written(house: Path, seen: dict[str, Any]) -> None:
    assert seen["status"] == 418
    assert "| Teapot | 418 | `teapot` |" in (house / "docs" / "errors.md").read_text("utf-8")


def test_a_parameter_is_one_row_and_its_page_is_written(house: Path, seen: dict[str, Any]) -> None:
    assert seen["ignored"] == ["warmth"]
    assert "| `warmth` | ignored |" in (house / "docs" / "parameters.md").read_text("utf-8")


def test_a_client_is_one_row(seen: dict[str, Any]) -> None:
    assert seen["client"] == "Abacus"


def test_a_dialect_is_one_folder_and_one_line_and_the_pages_name_it(house: Path, seen: dict[str, Any]) -> None:
    assert seen["dialects"][-2:] == ["tiny", "anthropic_messages"]
    assert seen["owner"] == "Tiny"
    assert "| `/tiny` | POST | Tiny, streamed and whole |" in (house / "README.md").read_text("utf-8")
    assert {file for file, _, _ in A_DIALECT} == {"bridge/all_dialects.py"}


def test_no_module_becomes_too_long(house: Path) -> None:
    assert too_long(house / "tray_bridge") == []


def test_the_pages_are_up_to_date_afterwards(seen: dict[str, Any]) -> None:
    assert seen["outdated"] == []
