"""The README says what the program does: its tables are the program's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tray_bridge.bridge.openai_chat.parameters import PARAMETERS
from tray_bridge.settings.schema import Settings

README = Path(__file__).parent.parent / "README.md"


def parameter_table() -> str:
    rows = [f"| `{p.name}` | {p.treatment} | {p.note} |" for p in PARAMETERS]
    return "\n".join(["| parameter | treatment | what it does |", "| --- | --- | --- |", *rows])


def setting_table() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "built in" if name == "model_aliases" else field.default
        if isinstance(default, tuple):
            default = ", ".join(default)
        shown = "" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append(f"| `{name}` | {shown} | {field.description} |")
    return "\n".join(["| setting | default | what it does |", "| --- | --- | --- |", *rows])


TABLES = {"parameters": parameter_table, "settings": setting_table}


def with_tables(text: str) -> str:
    for name, table in TABLES.items():
        new = f"<!-- {name} -->\n{table()}\n<!-- /{name} -->"
        text = re.sub(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _, new=new: new, text, flags=re.DOTALL)  # type: ignore[misc]
    return text


def test_the_tables_are_those_of_the_program() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text), "run `python tests/test_readme.py` to write them anew"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
