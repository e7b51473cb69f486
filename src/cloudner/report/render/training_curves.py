"""Curves of a training from the JSONL log of its run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudner.pages.charts import Series, line_chart
from cloudner.pages.numbers import number, percent
from cloudner.report.loggers.progress import score_prefix


@dataclass(frozen=True)
class Curve:
    """A chart, the names of its lines where it has several, and what the page's script shows under the pointer."""

    key: str
    title: str
    svg: str
    data: dict[str, object]
    legend: list[str]
    best: str = ""


def training_curves(log: list[dict[str, Any]]) -> list[Curve]:
    """Those for which the log has values, over the same steps."""
    logged = (record.get("scores") for record in log)
    prefix = next((score_prefix(scores) for scores in logged if isinstance(scores, dict) and scores), "ents")
    dev = [
        Series(name, _scores(log, f"{prefix}_{kind}"), dots=True)
        for name, kind in (("F1", "f"), ("precision", "p"), ("recall", "r"))
    ]
    plots: list[tuple[str, str, list[Series]]] = [
        ("loss", "Loss per step", [Series("loss", _column(log, "loss"))]),
        ("f1", "Dev scores", dev),
        ("lr", "Learning rate", [Series("learning rate", _column(log, "lr"))]),
        ("speed", "Words per second", [Series("words/s", _column(log, "words_per_second"))]),
        ("memory", f"{_memory_name(log)} in MiB", [Series("memory", _column(log, "memory_mb"))]),
    ]
    steps = [step for step, _ in _column(log, "step")]
    shared = (min(steps), max(steps)) if steps else None
    curves = []
    for key, title, series in plots:
        in_percent = (lambda value: f"{100 * value:.0f} %") if key == "f1" else None
        svg, data = line_chart(title, series, x_range=shared, y_format=in_percent)
        if data:
            legend = [line.name for line in series] if len(series) > 1 else []
            curves.append(Curve(key, title, svg, data, legend, _best(series[0]) if key == "f1" else ""))
    return curves


def _best(f1: Series) -> str:
    if not f1.points:
        return ""
    step, best = max(f1.points, key=lambda point: (point[1], -point[0]))
    return f"best F1 {percent(best)} at step {number(step)}"


def _memory_name(log: list[dict[str, Any]]) -> str:
    kinds = {record.get("memory_kind") for record in log}
    return "GPU memory" if kinds & {"cuda", "mps"} else "Memory of the process"


def _column(log: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    return [
        (float(record["step"]), float(record[key]))
        for record in log
        if isinstance(record.get("step"), (int, float)) and isinstance(record.get(key), (int, float))
    ]


def _scores(log: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    flat = [
        {"step": record.get("step"), key: scores.get(key)}
        for record in log
        if isinstance(scores := record.get("scores"), dict)
    ]
    return _column(flat, key)
