"""What of a past prompt the model's cache has to read anew: live, asked again, edited, and rebuilt conversations.

Tokens are those of the answer's usage, as a client sees them. A past prompt is all that the request before sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tray_bridge.standin.prompt_cache import CHARS_PER_TOKEN, unmarked

from .figure import Figure
from .first_token import PAST_TURNS, SYSTEM
from .programs import Size, StandInProcess, bridge
from .raw_cli import say
from .streaming import Client, Stream

QUESTION = 'standin: {"words": 40, "first_delay": 0}'


async def measure_cache(standin: StandInProcess, _: Path, size: Size) -> list[Figure]:
    live = share("a live conversation's follow-up", 0)
    again = share("last answer asked for again", 0)
    edited = share("last question edited, of what precedes it", 0)
    rebuilt = share("rebuilt, first time")
    twice = share("rebuilt, second time")
    for number in range(max(1, size.runs // 5)):
        talk = Talk(f"{SYSTEM} {number}")
        with bridge() as first:
            client = Client(first.base_url)
            await talk.go_on(client)
            for _turn in range(PAST_TURNS):
                before = talk.prompt
                stream = await talk.go_on(client)
                live.add(anew(stream, before))
            before = talk.prompt
            again.add(anew(await talk.ask_last(client), before))
            last = unmarked((await standin.requests())[-1]["body"]["messages"][-1])
            before -= -(-len(json.dumps(last)) // CHARS_PER_TOKEN)  # rounded up: the sum of both was rounded down
            edited.add(anew(await talk.ask_last(client, f"Edited.\n{QUESTION}"), before))
            await talk.ask_last(client)
            client.close()
        for figure in (rebuilt, twice):
            with bridge() as other:
                client = Client(other.base_url)
                before = talk.prompt
                figure.add(anew(await talk.go_on(client), before))
                client.close()
    return [live, again, edited, rebuilt, twice]


def share(what: str, goal: float | None = None) -> Figure:
    return Figure(f"share of the past prompt that is not read from the cache: {what}", "", goal, raw=None)


def anew(stream: Stream, before: int) -> float:
    """The share of `before` tokens that were not read from the cache."""
    cached = int(stream.usage["prompt_tokens_details"]["cached_tokens"])
    return max(0.0, 1 - cached / before)


class Talk:
    """A conversation; `prompt` is the number of tokens of its newest request."""

    def __init__(self, system: str) -> None:
        self._past: list[dict[str, str]] = [say("system", system)]
        self._before: Sequence[dict[str, str]] = ()
        self.prompt = 0

    async def go_on(self, client: Client) -> Stream:
        self._before = list(self._past)
        stream = await self._ask(client, [*self._past, say("user", QUESTION)])
        self._past += [say("user", QUESTION), say("assistant", stream.text)]
        return stream

    async def ask_last(self, client: Client, question: str = QUESTION) -> Stream:
        return await self._ask(client, [*self._before, say("user", question)])

    async def _ask(self, client: Client, messages: Sequence[dict[str, Any]]) -> Stream:
        stream = await client.ask(messages, stream_options={"include_usage": True})
        self.prompt = int(stream.usage["prompt_tokens"])
        return stream
