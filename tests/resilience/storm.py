"""Many clients at once: some leave, some are refused upstream and some lose their process."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openai
import psutil

from tests.resilience.faults import question


def kill_a_busy_one(sessions: list[tuple[str, int | None]]) -> bool:
    """Kill the first process that is busy, of these states and process ids; says whether there was one."""
    for state, pid in sessions:
        if state == "busy" and pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
                return True
    return False


@dataclass
class Storm:
    """`kill_one` ends the process of somebody's answer under way, and says whether there was one."""

    base_url: str
    kill_one: Callable[[], bool]
    seed: int = 7
    cancelled: float = 0.30
    failing: float = 0.10
    killed: float = 0.05
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def blow(self, requests: int, at_once: int) -> None:
        """Send them all; what came of each is counted in `seen`, and in `wrong` what must not be."""
        chance = random.Random(self.seed)
        kinds = ["leaves", "refused", "killed"]
        counts = [round(requests * share) for share in (self.cancelled, self.failing, self.killed)]
        todo = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
        todo += ["plain"] * (requests - len(todo))
        chance.shuffle(todo)
        slots = asyncio.Semaphore(at_once)
        limits = openai.DefaultAsyncHttpxClient(timeout=300)
        async with openai.AsyncOpenAI(base_url=self.base_url, api_key="x", max_retries=0, http_client=limits) as client:

            async def one(number: int, kind: str) -> None:
                async with slots:
                    await self._ask(client, number, kind, streamed=chance.random() < 0.7)

            await asyncio.gather(*(one(number, kind) for number, kind in enumerate(todo)))
        # Whose process was killed is left to chance: each kill may cost one answer at most.
        if self.seen["lost"] > self.seen["kills"]:
            self.wrong.append(f"{self.seen['lost']} answers lost, {self.seen['kills']} processes killed")

    async def _ask(self, client: openai.AsyncOpenAI, number: int, kind: str, *, streamed: bool) -> None:
        expected = [f"{number}-{piece} " for piece in range(12)]
        spec: dict[str, Any] = {"chunks": expected, "rate": 20}
        if kind == "refused":
            spec = {"error": {"status": 400, "type": "invalid_request_error", "message": f"refused {number}"}}
        options: Any = {"model": "sonnet", "messages": question(**spec)}
        try:
            if kind == "leaves" and not streamed:
                await asyncio.wait_for(client.chat.completions.create(**options), 0.2 + number % 5 * 0.3)
                got = "in time"  # its answer came before it left
            elif streamed:
                got = await self._read(client, options, kind)
            else:
                answer = await client.chat.completions.create(**options)
                got = str(answer.choices[0].message.content)
        except asyncio.TimeoutError:
            got = "left"
        except openai.APIError as error:
            self._judge_error(error, number, kind)
            return
        if got in ("left", "in time"):
            self.seen["left"] += 1
        elif got == "".join(expected):
            self.seen["answered"] += 1
        else:
            self.wrong.append(f"{kind} {number} got {got[:200]!r}")

    async def _read(self, client: openai.AsyncOpenAI, options: Any, kind: str) -> str:
        text, pieces = "", 0
        async with await client.chat.completions.create(**options, stream=True) as chunks:
            async for chunk in chunks:
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                pieces += 1
                if kind == "leaves" and pieces == 5:
                    return "left"
                if kind == "killed" and pieces == 5:
                    self.seen["kills"] += self.kill_one()
        return text

    def _judge_error(self, error: openai.APIError, number: int, kind: str) -> None:
        words = str(error)
        if kind == "refused" and f"refused {number}" in words and getattr(error, "status_code", 0) == 400:
            self.seen["refused"] += 1
        elif "ended in the middle" in words:
            self.seen["lost"] += 1
        else:
            self.wrong.append(f"{kind} {number} got {words[:200]}")

    def told(self) -> str:
        s = self.seen
        return (
            f"{s['answered']} got their own answers, {s['left']} left, {s['refused']} got their refusal, "
            f"{s['lost']} lost theirs with one of {s['kills']} killed processes"
        )
