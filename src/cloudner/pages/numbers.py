"""Numbers as text, the same on every page."""

from __future__ import annotations

import re

_FIGURE = re.compile(r"[\d,.]+( %)?|-|[\d,]+ \([\d.]+ %\)")


def percent(share: float) -> str:
    """A share of 0 to 1 with two decimals, without the sign: 12.34."""
    return f"{100 * share:.2f}"


def share(part: float, whole: float) -> str:
    """12.3 %, or a dash for a share of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


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
