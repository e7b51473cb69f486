"""The parts of the report's page on how the pipeline was made: training curves, hardware, settings, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any

import spacy

import cloudner
from cloudner.report.charts import Series, line_chart, number
from cloudner.report.markup import percent, tree_card

if TYPE_CHECKING:
    from cloudner.report.evaluate import Evaluation


def training(log: list[dict[str, Any]]) -> tuple[str, dict[str, object]]:
    """Curves from the run's JSONL log and the numbers under them."""
    if not log:
        return (
            "<p class='empty'>No training log beside the model. The logger <code>cloudner.Console.v1</code> writes "
            "<code>log.jsonl</code> there.</p>",
            {},
        )
    percents = {"y_format": lambda v: f"{100 * v:.0f} %", "unit": "", "from_zero": True}
    plots: list[tuple[str, str, list[Series], dict[str, Any]]] = [
        ("loss", "Loss a step", [Series("loss", _column(log, "loss"))], {}),
        (
            "f1",
            "Dev scores",
            [
                Series(name, _scores(log, key), dots=True)
                for name, key in (("F1", "ents_f"), ("precision", "ents_p"), ("recall", "ents_r"))
            ],
            percents,
        ),
        ("lr", "Learning rate", [Series("learning rate", _column(log, "lr"))], {}),
        ("speed", "Words a second", [Series("words/s", _column(log, "words_per_second"))], {}),
        ("memory", f"{_memory_name(log)} in MiB", [Series("memory", _column(log, "memory_mb"))], {}),
    ]
    steps = [step for step, _ in _column(log, "step")]
    shared = (min(steps), max(steps)) if steps else None
    parts: list[str] = []
    data: dict[str, object] = {}
    for key, title, series, options in plots:
        svg, chart = line_chart(title, series, x_range=shared, **options)
        if not chart:
            continue
        data[key] = chart
        legend = ""
        if len(series) > 1:
            legend = "".join(f"<span class='key s{i}'>{escape(s.name)}</span>" for i, s in enumerate(series))
        if key == "f1" and series[0].points:
            step, best = max(series[0].points, key=lambda point: (point[1], -point[0]))
            legend += f"<span class='best'>best F1 {percent(best)} at step {number(step)}</span>"
        parts.append(
            f"<figure class='card plot' data-chart='{key}'><figcaption>{title}{legend}"
            f"<output class='readout'></output></figcaption>{svg}</figure>"
        )
    return "<div class='plots'>" + "".join(parts) + "</div>", data


def run(evaluation: Evaluation) -> str:
    """Hardware, resolved settings and versions, as far as the pipeline or its run recorded them."""
    recorded = dict(evaluation.meta.get("cloudner") or {})
    recorded.update(evaluation.run)
    recorded.pop("calibration", None)  # has its place among the confidences
    meta = evaluation.meta
    machine: dict[str, Any] = {
        "Evaluated with": f"cloudner {cloudner.__version__}, spaCy {spacy.__version__}, "
        f"Python {platform.python_version()}",
        "On": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC",
        "Platform": platform.platform(),
        "Pipeline": ", ".join(meta.get("pipeline") or []) or "(empty)",
        "Trained for spaCy": meta.get("spacy_version", ""),
    }
    parts = [tree_card("This evaluation", machine)]
    loose = {}
    for key, value in recorded.items():
        if isinstance(value, Mapping) and value:
            parts.append(tree_card(str(key).replace("_", " ").capitalize(), value))
        else:
            loose[key] = value
    if loose:
        parts.append(tree_card("Training run", loose))
    settings = evaluation.config.get("training")
    if isinstance(settings, Mapping):
        parts.append(tree_card("Training config", settings, closed=True))
    components = evaluation.config.get("components")
    if isinstance(components, Mapping):
        parts.append(tree_card("Components config", components, closed=True))
    return "".join(parts)


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
