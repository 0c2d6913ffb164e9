"""The smallest program over the official SDK that asks one question: says so when the first token has come.

Run as `bare_sdk.py FOLDER QUESTION`. What it takes from its launch is the floor for a program that drives the CLI
through the SDK and has no process waiting.
"""

from __future__ import annotations

import asyncio
import sys

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, StreamEvent


async def main() -> None:
    options = ClaudeAgentOptions(
        model="sonnet",
        cwd=sys.argv[1],
        tools=[],
        setting_sources=[],
        include_partial_messages=True,
        extra_args={"no-session-persistence": None},
    )
    async with ClaudeSDKClient(options) as client:
        await client.query(sys.argv[2])
        async for message in client.receive_response():
            if isinstance(message, StreamEvent) and message.event["type"] == "content_block_delta":
                print("first token", flush=True)
                return


if __name__ == "__main__":
    asyncio.run(main())
