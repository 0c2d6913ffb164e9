"""What an answer would have cost at the API's prices: an estimate, from the prices that Claude Code tells.

Pure. Owns how a price is read out of a model's description, and what cached tokens cost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..snapshots import ModelSnapshot

# Claude Code writes "Efficient for routine tasks · $3/$15 per Mtok" into its list of models.
_PRICE = re.compile(r"\$(\d+(?:\.\d+)?)/\$(\d+(?:\.\d+)?) per Mtok")
_MILLION = 1_000_000
# Of the price of an input token, as the API bills its cache of five minutes: https://docs.claude.com/en/docs/about-claude/pricing
CACHE_READ = 0.1
CACHE_WRITE = 1.25


class Price(NamedTuple):
    """Dollars for a million tokens."""

    input: float
    output: float


def prices_of(models: Iterable[ModelSnapshot]) -> dict[str, Price]:
    """Give the price of each model, by its full id, where its description has one."""
    found = {model.resolved: _PRICE.search(model.description) for model in models}
    return {model: Price(float(match[1]), float(match[2])) for model, match in found.items() if match}


def cost_of(
    price: Price, input_tokens: int, output_tokens: int, cache_read: int, cache_creation: int
) -> tuple[float, float]:
    """Give the dollars of an answer, and what the cache has saved of them (less than nothing if it only cost)."""
    cost = input_tokens * price.input + output_tokens * price.output
    cached = (cache_read * CACHE_READ + cache_creation * CACHE_WRITE) * price.input
    uncached = (cache_read + cache_creation) * price.input
    return (cost + cached) / _MILLION, (uncached - cached) / _MILLION
