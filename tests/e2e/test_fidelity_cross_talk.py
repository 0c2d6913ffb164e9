"""Conversations at once, some of them cut short: none ever sees what another one said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.running_bridge import RunningBridge, directive
from tray_bridge.session_log import LogReader

Make = Callable[..., RunningBridge]


def secret(number: int) -> str:
    return f"secret-of-{number:02}-{number * 7919 % 1000:03}"


def question(number: int, turn: int, **spec: object) -> dict[str, Any]:
    """Says the secret, and has it said back in pieces, so that conversations take turns on every delta."""
    words = {"chunks": [f"{secret(number)} ", f"turn {turn} ", *"and so on"], "rate": 40, **spec}
    return {"role": "user", "content": f"My word is {secret(number)}.\n{directive(**words)}"}


class Talk:
    """One conversation of two questions. What becomes of the first one depends on its number."""

    def __init__(self, client: openai.AsyncOpenAI, number: int) -> None:
        self.number = number
        self.answers: list[str] = []
        self._client = client
        system = {"role": "system", "content": f"Keep {secret(number)} to yourself."}
        self._messages: list[Any] = [system]

    async def run(self) -> None:
        fates = (self._ask_first, self._leave, self._fail, self._time_out, self._ask_first)
        await fates[self.number % len(fates)]()
        await self._ask(question(self.number, 2))

    async def _ask_first(self) -> None:
        await self._ask(question(self.number, 1))

    async def _ask(self, asked: dict[str, Any]) -> None:
        self._messages.append(asked)
        if self.number % 2:
            stream = await self._client.chat.completions.create(model="sonnet", messages=self._messages, stream=True)
            answer = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        else:
            whole = await self._client.chat.completions.create(model="sonnet", messages=self._messages)
            answer = whole.choices[0].message.content or ""
        self.answers.append(answer)
        self._messages.append({"role": "assistant", "content": answer})

    async def _leave(self) -> None:
        """Leave in the middle of the answer."""
        messages = [*self._messages, question(self.number, 1, hang_after=2)]
        stream = await self._client.chat.completions.create(model="sonnet", messages=messages, stream=True)
        async for chunk in stream:
            if "turn" in (chunk.choices[0].delta.content or ""):
                break
        await stream.close()

    async def _fail(self) -> None:
        error = {"status": 400, "type": "invalid_request_error", "message": f"no to {secret(self.number)}"}
        messages = [*self._messages, question(self.number, 1, error=error)]
        with pytest.raises(openai.BadRequestError, match=secret(self.number)):
            await self._client.chat.completions.create(model="sonnet", messages=messages)

    async def _time_out(self) -> None:
        messages = [*self._messages, question(self.number, 1, hang=True)]
        with pytest.raises(openai.APITimeoutError):
            await self._client.chat.completions.create(model="sonnet", messages=messages, timeout=3)


def others(number: int, talks: int, text: str) -> list[str]:
    return [secret(n) for n in range(talks) if n != number and secret(n) in text]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("conversations", "processes"), [(10, 2), pytest.param(30, 10, marks=pytest.mark.full)], ids=["ten", "thirty"]
)
async def test_conversations_at_once_keep_their_secrets(
    make_bridge: Make, tmp_path: Path, conversations: int, processes: int
) -> None:
    bridge = await asyncio.to_thread(
        make_bridge,
        pool_size=2,
        max_sessions=processes,
        queue_timeout=200,
        parked_sessions=max(processes - 2, 1),
        log_folder=tmp_path,
    )
    client = openai.AsyncOpenAI(base_url=bridge.base_url, api_key="not-needed", max_retries=0, timeout=250)
    talks = [Talk(client, number) for number in range(conversations)]
    await asyncio.gather(*(talk.run() for talk in talks))
    await client.close()
    for talk in talks:
        turns = [2] if talk.number % 5 in (1, 2, 3) else [1, 2]
        assert talk.answers == [f"{secret(talk.number)} turn {turn} and so on" for turn in turns]
    for received in bridge.standin.requests:
        text = json.dumps(received.body)
        (owner,) = [n for n in range(conversations) if secret(n) in text]
        assert not others(owner, conversations, text), "a history upstream holds two secrets"
    await asyncio.to_thread(bridge.server.stop, 10)
    reader = LogReader(tmp_path)
    kept = 0
    for summary in reader.all():
        text = json.dumps(reader.get(summary["id"]))
        owners = [n for n in range(conversations) if secret(n) in text]
        assert len(owners) <= 1, f"two secrets in one exchange: {owners}"
        kept += len(owners)
    assert kept == conversations * 2
