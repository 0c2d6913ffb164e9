"""What was measured: samples of the bridge beside samples of the raw CLI, and the goal they are held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass
class Figure:
    """One line of the table. With `raw` samples the goal is about bridge ÷ raw, pair by pair; else about the value.

    `unit` is that of the samples: `s`, `MB`, or `` for a plain number. Without a `goal` it is there to be known.
    With `is_absolute` the goal is about the bridge's own value, and `raw` is there to be seen beside it.
    """

    name: str
    unit: Literal["s", "MB", ""]
    goal: float | None = None
    bridge: list[float] = field(default_factory=list)
    raw: list[float] | None = field(default_factory=list)
    statistic: Literal["median", "p95"] = "median"
    note: str = ""
    is_absolute: bool = False

    def add(self, bridge: float, raw: float | None = None) -> None:
        self.bridge.append(bridge)
        if raw is not None and self.raw is not None:
            self.raw.append(raw)

    @property
    def ratios(self) -> list[float]:
        if self.is_absolute:
            return []
        return [bridge / raw for bridge, raw in zip(self.bridge, self.raw or (), strict=bool(self.raw))]

    @property
    def value(self) -> float:
        """What the goal is about."""
        samples = self.ratios or self.bridge
        return percentile(samples, 95) if self.statistic == "p95" else statistics.median(samples)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "goal": self.goal,
            "value": round(self.value, 4),
            "met": self.met,
            "bridge": summary(self.bridge),
            "raw": summary(self.raw) if self.raw else None,
            "ratio": summary(self.ratios) if self.ratios else None,
            "note": self.note,
        }


def summary(samples: Sequence[float]) -> dict[str, Any]:
    """Median, quartiles and count."""
    low, middle, high = quartiles(samples)
    return {
        "q1": round(low, 5),
        "median": round(middle, 5),
        "q3": round(high, 5),
        "n": len(samples),
        "samples": [round(sample, 5) for sample in samples],
    }


def quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    if len(samples) < 2:
        return (samples[0],) * 3
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, middle, high


def percentile(samples: Sequence[float], percent: int) -> float:
    if len(samples) < 2:
        return samples[0]
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
