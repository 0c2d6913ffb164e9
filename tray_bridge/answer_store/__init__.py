"""Stored answers, which a client continues by an id: in memory and, by the session log's rules, on disk."""

from .store import AnswerStore, Rules

__all__ = ["AnswerStore", "Rules"]
