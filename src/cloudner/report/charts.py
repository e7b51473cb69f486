"""Inline SVG charts: no script needed to read them, colours from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from cloudner.report.calibration import Bin

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 34
MAX_POINTS = 500  # more than the chart has pixels only costs file size


@dataclass(frozen=True)
class Series:
    """A named line; `points` are (x, y) sorted by x; `dots` marks each point."""

    name: str
    points: list[tuple[float, float]]
    dots: bool = False


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "step",
    unit: str = "",
    y_format: Callable[[float], str] | None = None,
    from_zero: bool = True,
    y_range: tuple[float, float] | None = None,
    x_range: tuple[float, float] | None = None,
) -> tuple[str, dict[str, object]]:
    """An SVG and what a script needs to show values under the pointer.

    Values that are not finite are left out; both are empty where nothing is left. from_zero: the y axis starts at 0. x_range, y_range: fixed bounds of
    the axes, which must hold all points.
    """
    lines = [Series(s.name, _thin(_finite(s.points)), s.dots) for s in series]
    lines = [s for s in lines if s.points]
    if not lines:
        return "", {}
    xs = [x for s in lines for x, _ in s.points] if x_range is None else list(x_range)
    ys = [y for s in lines for _, y in s.points]
    x_low, x_high = min(xs), max(xs)
    if x_high == x_low:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    y_low, y_high = y_range or (0.0 if from_zero and min(ys) >= 0 else min(ys), max(ys))
    y_ticks = ticks(y_low, y_high, 5)
    if y_range is None:
        y_low, y_high = min(y_low, y_ticks[0]), max(y_high, y_ticks[-1])
    if y_high == y_low:
        y_high = y_low + 1.0
    show = y_format or number
    plot = _Plot(x_low, x_high, y_low, y_high)
    parts = [_grid(plot, ticks(x_low, x_high, 6), y_ticks, show, x_label)]
    for i, line in enumerate(lines):
        path = " ".join(f"{plot.x(x):.1f},{plot.y(y):.1f}" for x, y in line.points)
        parts.append(f'<polyline class="line s{i}" points="{path}"/>')
        if line.dots or len(line.points) == 1:
            parts += [
                f'<circle class="dot s{i}" cx="{plot.x(x):.1f}" cy="{plot.y(y):.1f}" r="3"/>'
                for x, y in line.points
            ]
    last = "; ".join(
        f"{s.name}: {show(s.points[0][1])} at {x_label} {number(s.points[0][0])}, "
        f"{show(s.points[-1][1])} at {x_label} {number(s.points[-1][0])}"
        for s in lines
    )
    data = {
        "plot": [LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM],
        "x": [x_low, x_high],
        "y": [y_low, y_high],
        "unit": unit,
        "xLabel": x_label,
        "series": [
            {"name": s.name, "points": [[x, y] for x, y in s.points], "text": [show(y) for _, y in s.points]}
            for s in lines
        ],
    }
    return _svg(title, last, "".join(parts)), data


def reliability_chart(bins: Sequence[Bin]) -> str:
    """Accuracy over confidence: bars on the diagonal are what a calibrated model has."""
    plot = _Plot(0, 1, 0, 1)
    steps = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    parts = [_grid(plot, steps, steps, lambda v: f"{100 * v:.0f} %", "confidence", percent_x=True)]
    largest = max((one.count for one in bins), default=1)
    for one in bins:
        x, width = plot.x(one.low) + 1.5, plot.x(one.high) - plot.x(one.low) - 3
        y = plot.y(one.accuracy)
        shade = 0.35 + 0.65 * math.sqrt(one.count / largest)
        label = (
            f"confidence {100 * one.low:.0f} to {100 * one.high:.0f} %: {one.count} predictions, "
            f"mean confidence {100 * one.confidence:.1f} %, right {100 * one.accuracy:.1f} %"
        )
        parts.append(
            f'<g class="bin"><title>{escape(label)}</title>'
            f'<rect class="column s0" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{plot.y(0) - y:.1f}" fill-opacity="{shade:.2f}"/>'
            f'<line class="mark" x1="{x:.1f}" x2="{x + width:.1f}" '
            f'y1="{plot.y(one.confidence):.1f}" y2="{plot.y(one.confidence):.1f}"/></g>'
        )
    parts.append(f'<line class="ideal" x1="{plot.x(0)}" y1="{plot.y(0)}" x2="{plot.x(1)}" y2="{plot.y(1)}"/>')
    summary = "; ".join(
        f"{100 * b.low:.0f}-{100 * b.high:.0f} %: right {100 * b.accuracy:.0f} % of {b.count}" for b in bins
    )
    return _svg("Reliability diagram", summary, "".join(parts))


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers that span low to high (Heckbert 1990, Nice Numbers for Graph Labels)."""
    if high <= low:
        return [low]
    raw = (high - low) / max(1, count - 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def number(value: float) -> str:
    """A short form for axes: 1,200, 0.35, 5e-05."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.3g}"
    return f"{value:.4g}"


@dataclass(frozen=True)
class _Plot:
    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _grid(
    plot: _Plot,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    show: Callable[[float], str],
    x_label: str,
    percent_x: bool = False,
) -> str:
    parts = []
    for value in y_ticks:
        y = plot.y(value)
        if TOP - 1 <= y <= HEIGHT - BOTTOM + 1:
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(show(value))}</text>'
            )
    for value in x_ticks:
        x = plot.x(value)
        if LEFT - 1 <= x <= WIDTH - RIGHT + 1:
            text = f"{100 * value:.0f} %" if percent_x else number(value)
            anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="{anchor}">{escape(text)}</text>'
            )
    parts.append(
        f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 3}" text-anchor="end">{escape(x_label)}</text>'
    )
    return "".join(parts)


def _svg(title: str, description: str, body: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}. '
        f'{escape(description)}">{body}</svg>'
    )


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= MAX_POINTS:
        return points
    stride = math.ceil(len(points) / MAX_POINTS)
    kept = points[::stride]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
