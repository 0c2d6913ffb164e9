"""Record the lines of the real CLI against the stand-in, and say what changed since the newest stored version.

python -m tests.claude.record            record, compare, say what changed (exit code 1 if something did)
python -m tests.claude.record --write    and store them as the transcripts of this version
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.claude.scenarios import SCENARIOS, Step
from tests.claude.transcripts import FOLDER, Entry, changes, failure, joined, load, save, versions
from tray_bridge.claude.pool import PoolConfig, SessionPool
from tray_bridge.errors import TrayBridgeError
from tray_bridge.machine.cli_program import find_cli
from tray_bridge.standin import StandIn
from tray_bridge.turns import Event, TextDelta

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
REQUEST_ID = re.compile(r"\breq_\w+")
MESSAGE_ID = re.compile(r"\bmsg_(?!one|two)\w+")
CALL_ID = re.compile(r"\btoolu_(?!one\b|two\b|x\b)\w+")
DATE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b20\d\d-\d\d-\d\d\b")
SOCKET = re.compile(r"/[^\"]*/cc-socks/[^\"]*")
VARYING = re.compile(r"(_ms|^pid|^timestamp|^hostPid|^fast_mode_state)$")
QUIET = 8  # times in a row that the traces were as long as before
LONGEST_LIST = 2  # entries kept of what the CLI lists about itself: commands, agents, models


async def record(name: str, steps: Sequence[Step]) -> list[Entry]:
    """Have one conversation with a process of its own, and give its transcript, normalised."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary, StandIn() as standin:
        folder = Path(temporary)
        environment = {
            "ANTHROPIC_BASE_URL": standin.url,
            "ANTHROPIC_API_KEY": "sk-ant-recorded",
            "ANTHROPIC_AUTH_TOKEN": "",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
            "CLAUDE_CONFIG_DIR": str(folder / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        if name == "limit_of_the_plan":  # only a signed-in account has one
            environment |= {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-recorded"}
        config = PoolConfig(
            "sonnet", folder / "work", environment=environment, reuse=True, size=1, max_sessions=1, turn_timeout=60.0
        )
        marks: list[tuple[float, Entry]] = []
        with patch.dict(os.environ, {"TRAY_BRIDGE_TRACE": str(folder / "trace")}):
            pool = SessionPool(config)
            try:
                await pool.open()
                for number, step in enumerate(steps):
                    await asyncio.sleep(0.05)  # the lines of the turn before have earlier times
                    marks.append((_now(folder), {"ask": number}))
                    events, error = await _answer(pool, step)
                    await _at_rest(pool, folder / "trace")
                    marks.append((_now(folder), {"events": joined(events), **({"error": error} if error else {})}))
            finally:
                await pool.close()
        return list(_normalised(_merged(folder / "trace", marks), folder, standin.url))


async def _answer(pool: SessionPool, step: Step) -> tuple[list[Event], str]:
    events: list[Event] = []
    try:
        async with aclosing(pool.ask(step.turn)) as answer:
            async for event in answer:
                events.append(event)
                if sum(isinstance(each, TextDelta) for each in events) == step.given_up_after:
                    break
    except TrayBridgeError as error:
        return events, failure(error)
    return events, ""


async def _at_rest(pool: SessionPool, trace: Path) -> None:
    """Wait until no worker does anything and no line has come for a while: what settles a turn belongs to it."""
    known, quiet = -1, 0
    for _ in range(500):
        await asyncio.sleep(0.05)
        is_idle = all(each.state in ("warm", "fitting", "parked", "suspended") for each in pool.snapshot().sessions)
        size = sum(path.stat().st_size for path in trace.iterdir())
        known, quiet = size, quiet + 1 if is_idle and size == known else 0
        if quiet == QUIET:
            return
    raise TimeoutError("The pool does not come to rest.")


def _now(folder: Path) -> float:
    return _lines_of(folder / "trace")[-1][0] + 0.0005 if _lines_of(folder / "trace") else 0.0


def _lines_of(trace: Path) -> list[tuple[float, Entry]]:
    """Give what was traced of the processes that were asked something, by time."""
    lines: list[tuple[float, Entry]] = []
    for path in sorted(trace.iterdir()) if trace.exists() else ():
        parts = [line.split(" ", 2) for line in path.read_text("utf-8").splitlines()]
        found = [(float(at), {direction: json.loads(line)}) for at, direction, line in parts]
        if any(entry.get("to", {}).get("type") == "user" for _, entry in found):
            lines += found
    return sorted(lines, key=lambda pair: pair[0])


def _merged(trace: Path, marks: Sequence[tuple[float, Entry]]) -> list[Entry]:
    entries = [entry for _, entry in sorted([*_lines_of(trace), *marks], key=lambda pair: pair[0])]
    last = max(number for number, entry in enumerate(entries) if "events" in entry)
    return entries[: last + 1]  # the rest is its end


def _normalised(entries: Sequence[Entry], folder: Path, url: str) -> Iterator[Entry]:
    """Replace what differs from run to run: ids by their order, paths, times. Shorten what the CLI lists of itself."""
    names: dict[str, str] = {}

    def number(kind: str, text: str) -> str:
        return names.setdefault(text, f"{kind}-{sum(name.startswith(kind) for name in names.values()) + 1}")

    for entry in entries:
        text = json.dumps(_lean(entry), ensure_ascii=False)
        text = (
            text.replace(str(folder.resolve()), "/folder")
            .replace(str(folder), "/folder")
            .replace(url, "http://standin")
        )
        for kind, pattern in (("uuid", UUID), ("req", REQUEST_ID), ("msg", MESSAGE_ID), ("toolu", CALL_ID)):
            text = pattern.sub(lambda match, kind=kind: number(kind, match[0]), text)  # type: ignore[misc]
        text = SOCKET.sub("/socket", text)
        yield json.loads(DATE.sub("2000-01-01", text))


def _lean(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _lean(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        is_listed = key in ("commands", "agents", "models", "slash_commands", "skills", "plugins", "output_styles")
        return [_lean(inner) for inner in (value[:LONGEST_LIST] if is_listed else value)]
    if VARYING.search(key) and isinstance(value, (int, float, str)):
        return 0 if isinstance(value, (int, float)) else "?"
    return value


async def record_all(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        save(folder / f"{name}.jsonl", await record(name, SCENARIOS[name]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", choices=[*SCENARIOS, []], help="all, if none is named")
    parser.add_argument("--write", action="store_true", help="store what was recorded")
    options = parser.parse_args()
    names = options.scenario or list(SCENARIOS)
    program = find_cli()
    if program is None or program.version is None:
        print("Claude Code was not found: install claude-agent-sdk.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        new = FOLDER / program.version if options.write else Path(temporary)
        old = FOLDER / versions()[-1] if versions() else FOLDER / "none"
        stored = {name: load(old / f"{name}.jsonl") for name in names if (old / f"{name}.jsonl").exists()}
        asyncio.run(record_all(new, names))
        print(f"{len(names)} scenarios with Claude Code {program.version}, compared with {old.name}:")
        changed = 0
        for name in names:
            said = changes(stored[name], load(new / f"{name}.jsonl")) if name in stored else ["was not recorded before"]
            changed += bool(said)
            for each in said:
                print(f"  {name}: {each}")
        print(f"{changed} scenarios differ.")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
