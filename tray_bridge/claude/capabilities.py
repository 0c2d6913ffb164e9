"""What a CLI program can do, examined once and remembered: reset its processes, and resume a past from a file.

Neither is documented, and the CLI changes weekly. The bundled version is proved by the tests
(`tests/e2e/test_never_a_wrong_byte.py`, `test_fidelity_resumed.py`); any other program answers a few questions of a
stand-in model first, in the background. Until then, and where it fails, each conversation has a process of its own, and
a past is written turn by turn.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TrayBridgeError
from ..machine.cli_program import CliProgram
from ..machine.private_files import replace_file
from ..machine.time_limit import wait_within
from ..turns import Message, Text, TextDelta, Tool, Turn
from .pool import PoolConfig, SessionPool
from .transcript import LEAST_ROUND_TRIPS

if TYPE_CHECKING:
    from ..standin import StandIn

logger = logging.getLogger(__name__)

PROOF_SECONDS = 60.0
NOT_YET = "Tray Bridge still examines whether this Claude Code can be reset."
NOT_PROVED = "a reset was not proved."
FAILED = "This Claude Code cannot be reset as it should: "


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why_not` is for people; empty where processes can be reset. One that is not final has to be found again.

    `can_resume` is examined only where processes can be reset.
    """

    can_reset: bool
    why_not: str = ""
    is_final: bool = True
    can_resume: bool = False


class Capabilities:
    """Verdicts, remembered in `file` by the program's path, size, time and version."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def known(self, program: CliProgram | None) -> Verdict | None:
        """Give what is known of this program without running it; None if it was not examined yet."""
        if program is None:
            return Verdict(can_reset=False, why_not="Claude Code was not found.")
        if program.is_proved:
            return Verdict(can_reset=True, can_resume=True)
        found = self._read().get(_key(program))
        if not isinstance(found, dict) or "can_resume" not in found:
            return None
        return Verdict(bool(found["can_reset"]), str(found["why_not"]), can_resume=bool(found["can_resume"]))

    async def prove(self, program: CliProgram) -> Verdict:
        """Ask a few questions of a stand-in through one process, compare what came, and remember the verdict.

        Only what the program answered is remembered: a busy machine may be the reason for an error or a time-out.
        """
        can_resume = False
        try:
            why_not, can_resume = await wait_within(_find_out(program), PROOF_SECONDS)
            if why_not == NOT_PROVED:  # which has a short time limit
                why_not, can_resume = await wait_within(_find_out(program), PROOF_SECONDS)
            is_final = True
        except (TrayBridgeError, OSError, asyncio.TimeoutError) as error:
            why_not, is_final = str(error) or "it did not answer in time.", False
        verdict = Verdict(not why_not, FAILED + why_not if why_not else "", is_final, can_resume)
        resumes = "resumes a past from a file" if can_resume else "is told a past turn by turn"
        logger.info("%s: %s; it %s", program.path, verdict.why_not or "its processes can be reset", resumes)
        if not is_final:
            return verdict
        try:
            found = {"can_reset": verdict.can_reset, "why_not": verdict.why_not, "can_resume": can_resume}
            text = json.dumps({**self._read(), _key(program): found})
            await asyncio.to_thread(replace_file, self._file, text.encode())
        except OSError as error:
            logger.warning("The verdict on %s could not be kept: %s", program.path, error)
        return verdict

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _key(program: CliProgram) -> str:
    try:
        stat = program.path.stat()
    except OSError:
        return f"{program.path}"
    return f"{program.path.resolve()} {stat.st_size} {stat.st_mtime_ns} {program.version or ''}"


async def _find_out(program: CliProgram) -> tuple[str, bool]:
    """Return why processes cannot be reset (empty: they can), and whether they resume a past from a file."""
    from ..standin import StandIn

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        standin = await asyncio.to_thread(StandIn().start)
        environment = {
            "ANTHROPIC_BASE_URL": standin.url,
            "ANTHROPIC_API_KEY": "proof",
            "ANTHROPIC_AUTH_TOKEN": "",
            "CLAUDE_CODE_OAUTH_TOKEN": "",
            "CLAUDE_CODE_USE_BEDROCK": "",
            "CLAUDE_CODE_USE_VERTEX": "",
            "CLAUDE_CODE_USE_FOUNDRY": "",
            "CLAUDE_CONFIG_DIR": str(Path(folder) / "config"),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        config = PoolConfig(
            "sonnet",
            Path(folder) / "work",
            cli_path=program.path,
            transcript_folder=Path(folder) / "transcripts",
            environment=environment,
            reuse=True,
            size=1,
            max_sessions=1,
        )
        pool = SessionPool(config)
        try:
            await pool.open()
            why_not = await _examine(pool, standin)
            return why_not, not why_not and await _resumes(pool, standin)
        finally:
            await pool.close()
            await asyncio.to_thread(standin.stop)


async def _examine(pool: SessionPool, standin: StandIn) -> str:
    """Give what is wrong with a conversation after another one, after one asked again, or after a cancelled one; else
    "".
    """
    pids: set[int | None] = set()
    for number in range(5):
        turn = _turn(number)
        if number == 3:
            await _give_up(pool, _turn(99, words=500, rate=50))
        for _ in range(1 + (number == 2)):
            standin.clear()
            answer = await _ask(pool, turn)
            pids |= {session.pid for session in pool.snapshot().sessions}
            if len(pids) > 1:
                return NOT_PROVED
            if answer != f"answer {number}":
                return "an answer was not the one to its question."
            told = json.dumps(standin.requests[-1].body)
            if any(f"mark-{other}." in told for other in (*range(5), 99) if other != number):
                return "a conversation held words of another one."
            if told.count(f"mark-{number}.") != 4:
                return "a conversation did not arrive as it was written."
    return ""


async def _resumes(pool: SessionPool, standin: StandIn) -> bool:
    """Return whether a past that a process read from a file arrives message by message."""
    turn = _turn(5, rounds=LEAST_ROUND_TRIPS)
    standin.clear()
    answer = await _ask(pool, turn)
    arrived = [message for message in standin.requests[-1].body["messages"] if message["role"] != "system"]
    return (
        pool.can_resume
        and answer == "answer 5"
        and len(arrived) == len(turn.messages)
        and all(
            came["role"] == sent.role and json.dumps(came["content"]).count(json.dumps(block.text)[1:-1]) == 1
            for came, sent in zip(arrived, turn.messages, strict=True)
            for block in sent.content
            if isinstance(block, Text)
        )
    )


def _turn(number: int, rounds: int = 1, **spec: Any) -> Turn:
    mark = f"mark-{number}."
    question = f"{mark}\nstandin: {json.dumps(spec or {'text': f'answer {number}'})}"
    past = ((Message("user", (Text(mark),)), Message("assistant", (Text("Yes."),))) for _ in range(rounds))
    messages = (*(message for pair in past for message in pair), Message("user", (Text(question),)))
    tool = Tool("look", f"Looks. {mark}", {"type": "object", "properties": {"q": {"type": "string"}}})
    return Turn("sonnet", messages, system=(f"Be brief. {mark}",), tools=(tool,))


async def _ask(pool: SessionPool, turn: Turn) -> str:
    async with aclosing(pool.ask(turn)) as events:
        return "".join([event.text async for event in events if isinstance(event, TextDelta)])


async def _give_up(pool: SessionPool, turn: Turn) -> None:
    async with aclosing(pool.ask(turn)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                return
