"""All dialects, and which of them owns a path. A new dialect is an import and a name here."""

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
    """Return the dialect that owns `path`, else the first one: it writes the errors there. `headers` have lower-case
    names.
    """
    return next((dialect for dialect in DIALECTS if dialect.owns(path, headers)), DIALECTS[0])
