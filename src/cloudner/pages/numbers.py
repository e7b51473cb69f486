"""Numbers as text, the same on every page."""

from __future__ import annotations

import re
from typing import Protocol

NOTHING = "–"  # a share of nothing
_FIGURE = re.compile(r"[\d,.]+( %)?|[-–]|[\d,]+ \([\d.]+ %\)")


def percent(share: float) -> str:
    """A share of 0 to 1 with two decimals, without the sign: 12.34."""
    return f"{100 * share:.2f}"


def share(part: float, whole: float) -> str:
    """12.3 %, or a dash for a share of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else NOTHING


class Scored(Protocol):
    """Precision, recall and F1 (0 to 1), and the gold entities behind them."""

    @property
    def precision(self) -> float: ...
    @property
    def recall(self) -> float: ...
    @property
    def f1(self) -> float: ...
    @property
    def gold(self) -> int: ...


def scores(score: Scored) -> tuple[str, str, str]:
    """Precision, recall and F1 in percent; a dash where there is nothing to divide by: without a prediction there is no
    precision, without gold no recall and no F1."""
    found = getattr(score, "predicted", score.gold)  # means over labels do not say how much was predicted
    return (
        percent(score.precision) if found else NOTHING,
        percent(score.recall) if score.gold else NOTHING,
        percent(score.f1) if score.gold else NOTHING,
    )


def times(count: int) -> str:
    """once, twice, 1,234 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def number(value: float) -> str:
    """A short form for axes: 1,200, 0.35, 5e-05."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.3g}"
    return f"{value:.4g}"


def count(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}"


def is_figure(text: str) -> bool:
    """Whether a cell of a table holds nothing but a number, a share or a dash."""
    return bool(_FIGURE.fullmatch(text))
