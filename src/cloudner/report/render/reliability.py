"""The reliability diagram: accuracy over confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from cloudner.pages.charts import TITLED, Plot, element, svg
from cloudner.report.evaluation.confidence import Bin


def reliability_chart(bins: Sequence[Bin]) -> Markup:
    """Bars that end on the diagonal are what a calibrated model has."""
    plot = Plot(0, 1, 0, 1, TITLED)
    steps = [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    parts = [plot.grid(steps, steps, _percent, _percent, "confidence", "right")]
    largest = max((one.count for one in bins), default=1)
    for one in bins:
        x, width = plot.x(one.low) + 1.5, plot.x(one.high) - plot.x(one.low) - 3
        y, mean = plot.y(one.accuracy), plot.y(one.confidence)
        shade = 0.35 + 0.65 * math.sqrt(one.count / largest)
        hint = (
            f"confidence {100 * one.low:.0f} to {100 * one.high:.0f} %: {one.count} predictions, "
            f"mean confidence {100 * one.confidence:.1f} %, right {100 * one.accuracy:.1f} %"
        )
        column = element(
            "rect",
            class_="column s0",
            x=x,
            y=y,
            width=width,
            height=plot.y(0) - y,
            fill_opacity=f"{shade:.2f}",
        )
        tick = element("line", class_="mark", x1=x, x2=x + width, y1=mean, y2=mean)
        parts.append(element("g", element("title", hint) + column + tick, class_="bin"))
    parts.append(element("line", class_="ideal", x1=plot.x(0), y1=plot.y(0), x2=plot.x(1), y2=plot.y(1)))
    summary = "; ".join(
        f"{100 * b.low:.0f}-{100 * b.high:.0f} %: right {100 * b.accuracy:.0f} % of {b.count}" for b in bins
    )
    return svg("Reliability diagram", summary, Markup("").join(parts))


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
