"""The dialects that are served, and which of them owns a path. A new dialect is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from .anthropic_messages.dialect import Messages
from .dialect import Dialect
from .ollama.dialect import Ollama
from .openai_chat.dialect import ChatCompletions
from .openai_completions.dialect import Completions
from .openai_responses.dialect import Responses

DIALECTS: tuple[Dialect, ...] = (ChatCompletions(), Responses(), Completions(), Ollama(), Messages())


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """The dialect that words what is said at `path`: its owner, else the first one. `headers` have lower-case names."""
    return next((dialect for dialect in DIALECTS if dialect.owns(path, headers)), DIALECTS[0])
