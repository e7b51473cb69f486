"""Inline SVG charts: no script is needed to read them, colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cloudner.pages.numbers import number

# In units of the view box. Texts are 12 high on a wide screen and grow to 20 on a narrow one: the margins have room for it.
WIDTH, HEIGHT = 560, 256
LEFT, RIGHT, TOP, BOTTOM = 80, 14, 14, 50
MAX_POINTS = 500  # more than the chart has pixels only costs file size
TITLED = 42  # the top where the y axis has a title


@dataclass(frozen=True)
class Series:
    """A named line; `points` are (x, y) sorted by x; `dots` marks each point."""

    name: str
    points: list[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Plot:
    """The area of a chart between its axes: values to places in the SVG."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
    top: float = TOP

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - self.top - BOTTOM)

    def grid(
        self,
        x_ticks: Sequence[float],
        y_ticks: Sequence[float],
        x_format: Callable[[float], str],
        y_format: Callable[[float], str],
        x_label: str,
        y_label: str = "",
    ) -> Markup:
        """Lines and numbers of both axes, and what they count. Every second of more than five numbers of the x axis
        gives way where a narrow screen makes them large."""
        parts = []
        for value in y_ticks:
            y = self.y(value)
            if self.top - 1 <= y <= HEIGHT - BOTTOM + 1:
                parts.append(element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
                parts.append(element("text", y_format(value), x=LEFT - 8, y=y + 4, text_anchor="end"))
        for i, value in enumerate(x_ticks):
            x = self.x(value)
            if LEFT - 1 <= x <= WIDTH - RIGHT + 1:
                place = {
                    "x": x, "y": HEIGHT - BOTTOM + 23, "text_anchor": "end" if x > WIDTH - RIGHT - 20 else "middle",
                }  # fmt: skip
                parts.append(
                    element(
                        "text",
                        x_format(value),
                        class_="minor" if i % 2 and len(x_ticks) > 5 else "major",
                        **place,
                    )
                )
        parts.append(
            element("text", x_label, class_="axis", x=WIDTH - RIGHT, y=HEIGHT - 5, text_anchor="end")
        )
        if y_label:
            parts.append(element("text", y_label, class_="axis", x=0, y=20))
        return Markup("").join(parts)


def element(tag: str, content: str = "", **attributes: Any) -> Markup:
    """An element; content (unless it is `Markup`) and attributes are escaped, numbers have one decimal at most.
    `class_` is `class`, other underscores are hyphens."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _short(value))
        for name, value in attributes.items()
    )
    head = Markup("<{}{}").format(Markup(tag), written)
    return head + Markup("/>") if content == "" else head + Markup(">{}</{}>").format(content, Markup(tag))


def _short(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def svg(title: str, description: str, body: Markup, height: float = HEIGHT) -> Markup:
    """The chart; screen readers read the title and the description."""
    return element(
        "svg",
        body,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=f"{title}. {description}" if description else title,
    )


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "step",
    y_label: str = "",
    unit: str = "",
    y_format: Callable[[float], str] | None = None,
    from_zero: bool = True,
    x_range: tuple[float, float] | None = None,
    mark: float | None = None,
    mark_label: str = "",
) -> tuple[Markup, dict[str, object]]:
    """An SVG and what a script needs to show values under the pointer.

    Values that are not finite are left out; both are empty where nothing is left. from_zero: the y axis starts at 0.
    x_range: fixed bounds of the x axis, which must hold all points. mark: an x at which a vertical line stands, with
    mark_label at its side, if it is within the chart. y_label: what the y axis counts, at its top.
    """
    lines = [Series(s.name, _thin(_finite(s.points)), s.dots) for s in series]
    lines = [s for s in lines if s.points]
    if not lines:
        return Markup(""), {}
    xs = [x for s in lines for x, _ in s.points] if x_range is None else list(x_range)
    ys = [y for s in lines for _, y in s.points]
    x_low, x_high = min(xs), max(xs)
    if x_high == x_low:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    y_low, y_high = 0.0 if from_zero and min(ys) >= 0 else min(ys), max(ys)
    y_ticks = ticks(y_low, y_high, 5)
    y_low, y_high = min(y_low, y_ticks[0]), max(y_high, y_ticks[-1])
    if y_high == y_low:
        y_high = y_low + 1.0
    show = y_format or number
    plot = Plot(x_low, x_high, y_low, y_high, TITLED if y_label else TOP)
    parts = [plot.grid(ticks(x_low, x_high, 6), y_ticks, number, show, x_label, y_label)]
    for i, line in enumerate(lines):
        path = " ".join(f"{plot.x(x):.1f},{plot.y(y):.1f}" for x, y in line.points)
        parts.append(element("polyline", class_=f"line s{i % 5}", points=path))
        if line.dots or len(line.points) == 1:
            parts += [
                element("circle", class_=f"dot s{i % 5}", cx=plot.x(x), cy=plot.y(y), r=3)
                for x, y in line.points
            ]
    if mark is not None and x_low <= mark <= x_high:
        x = plot.x(mark)
        parts.append(element("line", class_="mark", x1=x, x2=x, y1=plot.top, y2=HEIGHT - BOTTOM))
        side: dict[str, Any] = (
            {"x": x + 6} if x < (LEFT + WIDTH - RIGHT) / 2 else {"x": x - 6, "text_anchor": "end"}
        )
        parts.append(element("text", mark_label, y=plot.top + 14, **side) if mark_label else Markup(""))
    description = "; ".join(_said(s, show, x_label) for s in lines)
    data: dict[str, object] = {
        "plot": [LEFT, WIDTH - RIGHT, plot.top, HEIGHT - BOTTOM],
        "x": [x_low, x_high],
        "y": [y_low, y_high],
        "unit": unit,
        "xLabel": x_label,
        "series": [
            {"name": s.name, "points": [[x, y] for x, y in s.points], "text": [show(y) for _, y in s.points]}
            for s in lines
        ],
    }
    return svg(title, description, Markup("").join(parts)), data


def _said(line: Series, show: Callable[[float], str], x_label: str) -> str:
    (x, y), (last_x, last_y) = line.points[0], line.points[-1]
    return f"{line.name}: {show(y)} at {x_label} {number(x)}, {show(last_y)} at {x_label} {number(last_x)}"


def ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round numbers that span low to high (Heckbert 1990, Nice Numbers for Graph Labels)."""
    if high <= low:
        return [low]
    raw = (high - low) / max(1, count - 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= MAX_POINTS:
        return points
    stride = math.ceil(len(points) / MAX_POINTS)
    kept = points[::stride]
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]
