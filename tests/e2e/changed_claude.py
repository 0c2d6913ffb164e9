"""Stands before the real CLI and changes its ways, as a newer version might: `changed_claude.py WAY CLI ARGUMENTS…`.

A *way* is one of `WAYS`: what happens to a control request of the bridge instead of reaching the CLI as it is; or
`READS_NO_FILE`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

Request = dict[str, Any]
WAYS: dict[str, tuple[str, Request]] = {
    "does not know it": ("rewind_conversation", {"error": "Unsupported control request subtype"}),
    "says no with a success": ("rewind_conversation", {"response": {"rewound": False, "reason": "unseen_later_turn"}}),
    "only says so": ("rewind_conversation", {"response": {"rewound": True, "precedingAssistantUuid": None}}),
    "keeps the tools": ("mcp_set_servers", {"response": {}}),
    "keeps the system prompt": ("set_model", {}),
}
READS_NO_FILE = "reads no file"  # to be resumed


def answer(way: str, message: Request) -> Request | None:
    """The answer in the CLI's place; None where the CLI gets the message, which may have been changed."""
    subtype, said = WAYS.get(way, ("", {}))
    if message.get("type") != "control_request" or message["request"]["subtype"] != subtype:
        return None
    if way == "keeps the system prompt":
        message["request"].pop("system_prompt", None)
        return None
    outcome = {"subtype": "error" if "error" in said else "success", "request_id": message["request_id"], **said}
    return {"type": "control_response", "response": outcome}


def main(way: str, command: list[str]) -> int:
    if way == READS_NO_FILE and "--resume" in command:
        where = command.index("--resume")
        del command[where : where + 2]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    lock = threading.Lock()

    def write(line: bytes) -> None:
        with lock:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def hand_in() -> None:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if (said := answer(way, message)) is not None:
                write(json.dumps(said).encode() + b"\n")
                continue
            process.stdin.write(json.dumps(message).encode() + b"\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        process.stdin.close()  # type: ignore[union-attr]

    threading.Thread(target=hand_in, daemon=True).start()
    for line in process.stdout:
        write(line)
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
