"""Thinking that a client sends back is Claude's own to the byte, or it is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tray_bridge.bridge.anthropic_messages.signature import seal, seal_redacted, unseal
from tray_bridge.turns import RedactedThinking, Thinking

SEALED = seal(Thinking("I think.", "EqQB:x==", "claude-sonnet-5"))
OMITTED = seal(Thinking("I think.", "EqQB:x==", "claude-sonnet-5"), omitted=True)


def block(thinking: str, signature: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": thinking, "signature": signature}


@given(st.text(max_size=30), st.text(min_size=1, max_size=30), st.booleans())
def test_ours_comes_back_to_the_byte(text: str, signature: str, omitted: bool) -> None:
    thinking = Thinking(text, signature, "claude-sonnet-5")
    sealed = seal(thinking, omitted=omitted)
    assert unseal(block("" if omitted else text, sealed)) == thinking


@pytest.mark.parametrize(
    "part",
    [
        block("I think.", "EqQB:x=="),
        block("I thought.", SEALED),
        block("", SEALED),
        block("I think.", SEALED[:-1]),
        block("I think.", SEALED.replace("sonnet", "opus")),
        block("I think.", ""),
        block("I think.", "tray-bridge-1::::"),
        block("", OMITTED.replace(":eJ", ":aa")),
        {"type": "thinking", "thinking": "I think."},
        {"type": "thinking", "signature": SEALED},
        {"type": "redacted_thinking", "data": "EqQB"},
        {"type": "redacted_thinking", "data": "tray-bridge-1::"},
        {"type": "redacted_thinking"},
    ],
)
def test_foreign_or_changed_thinking_is_left_out(part: dict[str, Any]) -> None:
    assert unseal(part) is None


def test_encrypted_thinking_comes_back_to_the_byte() -> None:
    redacted = RedactedThinking("EmwKAhgB:x", "claude-sonnet-5")
    assert unseal({"type": "redacted_thinking", "data": seal_redacted(redacted)}) == redacted


def test_unsigned_thinking_gets_no_signature() -> None:
    assert seal(Thinking("I think.", "")) == ""
